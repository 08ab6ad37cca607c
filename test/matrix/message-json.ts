// Random messages of any type, made from its descriptor, with texts that are easily broken.

import { type DescField, type DescMessage, type JsonValue, ScalarType } from "@bufbuild/protobuf";
import { FieldMaskSchema, TimestampSchema } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";

const text = fc.string({ unit: "binary", maxLength: 12 }).filter((value) => value.isWellFormed());
const words = fc.oneof(
  text,
  fc.constantFrom("", "__proto__", "%2F", "a/b", "a:b", ":", ".", "..", "+ &=#?", "null", "💥"),
);

const SCALARS: Partial<Record<ScalarType, fc.Arbitrary<JsonValue>>> = {
  [ScalarType.STRING]: words,
  [ScalarType.BOOL]: fc.boolean(),
  [ScalarType.INT32]: fc.integer(),
  [ScalarType.INT64]: fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n).map(String),
};

/** The value of a field in ProtoJSON. */
function jsonOf(field: DescField): fc.Arbitrary<JsonValue> {
  const one = (): fc.Arbitrary<JsonValue> => {
    if (field.message !== undefined) return messageJson(field.message);
    if (field.enum !== undefined)
      return fc.constantFrom(...field.enum.values.map(({ name }) => name));
    const scalar = field.scalar === undefined ? undefined : SCALARS[field.scalar];
    if (scalar !== undefined) return scalar;
    throw new Error(`${field.parent.typeName}.${field.name}: SCALARS knows no such type; add it`);
  };
  return field.fieldKind === "list" ? fc.array(one(), { maxLength: 3 }) : one();
}

/** A message in ProtoJSON; any field but the required ones may be missing. */
export function messageJson(
  desc: DescMessage,
  required: readonly string[] = [],
): fc.Arbitrary<JsonValue> {
  if (desc.typeName === "google.protobuf.StringValue") return words;
  if (desc.typeName === TimestampSchema.typeName) {
    return fc
      .date({ min: new Date("0001-01-01"), max: new Date("9999-12-31"), noInvalidDate: true })
      .map((date) => date.toISOString());
  }
  // Over REST the fields that are sent say what a mask would.
  const fields = desc.fields.filter(
    ({ message }) => message?.typeName !== FieldMaskSchema.typeName,
  );
  const model = Object.fromEntries(fields.map((field) => [field.jsonName, jsonOf(field)]));
  return fc.record(model, { requiredKeys: [...required] }) as fc.Arbitrary<JsonValue>;
}
