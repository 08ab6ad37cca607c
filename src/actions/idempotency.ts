// Idempotency: the same `Idempotency-Key` with the same body within 60 s gets the same answer again
// (draft-ietf-httpapi-idempotency-key-header). Key, work and saved answer share one transaction.

import type { Store } from "../core/ports.ts";
import { sha256Hex } from "../core/secret.ts";
import { TapinError } from "../errors.ts";

/** Seconds an answer can be asked for again. */
export const IDEMPOTENCY_SECONDS = 60;

/** What a caller sent to make a call repeatable. */
export interface IdempotencyKey {
  /** The header's value. */
  readonly key: string;
  /** SHA-256 of the request in a canonical form. */
  readonly bodyHash: string;
}

/**
 * Does the work once for each key; what it came to is the answer to every repetition, a refusal
 * included, so the work must answer a refusal instead of throwing it. Fails with `conflict` for the
 * same key with another body. The result must survive JSON.
 */
export async function once<T>(
  store: Store,
  call: { projectId: string; operation: string; idempotency: IdempotencyKey | null },
  work: (store: Store) => Promise<T>,
): Promise<T> {
  const { projectId, operation, idempotency } = call;
  if (idempotency === null) return await work(store);
  const keyHash = sha256Hex(idempotency.key);
  return await store.transaction(async (inner) => {
    const claim = await inner.idempotency.claim(projectId, {
      operation,
      keyHash,
      bodyHash: idempotency.bodyHash,
      ttlSeconds: IDEMPOTENCY_SECONDS,
    });
    if (claim.kind === "conflict") {
      throw new TapinError("CONFLICT", {
        sentence: "This Idempotency-Key was used with another request.",
      });
    }
    if (claim.kind === "repeat") return claim.result as T;
    const result = await work(inner);
    await inner.idempotency.save(projectId, { operation, keyHash, result });
    return result;
  });
}
