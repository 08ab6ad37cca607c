// What is refused here in JSON: the envelope that Tapin's own API has, so that one reader
// understands both. The pretend messengers' APIs refuse in their vendors' forms instead; those live
// in their folders.

import { randomUUID } from "node:crypto";

const CODES = {
  400: "validation_failed",
  403: "forbidden",
  404: "not_found",
  405: "method_not_allowed",
  413: "body_too_large",
  415: "unsupported_media_type",
  500: "internal",
  503: "unavailable",
} as const;

/** A status that something here is refused with. */
export type ProblemStatus = keyof typeof CODES;

/** Body of a refusal. */
export interface Problem {
  /** A sentence that may be shown. */
  readonly error: string;
  readonly code: string;
  readonly retryable: boolean;
  readonly request_id: string;
}

/** Makes the body; `code` is that of the status unless a better one is known. */
export function makeProblem(
  status: ProblemStatus,
  given: { readonly error: string; readonly requestId: string; readonly code?: string },
): Problem {
  const { error, requestId, code = CODES[status] } = given;
  return { error, code, retryable: status === 503, request_id: requestId };
}

/**
 * The id of the request, which the answer carries too: that of whoever handed the request on, or
 * else a new one.
 */
export function requestIdOf(res: {
  getHeader(name: string): unknown;
  setHeader(name: string, value: string): unknown;
}): string {
  const given = res.getHeader("x-request-id");
  if (typeof given === "string") return given;
  const made = randomUUID();
  res.setHeader("x-request-id", made);
  return made;
}
