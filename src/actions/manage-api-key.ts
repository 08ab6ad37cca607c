// Manage a project's API keys: create, list and revoke them, for the operator.

import type { ApiKeyInfo, Ports } from "../core/ports.ts";
import { API_KEY_PREFIX, randomText, SECRET_LENGTH, sha256Hex } from "../core/secret.ts";
import { cleanName } from "../core/subscriber.ts";
import { TapinError } from "../errors.ts";
import { getProject } from "./manage-project.ts";

/**
 * Makes a key; this is the only time that it can be seen. Fails with `project_not_found`, or
 * `validation_failed` when the name could not be shown as it is.
 */
export async function createApiKey(
  ports: Pick<Ports, "store" | "random">,
  slug: string,
  name: string,
): Promise<{ keyId: string; apiKey: string }> {
  const project = await getProject(ports, slug);
  if (cleanName(name) !== name) {
    const message = "must be 1-64 plain characters without control characters or outer spaces";
    throw new TapinError("VALIDATION_FAILED", { violations: [{ field: "name", message }] });
  }
  const apiKey = API_KEY_PREFIX + randomText(ports.random, SECRET_LENGTH);
  const key = await ports.store.apiKeys.create(project.id, {
    name,
    hint: apiKey.slice(-4),
    hash: sha256Hex(apiKey),
  });
  return { keyId: key.id, apiKey };
}

/** The project's keys, oldest first, revoked ones included. Fails with `project_not_found`. */
export async function listApiKeys(
  ports: Pick<Ports, "store">,
  slug: string,
): Promise<readonly ApiKeyInfo[]> {
  const project = await getProject(ports, slug);
  return await ports.store.apiKeys.list(project.id);
}

/** Ends a key at once; again changes nothing. Fails with `project_not_found` or `not_found`. */
export async function revokeApiKey(
  ports: Pick<Ports, "store">,
  slug: string,
  keyId: string,
): Promise<void> {
  const project = await getProject(ports, slug);
  if (!(await ports.store.apiKeys.revoke(project.id, keyId))) throw new TapinError("NOT_FOUND");
}
