// docs/errors.md says what the table of errors and the proto enum say.

import { expect, it } from "vitest";
import { ErrorReasonSchema } from "#gen/tapin/error/v1/error_pb.ts";
import { ERRORS, type Reason } from "../../src/errors.ts";
import { readPage, sections } from "./pages.ts";

const reasons = Object.keys(ERRORS) as Reason[];
const page = sections(readPage("docs/errors.md"), 3);

it("docs/errors.md has a section for every reason of the table and of the proto enum, and no other", () => {
  const inProto = ErrorReasonSchema.values
    .filter(({ number }) => number !== 0)
    .map(({ name }) => name.replace(/^ERROR_REASON_/, "").toLowerCase());
  expect([...page.keys()].sort()).toEqual(reasons.map((reason) => reason.toLowerCase()).sort());
  expect([...page.keys()].sort()).toEqual(inProto.sort());
});

it.each(reasons)(
  "docs/errors.md tells of %s the statuses of the table, and what to do",
  (reason) => {
    const { http, rpc, retryable } = ERRORS[reason];
    const section = page.get(reason.toLowerCase()) ?? "";
    const facts = `HTTP ${http}, gRPC \`${rpc}\`, ${retryable ? "" : "not "}retryable.`;
    expect(section.trim().split("\n")[0]).toBe(facts);
    expect(section).toMatch(/_Do:_\s\w/);
  },
);
