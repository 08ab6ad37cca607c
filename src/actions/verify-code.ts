// Verify a code: trade it for the subscriber's data, once.

import { WRONG_VERIFIER_LIMIT } from "../core/grant.ts";
import type { Ports, VerifiedProfile } from "../core/ports.ts";
import type { Project } from "../core/project.ts";
import { challengeOf, sha256Hex } from "../core/secret.ts";
import { TapinError } from "../errors.ts";
import { type IdempotencyKey, once } from "./idempotency.ts";

/** What the website trades. */
export interface VerifyCodeInput {
  readonly code: string;
  readonly codeVerifier: string | null;
}

/**
 * Uses the code and answers who signed in. Fails with one and the same `code_invalid` for a code that is
 * unknown, expired, used, another project's, or has the wrong verifier; three wrong verifiers burn it (T3).
 */
export async function verifyCode(
  { store }: Pick<Ports, "store">,
  project: Project,
  input: VerifyCodeInput,
  idempotency: IdempotencyKey | null,
): Promise<VerifiedProfile> {
  const codeHash = sha256Hex(input.code);
  const challenge = input.codeVerifier === null ? null : challengeOf(input.codeVerifier);
  const call = { projectId: project.id, operation: "verify_code", idempotency };
  const { profile } = await once<Verification>(store, call, async (inner) => {
    const verified = await inner.grants.verify(project.id, codeHash, challenge);
    if (verified === null) {
      await inner.grants.countWrongVerifier(project.id, codeHash, WRONG_VERIFIER_LIMIT);
    }
    return { profile: verified };
  });
  if (profile === null) throw new TapinError("CODE_INVALID");
  return profile;
}

/** What a call came to; null = the code is not valid. */
interface Verification {
  readonly profile: VerifiedProfile | null;
}
