// Requests that break the validation rules of the proto files, one for each rule that a request's
// descriptors have. The rules are counted in the descriptors, so that a new one that no candidate
// breaks is noticed.

import {
  create,
  type DescField,
  type DescMessage,
  type DescMethod,
  getOption,
  hasOption,
} from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { createValidator } from "@bufbuild/protovalidate";
import {
  FieldRulesSchema,
  field as fieldRules,
} from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import type { Fields } from "./recipes.ts";

/** A request that breaks a rule. */
export interface BrokenRule {
  /** Path of the field, in proto names. */
  readonly field: string;
  /** Such as `string.pattern`, or the id of a rule in CEL. */
  readonly rule: string;
  readonly request: Fields;
}

const validator = createValidator();

/** One request for each rule of the method's input. `good` is a request that breaks none. */
export function brokenRulesOf(method: DescMethod, good: Fields): readonly BrokenRule[] {
  return rulesOf(method.input).map(({ path, rule }) => {
    const field = path.map(({ name }) => name).join(".");
    const requests = candidates(rule).map((value) => withValue(good, path, value));
    const request = requests.find((each) => breaks(method.input, each, rule));
    if (request !== undefined) return { field, rule, request };
    throw new Error(
      `${method.name}: nothing in CANDIDATES of test/matrix/broken-rules.ts breaks ${rule} of ${field}; add a value that does.`,
    );
  });
}

interface Rule {
  readonly path: readonly DescField[];
  readonly rule: string;
}

function rulesOf(desc: DescMessage, before: readonly DescField[] = []): readonly Rule[] {
  return desc.fields.flatMap((field) => {
    const path = [...before, field];
    const isOurs = field.fieldKind === "message" && field.message.typeName.startsWith("tapin.");
    return [
      ...idsOn(field).map((rule) => ({ path, rule })),
      ...(isOurs ? rulesOf(field.message, path) : []),
    ];
  });
}

/** The ids that violations of the field's rules have. */
function idsOn(field: DescField): readonly string[] {
  if (!hasOption(field, fieldRules)) return [];
  const rules = reflect(FieldRulesSchema, getOption(field, fieldRules));
  const ids = getOption(field, fieldRules).cel.map(({ id }) => id);
  for (const set of rules.fields.filter((each) => rules.isSet(each))) {
    if (set.name === "required") ids.push("required");
    if (set.oneof?.name !== "type" || set.fieldKind !== "message") continue;
    const bounds = rules.get(set) as ReflectMessage;
    for (const { name } of bounds.fields.filter((each) => bounds.isSet(each))) {
      ids.push(`${set.name}.${name}`);
    }
  }
  return ids;
}

const LOW = [-1, "-1", 0, "0"];
const HIGH = [2 ** 31 - 1, "9007199254740993"];
const TEXTS = ["!", "a b", "", "x".repeat(5000)];

/**
 * Values that break some rule of that name, by the end of the name; the first that does is taken.
 */
const CANDIDATES: Readonly<Record<string, readonly unknown[]>> = {
  gt: LOW,
  gte: LOW,
  lt: HIGH,
  lte: HIGH,
  defined_only: [99],
  not_in: [0],
  max_items: [Array(200).fill("https://shop.example/a")],
  required: [undefined],
};

function candidates(rule: string): readonly unknown[] {
  return CANDIDATES[rule.slice(rule.indexOf(".") + 1)] ?? TEXTS;
}

function withValue(fields: Fields, path: readonly DescField[], value: unknown): Fields {
  const [first, ...rest] = path;
  if (first === undefined) return fields;
  const inner = (fields[first.localName] ?? {}) as Fields;
  return {
    ...fields,
    [first.localName]: rest.length === 0 ? value : withValue(inner, rest, value),
  };
}

function breaks(desc: DescMessage, request: Fields, rule: string): boolean {
  const result = validator.validate(desc, create(desc, request as never));
  if (result.kind !== "invalid") return false;
  // Two bounds together have one id, such as int32.gte_lte.
  const [type, bound = ""] = rule.split(".");
  return result.violations.some(({ ruleId }) => {
    const [ofType, ofBounds = ""] = ruleId.split(".");
    return ruleId === rule || (ofType === type && ofBounds.split("_").includes(bound));
  });
}
