// Verify a code: trade it for the subscriber's data, once.

import { WRONG_VERIFIER_LIMIT } from "../core/grant.ts";
import type { Ports } from "../core/ports.ts";
import type { Project } from "../core/project.ts";
import { challengeOf, sha256Hex } from "../core/secret.ts";
import type { VerifiedProfile } from "../core/session-ports.ts";
import { TapinError } from "../errors.ts";
import { avatarUrlOf } from "./avatar-url.ts";
import { type IdempotencyKey, once } from "./idempotency.ts";

/** What the website trades. */
export interface VerifyCodeInput {
  readonly code: string;
  readonly codeVerifier: string | null;
}

type VerifyPorts = Pick<Ports, "store" | "bots" | "secrets" | "settings">;

/**
 * Uses the code and answers who signed in. Fails with one and the same `code_invalid` for a code
 * that is unknown, expired, used, another project's, or has the wrong verifier; three wrong
 * verifiers burn it (T3).
 */
export async function verifyCode(
  ports: VerifyPorts,
  project: Project,
  input: VerifyCodeInput,
  idempotency: IdempotencyKey | null,
): Promise<VerifiedProfile> {
  const codeHash = sha256Hex(input.code);
  const challenge = input.codeVerifier === null ? null : challengeOf(input.codeVerifier);
  const ownAvatarUrl = await ownAvatarUrlOf(ports, project, codeHash);
  const call = { projectId: project.id, operation: "verify_code", idempotency };
  const { profile } = await once<Verification>(ports.store, call, async (inner) => {
    const verified = await inner.grants.verify(project.id, codeHash, challenge);
    if (verified !== null) {
      return { profile: { ...verified, avatarUrl: verified.avatarUrl ?? ownAvatarUrl } };
    }
    await inner.grants.countWrongVerifier(project.id, codeHash, WRONG_VERIFIER_LIMIT);
    return { profile: null };
  });
  if (profile === null) throw new TapinError("CODE_INVALID");
  return profile;
}

/** What a call came to, as it is kept for repetitions; null = the code is not valid. */
interface Verification {
  readonly profile: VerifiedProfile | null;
}

// Before the code is used: whatever fails here leaves the code as it is, and nothing is left to
// fail after it.
async function ownAvatarUrlOf(
  ports: VerifyPorts,
  project: Project,
  codeHash: string,
): Promise<string | null> {
  const { store, settings } = ports;
  if (settings.avatarsUrl === null) return null;
  const subscriberId = await store.grants.subscriberOfLive(project.id, codeHash);
  if (subscriberId === null) return null;
  const subscriber = await store.subscribers.find(project.id, subscriberId);
  return subscriber === null ? null : await avatarUrlOf(ports, subscriber, await store.clock());
}
