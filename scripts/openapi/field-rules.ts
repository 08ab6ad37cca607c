// buf.validate rules as keywords of JSON Schema. A rule that is not known here stops the
// generation: what the server refuses, the document must say.

import { type DescField, getOption, hasOption, type Message } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import {
  type FieldRules,
  FieldRulesSchema,
  field as fieldRules,
} from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import type { Schema } from "./json-schema.ts";

type Keywords = Readonly<Record<string, unknown>>;
type Translate = (value: never) => Keywords;

/** Rule of a type -> keywords. 64-bit integers are text in JSON, where bounds cannot be told. */
const TRANSLATIONS: Readonly<Record<string, Readonly<Record<string, Translate>>>> = {
  "buf.validate.StringRules": {
    min_len: (value: bigint) => ({ minLength: Number(value) }),
    max_len: (value: bigint) => ({ maxLength: Number(value) }),
    pattern: (value: string) => ({ pattern: value }),
  },
  "buf.validate.Int32Rules": {
    gte: (value: number) => ({ minimum: value }),
    lte: (value: number) => ({ maximum: value }),
  },
  "buf.validate.Int64Rules": {
    gt: (value: bigint) => {
      if (value !== 0n) throw new Error(`cannot say "> ${value}"`);
      return { pattern: "^[1-9][0-9]*$" };
    },
    lt: (value: bigint) => ({ maxLength: String(value - 1n).length }),
  },
  "buf.validate.RepeatedRules": {
    max_items: (value: bigint) => ({ maxItems: Number(value) }),
  },
  // Only the names that the enum declares are in the schema, and never the one for 0.
  "buf.validate.EnumRules": { defined_only: () => ({}), not_in: () => ({}) },
};

/** What CEL may say, a condition at a time. */
const CONDITIONS: readonly (readonly [RegExp, (text: string) => Schema])[] = [
  [/^this\.matches\('(.*)'\)$/, (text) => ({ pattern: text.replace(/\\(['\\])/g, "$1") })],
  [/^this\.size\(\) >= (\d+)$/, (text) => ({ minLength: Number(text) })],
  [/^this\.size\(\) <= (\d+)$/, (text) => ({ maxLength: Number(text) })],
  // As many characters have at least as many bytes.
  [/^bytes\(this\)\.size\(\) <= (\d+)$/, (text) => ({ maxLength: Number(text) })],
  [/^!this\.contains\('%'\)()$/, () => ({ not: { pattern: "%" } })],
  [/^this\.isIp\(\)()$/, () => ({ anyOf: [{ format: "ipv4" }, { format: "ipv6" }] })],
];

/**
 * The keywords for the rules of a field; empty when it has none. Throws on a rule it does not know.
 */
export function keywordsOf(field: DescField): Schema {
  if (!hasOption(field, fieldRules)) return {};
  const rules = getOption(field, fieldRules);
  try {
    const { case: type, value } = rules.type;
    return Object.assign({}, ...rules.cel.map(readCel), type && readRules(value), checkRest(rules));
  } catch (error) {
    throw new Error(`${field}: ${error instanceof Error ? error.message : error}`, {
      cause: error,
    });
  }
}

function readCel({ expression }: FieldRules["cel"][number]): Schema {
  return Object.assign({}, ...expression.split(" && ").map(readCondition));
}

function readCondition(text: string): Schema {
  for (const [pattern, make] of CONDITIONS) {
    const match = pattern.exec(text);
    if (match !== null) return make(match[1] ?? "");
  }
  throw new Error(`the condition ${text} cannot be told in JSON Schema`);
}

function readRules(rules: Message): Schema {
  const known = TRANSLATIONS[rules.$typeName] ?? {};
  return Object.assign(
    {},
    ...setFields(rules).map(([name, value]) => translate(known, name, value)),
  );
}

function translate(
  known: Readonly<Record<string, Translate>>,
  name: string,
  value: unknown,
): Schema {
  const make = known[name];
  if (make === undefined) throw new Error(`the rule ${name} cannot be told in JSON Schema`);
  return make(value as never);
}

/** `required` is told by the list of required fields. */
function checkRest(rules: FieldRules): Schema {
  const types = new Set(
    FieldRulesSchema.oneofs.flatMap((oneof) => oneof.fields.map(({ name }) => name)),
  );
  const other = setFields(rules).find(
    ([name]) => name !== "required" && name !== "cel" && !types.has(name),
  );
  if (other !== undefined) throw new Error(`the rule ${other[0]} cannot be told in JSON Schema`);
  return {};
}

function setFields(rules: Message): readonly (readonly [string, unknown])[] {
  const types = FieldRulesSchema.file.messages;
  const desc = types.find(({ typeName }) => typeName === rules.$typeName);
  if (desc === undefined) throw new Error(`${rules.$typeName} cannot be told in JSON Schema`);
  const view = reflect(desc, rules);
  return desc.fields
    .filter((field) => view.isSet(field))
    .map((field) => [field.name, view.get(field)]);
}
