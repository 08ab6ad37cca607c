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

/** The key and its project, or null when it is unknown or revoked. Notes the use, at most once a minute. */
export async function authenticateApiKey(
  { store }: Pick<Ports, "store">,
  apiKey: string,
): Promise<LiveKey | null> {
  const keyHash = sha256Hex(apiKey);
  const project = await store.apiKeys.findProject(keyHash);
  if (project === null) return null;
  // Nobody waits for it, and a use that could not be noted refuses nobody: the next call notes its own.
  store.apiKeys.touch(keyHash).catch(() => undefined);
  return { project, keyHash };
}
