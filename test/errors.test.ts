// The table of errors: equal to the proto enum, and the contract's mapping to the letter.

import { describe, expect, it } from "vitest";
import { ErrorReasonSchema } from "#gen/tapin/error/v1/error_pb.ts";
import { ERRORS, type Reason, type RpcCode, TapinError } from "../src/errors.ts";

// Contract section 2, and the statuses that HTTP itself needs.
const CONTRACT: readonly (readonly [Reason, number, RpcCode])[] = [
  ["VALIDATION_FAILED", 400, "invalid_argument"],
  ["CODE_INVALID", 400, "failed_precondition"],
  ["REDIRECT_URI_INVALID", 400, "invalid_argument"],
  ["UNAUTHORIZED", 401, "unauthenticated"],
  ["FORBIDDEN", 403, "permission_denied"],
  ["SESSION_NOT_FOUND", 404, "not_found"],
  ["PROJECT_NOT_FOUND", 404, "not_found"],
  ["NOT_FOUND", 404, "not_found"],
  ["CONFLICT", 409, "already_exists"],
  ["RATE_LIMITED", 429, "resource_exhausted"],
  ["INTERNAL", 500, "internal"],
  ["UNAVAILABLE", 503, "unavailable"],
  ["DEADLINE_EXCEEDED", 504, "deadline_exceeded"],
  ["METHOD_NOT_ALLOWED", 405, "unimplemented"],
  ["NOT_ACCEPTABLE", 406, "invalid_argument"],
  ["BODY_TOO_LARGE", 413, "resource_exhausted"],
  ["URI_TOO_LONG", 414, "resource_exhausted"],
  ["UNSUPPORTED_MEDIA_TYPE", 415, "invalid_argument"],
  ["HEADERS_TOO_LARGE", 431, "resource_exhausted"],
  ["UNIMPLEMENTED", 501, "unimplemented"],
  ["CANCELED", 499, "canceled"],
];

const reasons = Object.keys(ERRORS) as Reason[];

describe("ERRORS", () => {
  it.each(CONTRACT)("%s is HTTP %i and %s", (reason, http, rpc) => {
    expect(ERRORS[reason]).toMatchObject({ http, rpc });
  });

  it("has every reason of the proto enum and no other", () => {
    const inProto = ErrorReasonSchema.values
      .filter(({ number }) => number !== 0)
      .map(({ name }) => name.replace(/^ERROR_REASON_/, ""));
    expect([...reasons].sort()).toEqual(inProto.sort());
    expect(CONTRACT.map(([reason]) => reason).sort()).toEqual([...reasons].sort());
  });

  it("calls retryable only what the same call may get past later", () => {
    const retryable = reasons.filter((reason) => ERRORS[reason].retryable);
    expect(retryable).toEqual(["RATE_LIMITED", "UNAVAILABLE", "DEADLINE_EXCEEDED"]);
  });

  it.each(reasons)("%s has a sentence for people", (reason) => {
    expect(ERRORS[reason].sentence).toMatch(/^[A-Z].*\.$/);
  });
});

describe("TapinError", () => {
  it("says the table's sentence unless the thrower says more", () => {
    expect(new TapinError("CODE_INVALID").message).toBe("The code is not valid.");
    expect(new TapinError("CONFLICT", { sentence: "Taken." }).message).toBe("Taken.");
  });

  it("keeps its cause for the log and out of what is sent", () => {
    const cause = new Error("password of the database");
    const error = new TapinError("INTERNAL", { cause });
    expect(error.cause).toBe(cause);
    expect(error.message).not.toContain("password");
  });

  it("carries nothing that was not given", () => {
    const error = new TapinError("NOT_FOUND");
    expect([error.violations, error.retryAfterSeconds, error.headers]).toEqual([[], null, []]);
    expect(error.meaning).toBe(ERRORS.NOT_FOUND);
  });
});
