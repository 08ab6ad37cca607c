// Who calls for a session, as the verbs know it: the caller, the reader it is for the code, and
// what it calls its call.

import type { Caller } from "../actions/caller.ts";
import { checkOrigin } from "../actions/check-origin.ts";
import type { Reader } from "../core/grant.ts";
import type { Ports } from "../core/ports.ts";
import { randomUuid, sha256Hex } from "../core/secret.ts";
import { TapinError } from "../errors.ts";
import { type Soon, whenThere } from "../transcoder/soon.ts";
import type { AdmittedCall } from "./call.ts";

/**
 * Who asks for this session. Fails with `unauthorized`, and with `forbidden` when a page of another
 * origin asks.
 */
export function callerOf(
  ports: Pick<Ports, "store" | "secrets">,
  { identity, origin }: Pick<AdmittedCall, "identity" | "origin">,
  sessionId: string,
): Soon<Caller> {
  if (identity.kind !== "api_key" && identity.kind !== "watch_token") {
    throw new TapinError("UNAUTHORIZED");
  }
  return whenThere(checkOrigin(ports, { caller: identity, sessionId, origin }), () => identity);
}

/**
 * A watch token is one reader for ever; an API key is a new one on every call, unless it repeats
 * its key.
 */
export function readerOf(ports: Pick<Ports, "random">, call: AdmittedCall): Reader {
  if (call.identity.kind === "watch_token") return { kind: "watch_token" };
  return new KeyReader(ports, idempotencyKeyOf(call));
}

/**
 * Whoever reads with an API key. Its id is made when a code is there to be received: most polls
 * find none.
 */
class KeyReader {
  readonly kind = "api_key";
  readonly #ports: Pick<Ports, "random">;
  readonly #key: string | null;
  #callId: string | null = null;

  constructor(ports: Pick<Ports, "random">, key: string | null) {
    this.#ports = ports;
    this.#key = key;
  }

  get callId(): string {
    this.#callId ??= this.#key === null ? randomUuid(this.#ports.random) : sha256Hex(this.#key);
    return this.#callId;
  }
}

/**
 * What the caller calls its call, so that it may be repeated; null = nothing. Fails with
 * `validation_failed`.
 */
export function idempotencyKeyOf(call: AdmittedCall): string | null {
  const key = call.headers.get("idempotency-key");
  if (key === null) return null;
  if (/^[\x21-\x7e]([\x20-\x7e]{0,254})$/.test(key)) return key;
  throw new TapinError("VALIDATION_FAILED", {
    violations: [{ field: "Idempotency-Key", message: "must be 1-255 printable ASCII characters" }],
  });
}
