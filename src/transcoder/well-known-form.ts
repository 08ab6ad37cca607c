// The JSON and URL forms of the well-known types (google.protobuf.*) that are not plain objects.
// google.protobuf.Any is not here: it needs a registry and the codecs themselves.

import type { DescMessage, JsonValue, Message } from "@bufbuild/protobuf";
import { create, fromJson, isMessage, toJson } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import { FieldMaskSchema, isWrapperDesc } from "@bufbuild/protobuf/wkt";
import {
  type Scalar,
  scalarFromJson,
  scalarFromText,
  scalarRule,
  scalarToJson,
} from "./scalar-value.ts";

/** How one well-known type appears in REST. */
export interface WellKnownForm {
  /** What a value must be, to be read after the field's name. */
  readonly rule: string;
  /** Reads the JSON form; undefined when it is not one. */
  fromJson(json: JsonValue): Message | undefined;
  /** Reads the text of a query parameter; not there when the type has no text. */
  readonly fromText?: (text: string) => Message | undefined;
  /** Writes the JSON form. Throws when the message is out of the range of its type. */
  toJson(message: Message): JsonValue;
}

const timestampPattern =
  /^(\d{4})-(\d{2})-(\d{2})T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;
const durationPattern = /^-?\d{1,12}(?:\.\d{1,9})?s$/;
const maskPathPattern = /^[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*$/;

const makers: Readonly<Record<string, (desc: DescMessage) => WellKnownForm>> = {
  "google.protobuf.Timestamp": (desc) =>
    textForm(desc, "must be an RFC 3339 time such as 2026-01-31T12:00:00Z", isTimestamp),
  "google.protobuf.Duration": (desc) =>
    textForm(desc, "must be a duration in seconds such as 1.5s", (text) =>
      durationPattern.test(text),
    ),
  "google.protobuf.FieldMask": () => fieldMaskForm,
  "google.protobuf.Struct": (desc) => valueForm(desc, "must be an object"),
  "google.protobuf.ListValue": (desc) => valueForm(desc, "must be an array"),
  "google.protobuf.Value": (desc) => valueForm(desc, "must be a JSON value"),
};

const cache = new WeakMap<DescMessage, WellKnownForm>();

/** The form of a well-known type; undefined for a message that is a plain JSON object. */
export function wellKnownForm(desc: DescMessage): WellKnownForm | undefined {
  const known = cache.get(desc);
  if (known !== undefined) return known;
  const make = Object.hasOwn(makers, desc.typeName) ? makers[desc.typeName] : undefined;
  const form = make?.(desc) ?? (isWrapperDesc(desc) ? wrapperForm(desc) : undefined);
  if (form !== undefined) cache.set(desc, form);
  return form;
}

// The day must exist: Date.parse would silently turn 30 February into 2 March.
function isTimestamp(text: string): boolean {
  const match = timestampPattern.exec(text);
  if (match === null) return false;
  const [year, month, day] = match.slice(1, 4).map(Number) as [number, number, number];
  const lastDay = new Date(Date.UTC(2000, month, 0)).getUTCDate();
  const leapDay = month === 2 && day === 29;
  const leapYear = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return month >= 1 && month <= 12 && day >= 1 && day <= lastDay && (!leapDay || leapYear);
}

function textForm(
  desc: DescMessage,
  rule: string,
  isValid: (text: string) => boolean,
): WellKnownForm {
  const fromText = (text: string) => (isValid(text) ? readOrUndefined(desc, text) : undefined);
  return {
    rule,
    fromJson: (json) => (typeof json === "string" ? fromText(json) : undefined),
    fromText,
    toJson: (message) => toJson(desc, message),
  };
}

function valueForm(desc: DescMessage, rule: string): WellKnownForm {
  return {
    rule,
    fromJson: (json) => readOrUndefined(desc, json),
    toJson: (message) => toJson(desc, message),
  };
}

function readOrUndefined(desc: DescMessage, json: JsonValue): Message | undefined {
  try {
    return fromJson(desc, json);
  } catch {
    return undefined;
  }
}

// Names in REST are proto names, so masks hold them too. ProtoJSON's lowerCamel is read as well.
const fieldMaskForm: WellKnownForm = {
  rule: "must be field names separated by commas",
  fromJson: (json) => (typeof json === "string" ? fieldMaskFromText(json) : undefined),
  fromText: fieldMaskFromText,
  toJson: (message) => (isMessage(message, FieldMaskSchema) ? message.paths.join(",") : ""),
};

function fieldMaskFromText(text: string): Message | undefined {
  const paths = text === "" ? [] : text.split(",");
  if (!paths.every((path) => maskPathPattern.test(path))) return undefined;
  return create(FieldMaskSchema, { paths: paths.map(toProtoName) });
}

function toProtoName(path: string): string {
  return path.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function wrapperForm(desc: DescMessage): WellKnownForm | undefined {
  const field = desc.fields[0];
  if (field?.fieldKind !== "scalar") return undefined;
  const type = field.scalar;
  const wrap = (value: Scalar | undefined) => {
    if (value === undefined) return undefined;
    const wrapper = reflect(desc);
    wrapper.set(field, value);
    return wrapper.message;
  };
  return {
    rule: scalarRule(type),
    fromJson: (json) => wrap(scalarFromJson(type, json)),
    fromText: (text) => wrap(scalarFromText(type, text)),
    toJson: (message) => scalarToJson(reflect(desc, message).get(field)),
  };
}
