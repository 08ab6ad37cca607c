// The demo project: what the sandbox's website logs in to. Made at the first start, kept up to date
// after.

import { authenticateApiKey } from "./actions/authenticate.ts";
import { listApiKeys } from "./actions/manage-api-key.ts";
import { createProject, getProject, updateProject } from "./actions/manage-project.ts";
import type { Ports } from "./core/ports.ts";
import {
  API_KEY_PREFIX,
  randomText,
  repeatableBytes,
  SECRET_LENGTH,
  sha256Hex,
} from "./core/secret.ts";
import { TapinError } from "./errors.ts";
import type { Keyring } from "./keyring.ts";

/** Slug of the demo project. */
export const DEMO_SLUG = "demo";

const KEY_NAME = "demo website";

/** Makes sure that the project exists with these addresses, and answers a valid API key of it. */
export async function ensureDemoProject(
  ports: Ports,
  keyring: Keyring,
  publicUrl: string,
): Promise<string> {
  const draft = {
    name: "Tapin Demo",
    callbackUrl: `${publicUrl}/demo/callback`,
    originUrl: new URL(publicUrl).origin,
    redirectUris: [],
    matchCodeRequired: false,
    subscription: "automatic" as const,
  };
  try {
    await createProject(ports, { slug: DEMO_SLUG, ...draft });
  } catch (error) {
    // Made at an earlier start, or by another process that starts at this very moment.
    if (!(error instanceof TapinError) || error.reason !== "CONFLICT") throw error;
    await updateProject(ports, DEMO_SLUG, draft);
  }
  const kept = await keyring.read("demo-api-key");
  if (kept !== null && (await isValid(ports, kept))) return kept;
  const apiKey = await ensureApiKey(ports);
  await keyring.write("demo-api-key", apiKey);
  return apiKey;
}

async function isValid(ports: Ports, apiKey: string): Promise<boolean> {
  return (await authenticateApiKey(ports, apiKey))?.project.slug === DEMO_SLUG;
}

// Derived from the server secret: processes without a data directory share one key through all
// their starts, where a random one would be left behind, valid, by each. Revoking it makes the next
// start derive another.
async function ensureApiKey(ports: Ports): Promise<string> {
  const { id } = await getProject(ports, DEMO_SLUG);
  const earlier = (await listApiKeys(ports, DEMO_SLUG)).filter(({ name }) => name === KEY_NAME);
  const revoked = earlier.filter(({ revokedAt }) => revokedAt !== null).length;
  const bytes = repeatableBytes(ports.secrets.derive(`demo-api-key|${revoked}`));
  const apiKey = API_KEY_PREFIX + randomText(bytes, SECRET_LENGTH);
  if (await isValid(ports, apiKey)) return apiKey;
  const key = { name: KEY_NAME, hint: apiKey.slice(-4), hash: sha256Hex(apiKey) };
  try {
    await ports.store.apiKeys.create(id, key);
  } catch (error) {
    // Another process that starts at this very moment was faster.
    if (!(await isValid(ports, apiKey))) throw error;
  }
  return apiKey;
}
