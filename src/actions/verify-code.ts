// Verify a code: trade it for the subscriber's data, once.

import { WRONG_VERIFIER_LIMIT } from "../core/grant.ts";
import type { Ports, VerifiedProfile } from "../core/ports.ts";
import type { Project } from "../core/project.ts";
import { challengeOf, sha256Hex } from "../core/secret.ts";
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
 * Uses the code and answers who signed in. Fails with one and the same `code_invalid` for a code that is
 * unknown, expired, used, another project's, or has the wrong verifier; three wrong verifiers burn it (T3).
 */
export async function verifyCode(
  ports: VerifyPorts,
  project: Project,
  input: VerifyCodeInput,
  idempotency: IdempotencyKey | null,
): Promise<VerifiedProfile> {
  const codeHash = sha256Hex(input.code);
  const challenge = input.codeVerifier === null ? null : challengeOf(input.codeVerifier);
  const call = { projectId: project.id, operation: "verify_code", idempotency };
  const { profile, madeAt } = await once<Verification>(ports.store, call, async (inner) => {
    const verified = await inner.grants.verify(project.id, codeHash, challenge);
    if (verified === null) {
      await inner.grants.countWrongVerifier(project.id, codeHash, WRONG_VERIFIER_LIMIT);
    }
    const needsTime = verified?.avatarUrl === null && ports.settings.avatarsUrl !== null;
    return { profile: verified, madeAt: needsTime ? (await inner.clock()).toISOString() : null };
  });
  if (profile === null) throw new TapinError("CODE_INVALID");
  return madeAt === null ? profile : await withOwnAvatar(ports, project, { profile, madeAt });
}

/** What a call came to; null = the code is not valid. */
interface Verification {
  readonly profile: VerifiedProfile | null;
  /** When the address of the picture was made, RFC 3339, for the same one in each repetition; null = none is. */
  readonly madeAt: string | null;
}

// After the transaction: the messenger is asked, which may take a while.
async function withOwnAvatar(
  ports: VerifyPorts,
  project: Project,
  { profile, madeAt }: { profile: VerifiedProfile; madeAt: string },
): Promise<VerifiedProfile> {
  const subscriber = await ports.store.subscribers.find(project.id, profile.subscriberId);
  if (subscriber === null) return profile;
  return { ...profile, avatarUrl: await avatarUrlOf(ports, subscriber, new Date(madeAt)) };
}
