// The demo project: what the sandbox's website logs in to. Made at the first start, kept up to date after.

import { authenticateApiKey } from "./actions/authenticate.ts";
import { createApiKey } from "./actions/manage-api-key.ts";
import { createProject, updateProject } from "./actions/manage-project.ts";
import type { Ports } from "./core/ports.ts";
import { TapinError } from "./errors.ts";
import type { Keyring } from "./keyring.ts";

/** Slug of the demo project. */
export const DEMO_SLUG = "demo";

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
  const project = kept === null ? null : await authenticateApiKey(ports, kept);
  if (kept !== null && project?.slug === DEMO_SLUG) return kept;
  const { apiKey } = await createApiKey(ports, DEMO_SLUG, "demo website");
  await keyring.write("demo-api-key", apiKey);
  return apiKey;
}
