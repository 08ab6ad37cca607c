// The REST form of an error: contract section 2, for every status from 400 to 599.

import type { TapinError } from "../errors.ts";

/** Body of every REST error. */
export type ErrorEnvelope = {
  error: string;
  code: string;
  retryable: boolean;
  request_id: string;
  violations?: { field: string; message: string }[];
};

/** A REST error, ready to be written. */
export interface RestError {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: ErrorEnvelope;
}

/** Converts an error for a REST caller. */
export function toRestError(error: TapinError, requestId: string): RestError {
  const headers: (readonly [string, string])[] = [...error.headers];
  if (error.retryAfterSeconds !== null) {
    headers.push(["retry-after", String(error.retryAfterSeconds)]);
  }
  const body: ErrorEnvelope = {
    error: error.message,
    code: error.reason.toLowerCase(),
    retryable: error.meaning.retryable,
    request_id: requestId,
    ...(error.violations.length > 0
      ? { violations: error.violations.map((violation) => ({ ...violation })) }
      : {}),
  };
  return { status: error.meaning.http, headers, body };
}
