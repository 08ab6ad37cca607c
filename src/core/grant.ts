// A grant: the fact that a subscriber approved a session (or a static link) for a project. A code
// stands for it; only the code's hash is stored, the code itself is derived again from the grant's
// id.

/** A grant as delivery needs it. */
export interface Grant {
  /** UUID; the code is derived from it. */
  readonly id: string;
  readonly projectId: string;
  /** Null for a static link. */
  readonly sessionId: string | null;
  /** SHA-256 of the code, in hex. */
  readonly codeHash: string;
}

/** Who reads a session, for the rule "one code, one recipient". */
export type Reader =
  | { readonly kind: "watch_token" }
  /** `callId` is fresh for each call, or derived from the caller's idempotency key. */
  | { readonly kind: "api_key"; readonly callId: string };

/** The recipient a reader stands for, as it is stored beside the grant. */
export function recipientOf(reader: Reader): string {
  return reader.kind === "watch_token" ? "watch" : `key:${reader.callId}`;
}

/** Wrong verifiers after which a code is burnt (T3). */
export const WRONG_VERIFIER_LIMIT = 3;
