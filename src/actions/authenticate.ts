// Authenticate an API key: from the secret to the project it belongs to.

import type { Ports } from "../core/ports.ts";
import type { Project } from "../core/project.ts";
import { sha256Hex } from "../core/secret.ts";

/** The project of a key that is not revoked, or null. Notes the use, at most once a minute. */
export async function authenticateApiKey(
  { store }: Pick<Ports, "store">,
  apiKey: string,
): Promise<Project | null> {
  const hash = sha256Hex(apiKey);
  const project = await store.apiKeys.findProject(hash);
  if (project !== null) await store.apiKeys.touch(hash);
  return project;
}
