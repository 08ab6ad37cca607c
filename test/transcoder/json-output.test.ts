// Messages to JSON in REST form: what is shown, what is null, what is absent, and in which order.

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import {
  AnySchema,
  anyPack,
  DurationSchema,
  NullValue,
  StringValueSchema,
} from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";
import { JsonOutput } from "../../src/transcoder/json-output.ts";
import {
  Aliased,
  AuthorSchema,
  EverythingSchema,
  Genre,
  GetMyBookRequestSchema,
  ListTitlesResponseSchema,
  Loose,
  ShelfSchema,
} from "./gen/library/v1/library_pb.ts";
import { libraryRegistry } from "./library.ts";

type Everything = MessageInitShape<typeof EverythingSchema>;

function write(init: Everything): Record<string, unknown> {
  const writer = new JsonOutput(libraryRegistry).message(EverythingSchema);
  const json = writer(reflect(EverythingSchema, create(EverythingSchema, init)));
  return JSON.parse(JSON.stringify(json)) as Record<string, unknown>;
}

describe("JsonOutput.message", () => {
  it("shows every implicit field, null for unset messages, and nothing for optional and oneof", () => {
    expect(write({})).toStrictEqual({
      text: "",
      int32_value: 0,
      int64_value: "0",
      uint32_value: 0,
      uint64_value: "0",
      sint32_value: 0,
      sint64_value: "0",
      fixed32_value: 0,
      sfixed64_value: "0",
      float_value: 0,
      double_value: 0,
      bool_value: false,
      bytes_value: "",
      genre: "unspecified",
      loose: "none",
      inner: null,
      texts: [],
      numbers: [],
      genres: [],
      inners: [],
      labels: {},
      inner_by_number: {},
      genre_by_flag: {},
      wrapped_text: null,
      wrapped_int64: null,
      wrapped_bool: null,
      wrapped_bytes: null,
      time: null,
      duration: null,
      mask: null,
      struct: null,
      value: null,
      list: null,
      null: null,
      any: null,
      wrapped_texts: [],
      values: [],
    });
  });

  it("keeps the order of the declaration, not of the numbers", () => {
    const keys = Object.keys(write({ optionalText: "x" }));
    expect(keys.slice(0, 3)).toEqual(["text", "int32_value", "int64_value"]);
    expect(keys.indexOf("optional_text")).toBe(keys.indexOf("loose") + 1);
  });

  it.each<[Everything, Record<string, unknown>]>([
    [{ genre: Genre.SCIENCE_FICTION }, { genre: "science_fiction" }],
    [{ genre: 99 as Genre }, { genre: 99 }],
    [{ loose: Loose.SOME }, { loose: "some" }],
    [{ aliased: Aliased.OLD }, { aliased: "new" }],
    [{ optionalText: "" }, { optional_text: "" }],
    [{ optionalGenre: Genre.UNSPECIFIED }, { optional_genre: "unspecified" }],
    [{ int64Value: -(2n ** 63n) }, { int64_value: "-9223372036854775808" }],
    [{ uint64Value: 2n ** 64n - 1n }, { uint64_value: "18446744073709551615" }],
    [{ doubleValue: Number.NaN }, { double_value: "NaN" }],
    [{ doubleValue: Number.NEGATIVE_INFINITY }, { double_value: "-Infinity" }],
    [{ bytesValue: new Uint8Array([251, 255]) }, { bytes_value: "+/8=" }],
    [{ genres: [Genre.POETRY, Genre.UNSPECIFIED] }, { genres: ["poetry", "unspecified"] }],
    [{ inner: {} }, { inner: { name: "", number: 0, inner: null } }],
    [
      { inner: { inner: {} } },
      { inner: { name: "", number: 0, inner: { name: "", number: 0, inner: null } } },
    ],
    [{ inners: [{ name: "a" }] }, { inners: [{ name: "a", number: 0, inner: null }] }],
    [
      { innerByNumber: { 7: {} } },
      { inner_by_number: { 7: { name: "", number: 0, inner: null } } },
    ],
    [{ genreByFlag: { true: Genre.POETRY } }, { genre_by_flag: { true: "poetry" } }],
    [{ choice: { case: "choiceText", value: "" } }, { choice_text: "" }],
    [
      { choice: { case: "choiceInner", value: {} } },
      { choice_inner: { name: "", number: 0, inner: null } },
    ],
    [{ choice: { case: "choiceWrapped", value: { value: 0 } } }, { choice_wrapped: 0 }],
    [{ wrappedText: "" }, { wrapped_text: "" }],
    [{ wrappedInt64: 5n }, { wrapped_int64: "5" }],
    [{ wrappedBool: false }, { wrapped_bool: false }],
    [{ wrappedBytes: new Uint8Array([1]) }, { wrapped_bytes: "AQ==" }],
    [{ wrappedTexts: [{ value: "a" }] }, { wrapped_texts: ["a"] }],
    [{ time: { seconds: 1n, nanos: 5_000_000 } }, { time: "1970-01-01T00:00:01.005Z" }],
    [{ duration: { seconds: 1n, nanos: 500_000_000 } }, { duration: "1.500s" }],
    [{ mask: { paths: ["a_b", "c.d_e"] } }, { mask: "a_b,c.d_e" }],
    [{ struct: { a: [1, null, { b: true }] } }, { struct: { a: [1, null, { b: true }] } }],
    [{ value: { kind: { case: "nullValue", value: NullValue.NULL_VALUE } } }, { value: null }],
    [{ list: { values: [] } }, { list: [] }],
  ])("writes %o", (init, expected) => {
    expect(write(init)).toMatchObject(expected);
  });

  it("keeps a map entry whose key is __proto__", () => {
    const labels = Object.fromEntries([["__proto__", "x"]]);
    expect(Object.entries(write({ labels }).labels as object)).toEqual([["__proto__", "x"]]);
  });

  it("writes the content of an Any in REST form, and refuses a type it does not know", () => {
    const author = create(AuthorSchema, { name: "Ann" });
    expect(write({ any: anyPack(AuthorSchema, author) }).any).toStrictEqual({
      "@type": "type.googleapis.com/library.v1.Author",
      name: "Ann",
      country: null,
    });
    expect(write({ any: create(AnySchema) }).any).toEqual({});
    const second = create(DurationSchema, { seconds: 1n });
    expect(write({ any: anyPack(DurationSchema, second) }).any).toStrictEqual({
      "@type": "type.googleapis.com/google.protobuf.Duration",
      value: "1s",
    });
    const text = anyPack(StringValueSchema, create(StringValueSchema, { value: "a" }));
    expect(() => write({ any: text })).toThrow("is not in the type registry");
  });

  it("writes a message that contains itself, and one without fields", () => {
    const output = new JsonOutput();
    const shelf = create(ShelfSchema, { shelfId: "1", below: { shelfId: "2" } });
    expect(output.message(ShelfSchema)(reflect(ShelfSchema, shelf))).toEqual({
      shelf_id: "1",
      below: { shelf_id: "2", below: null },
    });
    expect(output.message(GetMyBookRequestSchema)(reflect(GetMyBookRequestSchema))).toEqual({});
  });
});

describe("JsonOutput.fieldValue", () => {
  it("writes one field of any kind, and null for an unset message", () => {
    const output = new JsonOutput();
    const titles = create(ListTitlesResponseSchema, { titles: ["a", "b"] });
    const value = (name: string, init: Everything) => {
      const field = EverythingSchema.fields.find((candidate) => candidate.name === name);
      if (field === undefined) throw new Error(name);
      return output.fieldValue(field)(reflect(EverythingSchema, create(EverythingSchema, init)));
    };
    const write = output.fieldValue(ListTitlesResponseSchema.field.titles);
    expect(write(reflect(ListTitlesResponseSchema, titles))).toEqual(["a", "b"]);
    expect(value("labels", { labels: { a: "b" } })).toEqual({ a: "b" });
    expect(value("genre", { genre: Genre.POETRY })).toBe("poetry");
    expect(value("int64_value", {})).toBe("0");
    expect(value("inner", {})).toBeNull();
    expect(value("wrapped_text", { wrappedText: "x" })).toBe("x");
  });
});
