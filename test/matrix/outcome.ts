// What became of a call, in one form for all dialects, and what a refusal must look like in each.

import type { JsonValue } from "@bufbuild/protobuf";
import { expect } from "vitest";
import { ERRORS, type Reason } from "../../src/errors.ts";
import type { DialectName } from "../support/contract-client.ts";

/** What became of a call. */
export interface Outcome {
  /** HTTP status; 200 for grpc-js, which accepts no other. */
  readonly status: number;
  /** Headers and trailers. */
  readonly headers: Headers;
  /** The answers in ProtoJSON. */
  readonly messages: readonly JsonValue[];
  readonly failure: Failure | null;
}

/** How a refusal is told. */
export interface Failure {
  /** Such as `not_found`; null in REST, which has the HTTP status. */
  readonly code: string | null;
  readonly sentence: string;
  /** In capitals. */
  readonly reason: string;
  /** Of ErrorInfo; null in REST. */
  readonly domain: string | null;
  readonly requestId: string;
  readonly violations: readonly Violation[];
  /** Of RetryInfo; null when there is none, and in REST. */
  readonly retrySeconds: number | null;
  /** In REST; null in RPC. */
  readonly retryable: boolean | null;
}

/** A field at fault. */
export interface Violation {
  readonly field: string;
  readonly message: string;
}

/** HTTP status of a code in unary Connect calls (Connect protocol, "Error Codes"). */
const CONNECT_STATUS: Readonly<Record<string, number>> = {
  canceled: 499,
  invalid_argument: 400,
  deadline_exceeded: 504,
  not_found: 404,
  already_exists: 409,
  permission_denied: 403,
  resource_exhausted: 429,
  failed_precondition: 400,
  unimplemented: 501,
  internal: 500,
  unavailable: 503,
  unauthenticated: 401,
};

/** What is called, and how. */
export interface Cell {
  readonly dialect: DialectName;
  readonly isStream: boolean;
}

/** Every reason that some refusal was held against the table for. */
export const seenReasons = new Set<Reason>();

/**
 * What only a validator would say: signs of regular expressions, lists of numbers, `1 characters`.
 */
const UGLY = /regex|pattern|\bvalue\b|in list|[[\]^$\\`]|\(s\)|\b1 characters/;

/**
 * Fails unless the call was refused for this reason, as the table of reasons and the dialect
 * demand.
 */
export function expectRefusal(outcome: Outcome, reason: Reason, cell: Cell): Failure {
  const { failure, headers, status } = outcome;
  if (failure === null) throw new Error(`answered: ${JSON.stringify(outcome.messages)}`);
  const { rpc, http, retryable } = ERRORS[reason];
  const isRest = cell.dialect === "REST";
  const isUnaryConnect = /^Connect/.test(cell.dialect) && !cell.isStream;
  expect({ status, ...failure, violations: [], sentence: "", retrySeconds: 0 }).toEqual({
    status: isRest ? http : isUnaryConnect ? CONNECT_STATUS[rpc] : 200,
    code: isRest ? null : rpc,
    reason,
    domain: isRest ? null : "tapin",
    retryable: isRest ? retryable : null,
    requestId: headers.get("x-request-id"),
    violations: [],
    sentence: "",
    retrySeconds: 0,
  });
  expect(failure.sentence).toMatch(/^[A-Z"].*\.$/s);
  expect(headers.get("cache-control")).toBe("no-store");
  if (reason === "UNAUTHORIZED") expect(headers.get("www-authenticate")).toMatch(/^Bearer realm=/);
  if (reason !== "VALIDATION_FAILED") expect(failure.violations).toEqual([]);
  for (const { message } of failure.violations) expect(message).not.toMatch(UGLY);
  if (reason === "RATE_LIMITED") expectRetry(outcome, isRest);
  else expect([headers.get("retry-after"), failure.retrySeconds]).toEqual([null, null]);
  seenReasons.add(reason);
  return failure;
}

function expectRetry({ headers, failure }: Outcome, isRest: boolean): void {
  const seconds = Number(headers.get("retry-after"));
  expect(seconds).toBeGreaterThanOrEqual(1);
  expect(seconds).toBeLessThanOrEqual(60);
  if (!isRest) expect(failure?.retrySeconds).toBe(seconds);
}

/** Fails unless the call was answered; the answers. */
export function expectAnswer(outcome: Outcome): readonly JsonValue[] {
  expect(outcome.failure).toBeNull();
  expect(outcome.status).toBe(200);
  expect(outcome.headers.get("x-request-id")).toMatch(/^[A-Za-z0-9._-]{1,64}$/);
  expect(outcome.headers.get("cache-control")).toBe("no-store");
  return outcome.messages;
}
