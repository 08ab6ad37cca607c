// Authenticate an API key: from the secret to the project it belongs to.

import type { Ports } from "../core/ports.ts";
import type { Project } from "../core/project.ts";
import { sha256Hex } from "../core/secret.ts";

/** An API key that is not revoked. */
export interface LiveKey {
  readonly project: Project;
  /** SHA-256 of the key, in hex. */
  readonly keyHash: string;
}

/**
 * The key and its project, or null when it is unknown or revoked. Notes the use, at most once a
 * minute.
 */
export function authenticateApiKey(
  { store }: Pick<Ports, "store">,
  apiKey: string,
): Promise<LiveKey | null> | LiveKey | null {
  const keyHash = sha256Hex(apiKey);
  const live = (project: Project | null) => {
    if (project === null) return null;
    // Nobody waits for it, and a use that could not be noted refuses nobody: the next call notes
    // its own.
    store.apiKeys.touch(keyHash)?.catch(() => undefined);
    return { project, keyHash };
  };
  const project = store.apiKeys.findProject(keyHash);
  return project instanceof Promise ? project.then(live) : live(project);
}
