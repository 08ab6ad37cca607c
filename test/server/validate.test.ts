// The patterns of the proto files, which the runtime's own regular expressions match: they mean
// there what they mean in RE2, and none lets a hostile text cost more than its length.

import { getOption, hasOption } from "@bufbuild/protobuf";
import { createValidator } from "@bufbuild/protovalidate";
import { field as fieldRules } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import fc from "fast-check";
import { expect, it } from "vitest";
import { AdminService, file_tapin_admin_v1_admin } from "#gen/tapin/admin/v1/admin_pb.ts";
import { AuthService, file_tapin_auth_v1_auth } from "#gen/tapin/auth/v1/auth_pb.ts";
import { file_tapin_sandbox_v1_sandbox, SandboxService } from "#gen/tapin/sandbox/v1/sandbox_pb.ts";
import { createValidate } from "../../src/server/validate.ts";

const FILES = [file_tapin_auth_v1_auth, file_tapin_admin_v1_admin, file_tapin_sandbox_v1_sandbox];
const FIELDS = FILES.flatMap((file) => file.messages).flatMap((message) => message.fields);

/** Every pattern there is, as a rule or within an expression of CEL. */
const PATTERNS = new Set(
  FIELDS.filter((field) => hasOption(field, fieldRules)).flatMap((field) => {
    const { type, cel } = getOption(field, fieldRules);
    const plain = type.case === "string" ? [type.value.pattern] : [];
    const matched = cel.flatMap(({ expression }) =>
      [...expression.matchAll(/matches\('((?:[^'\\]|\\.)*)'\)/g)].map(([, text = ""]) =>
        text.replaceAll("\\'", "'"),
      ),
    );
    return [...plain, ...matched].filter((pattern) => pattern !== "");
  }),
);

/**
 * Classes that are repeated, and after them at most one group that its first character tells from
 * what is before.
 */
const SIMPLE = /^\^(?:\[[^\]]+\]\{\d+(?:,\d+)?\})(?:\(-\[A-Za-z0-9\]\{\d+,\d+\}\)\*)?\$$/;

it("createValidate: every pattern is so simple that matching it takes one pass", () => {
  expect(PATTERNS.size).toBeGreaterThan(5);
  for (const pattern of PATTERNS) expect(pattern).toMatch(SIMPLE);
});

it("createValidate: requests are judged as the validator judges them with RE2", () => {
  const methods = [AuthService, AdminService, SandboxService].flatMap(({ methods: all }) => all);
  const validate = createValidate(methods);
  const reference = createValidator();
  const { getSessionStatus, createSession } = AuthService.method;
  const text = fc.oneof(
    fc.stringMatching(/^[A-Za-z0-9_-]{14,18}\n?$/),
    fc.string({ unit: "binary", maxLength: 140 }),
    fc.stringMatching(/^[A-Za-z0-9_-]{42,44}\n?$/),
  );
  const isValid = (judge: () => void) => {
    try {
      judge();
      return true;
    } catch {
      return false;
    }
  };
  fc.assert(
    fc.property(text, (said) => {
      for (const [method, message] of [
        [getSessionStatus, { $typeName: getSessionStatus.input.typeName, sessionId: said }],
        [
          createSession,
          {
            $typeName: createSession.input.typeName,
            state: said,
            codeChallenge: said,
            matchCode: false,
          },
        ],
      ] as const) {
        const expected = reference.validate(method.input as never, message as never).kind;
        expect(isValid(() => validate(method, message as never))).toBe(expected === "valid");
      }
    }),
    { numRuns: 200 },
  );
});
