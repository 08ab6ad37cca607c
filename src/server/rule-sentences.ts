// What a broken rule of the proto files is called: the validator's own words show people regular
// expressions and lists of numbers. Rules that have a sentence of their own, in `cel`, and bounds
// of numbers and lengths keep theirs.

import { type DescField, getOption } from "@bufbuild/protobuf";
import type { Violation } from "@bufbuild/protovalidate";
import { field as fieldRules } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { enumNames } from "../transcoder/enum-name.ts";

/** Every pattern of the proto files, in words. */
const PATTERNS: Readonly<Record<string, string>> = {
  "^[A-Za-z0-9]{16}$": "must be 16 characters of A-Z a-z 0-9",
  "^[A-Za-z0-9_]{1,32}$": "must be 1-32 characters of A-Z a-z 0-9 _",
  "^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$": "must be a language tag such as ru or pt-BR",
  "^[a-z0-9-]{1,59}$": "must be 1-59 characters of a-z 0-9 -",
  "^[!-~]{1,512}$": "must be 1-512 printable ASCII characters without space",
};

/** What is wrong with the field, to be read after its name. */
export function sentenceFor({ ruleId, field: path, message }: Violation): string {
  const field = path.at(-1);
  return (field?.kind === "field" ? SENTENCES[ruleId]?.(field) : undefined) ?? message;
}

/** Undefined = the validator's words are good enough. */
type Sentence = (field: DescField) => string | undefined;

const oneOfItsNames: Sentence = ({ enum: desc }) => desc && enumNames(desc).rule;

const SENTENCES: Readonly<Record<string, Sentence>> = {
  required: () => "must be given",
  "enum.defined_only": oneOfItsNames,
  "enum.not_in": oneOfItsNames,
  "repeated.max_items": (field) => {
    const { type } = getOption(field, fieldRules);
    return type.case === "repeated" ? `must have at most ${type.value.maxItems} items` : undefined;
  },
  "string.min_len": (field) => {
    const { type } = getOption(field, fieldRules);
    const isOne = type.case === "string" && type.value.minLen === 1n;
    return isOne ? "must not be empty" : undefined;
  },
  "string.pattern": (field) => {
    const { type } = getOption(field, fieldRules);
    return type.case === "string" ? PATTERNS[type.value.pattern] : undefined;
  },
};
