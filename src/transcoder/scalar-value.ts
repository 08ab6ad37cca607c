// Scalars between Protobuf values, JSON and the text of a URL, by the rules of ProtoJSON
// (protobuf.dev/programming-guides/json), read strictly. Enums and messages have their own files.

import type { JsonValue } from "@bufbuild/protobuf";
import { ScalarType } from "@bufbuild/protobuf";
import { base64Decode, base64Encode } from "@bufbuild/protobuf/wire";

/** A scalar as the reflection API takes it; 64-bit integers are bigint. */
export type Scalar = string | number | bigint | boolean | Uint8Array;

interface ScalarForm {
  readonly rule: string;
  fromText(text: string): Scalar | undefined;
  fromJson(json: JsonValue): Scalar | undefined;
}

// No leading zeros and no "-0": one integer has one text, so map keys cannot be doubled.
const integerPattern = /^(?:0|-?[1-9][0-9]*)$/;
const decimalPattern = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/;
const base64Pattern = /^[A-Za-z0-9+/_-]*={0,2}$/;
const largestFloat = 3.4028234663852886e38;

const stringForm: ScalarForm = {
  rule: "must be a string",
  fromText: (text) => text,
  // A lone surrogate has no UTF-8 form, and Protobuf strings are UTF-8.
  fromJson: (json) => (typeof json === "string" && json.isWellFormed() ? json : undefined),
};

const boolForm: ScalarForm = {
  rule: "must be true or false",
  fromText: (text) => (text === "true" ? true : text === "false" ? false : undefined),
  fromJson: (json) => (typeof json === "boolean" ? json : undefined),
};

const bytesForm: ScalarForm = {
  rule: "must be a base64 string",
  fromText: bytesFromText,
  fromJson: (json) => (typeof json === "string" ? bytesFromText(json) : undefined),
};

const int32Form = integerForm(-(2n ** 31n), 2n ** 31n - 1n, Number);
const uint32Form = integerForm(0n, 2n ** 32n - 1n, Number);
const int64Form = integerForm(-(2n ** 63n), 2n ** 63n - 1n, (value) => value);
const uint64Form = integerForm(0n, 2n ** 64n - 1n, (value) => value);

const forms: Readonly<Record<ScalarType, ScalarForm>> = {
  [ScalarType.STRING]: stringForm,
  [ScalarType.BOOL]: boolForm,
  [ScalarType.BYTES]: bytesForm,
  [ScalarType.INT32]: int32Form,
  [ScalarType.SINT32]: int32Form,
  [ScalarType.SFIXED32]: int32Form,
  [ScalarType.UINT32]: uint32Form,
  [ScalarType.FIXED32]: uint32Form,
  [ScalarType.INT64]: int64Form,
  [ScalarType.SINT64]: int64Form,
  [ScalarType.SFIXED64]: int64Form,
  [ScalarType.UINT64]: uint64Form,
  [ScalarType.FIXED64]: uint64Form,
  [ScalarType.FLOAT]: decimalForm(largestFloat),
  [ScalarType.DOUBLE]: decimalForm(Number.MAX_VALUE),
};

/** What a value of the type must be, to be read after the field's name. */
export function scalarRule(type: ScalarType): string {
  return forms[type].rule;
}

/**
 * Reads a scalar from the decoded text of a path or query. Undefined when it is not of the type.
 */
export function scalarFromText(type: ScalarType, text: string): Scalar | undefined {
  return forms[type].fromText(text);
}

/**
 * Reads a scalar from JSON. Undefined when it is not of the type. 64-bit integers are strings or
 * numbers that JavaScript holds exactly: a larger number has lost its digits before it gets here.
 */
export function scalarFromJson(type: ScalarType, json: JsonValue): Scalar | undefined {
  return forms[type].fromJson(json);
}

/**
 * Writes a scalar as JSON: 64-bit integers as strings, bytes as base64, NaN and infinities by name.
 */
export function scalarToJson(value: Scalar): JsonValue {
  if (typeof value === "bigint") return value.toString();
  if (value instanceof Uint8Array) return base64Encode(value);
  if (typeof value === "number" && !Number.isFinite(value)) return String(value);
  return value;
}

function integerForm(least: bigint, most: bigint, toLocal: (value: bigint) => Scalar): ScalarForm {
  const inRange = (value: bigint) => (value >= least && value <= most ? toLocal(value) : undefined);
  // Twenty digits and a sign hold any 64-bit integer; longer text would make BigInt work for
  // nothing.
  const fromText = (text: string) =>
    text.length <= 21 && integerPattern.test(text) ? inRange(BigInt(text)) : undefined;
  return {
    rule: `must be an integer from ${least} to ${most}`,
    fromText,
    fromJson: (json) => {
      if (typeof json === "string") return fromText(json);
      return Number.isSafeInteger(json) ? inRange(BigInt(Number(json))) : undefined;
    },
  };
}

function decimalForm(largest: number): ScalarForm {
  const inRange = (value: number) => (Math.abs(value) <= largest ? value : undefined);
  const fromText = (text: string) => {
    if (text === "NaN" || text === "Infinity" || text === "-Infinity") return Number(text);
    return decimalPattern.test(text) ? inRange(Number(text)) : undefined;
  };
  return {
    rule: "must be a number",
    fromText,
    fromJson: (json) => {
      if (typeof json === "string") return fromText(json);
      return typeof json === "number" ? inRange(json) : undefined;
    },
  };
}

function bytesFromText(text: string): Uint8Array | undefined {
  const digits = text.replace(/=+$/, "").length;
  const padded = digits !== text.length;
  // One digit over a group of four holds six bits, less than a byte.
  if (!base64Pattern.test(text) || digits % 4 === 1) return undefined;
  if (padded && text.length % 4 !== 0) return undefined;
  return base64Decode(text);
}
