// Validates requests against the rules in the proto files: the same validator for every dialect.

import { create, type DescMethod, type Message } from "@bufbuild/protobuf";
import { pathToString } from "@bufbuild/protobuf/reflect";
import { createValidator, type Violation as RuleViolation } from "@bufbuild/protovalidate";
import { TapinError, type Violation } from "../errors.ts";
import { recall } from "./recall.ts";
import { sentenceFor } from "./rule-sentences.ts";

/** Fails with `validation_failed` and one violation for each broken rule. */
export type Validate = (method: DescMethod, request: Message) => void;

/**
 * The runtime's own regular expressions in place of RE2 in JavaScript, which takes longer than all
 * other rules. It is there to bound what a hostile pattern costs; these are ours: classes of
 * characters with nothing nested that could match in two ways (test/server/validate.test.ts).
 */
const expressionOf = recall((pattern) => new RegExp(pattern, "u"));

/**
 * Builds the validator; the rules of these methods are compiled now, since the first use costs 60
 * ms.
 */
export function createValidate(methods: Iterable<DescMethod>): Validate {
  const validator = createValidator({
    regexMatch: (pattern, against) => expressionOf(pattern).test(against),
  });
  for (const { input } of methods) validator.validate(input, create(input));
  return (method, request) => {
    const result = validator.validate(method.input, request);
    if (result.kind === "valid") return;
    if (result.kind === "error") throw result.error;
    throw new TapinError("VALIDATION_FAILED", { violations: result.violations.map(toViolation) });
  };
}

function toViolation(violation: RuleViolation): Violation {
  return { field: pathToString(violation.field), message: sentenceFor(violation) };
}
