// Properties: any message comes back the same through JSON bodies, any bindable message through a
// query, any value through a path; and no input at all makes the transcoder throw.

import { create } from "@bufbuild/protobuf";
import { base64Encode } from "@bufbuild/protobuf/wire";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Everything, EverythingSchema, Genre, Loose } from "./gen/library/v1/library_pb.ts";
import { openLibrary } from "./library.ts";

const text = fc.string({ unit: "binary", maxLength: 12 }).filter((value) => value.isWellFormed());
const int32 = fc.integer();
const uint32 = fc.nat(0xffffffff);
const int64 = fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n);
const uint64 = fc.bigInt(0n, 2n ** 64n - 1n);
const bytes = fc.uint8Array({ maxLength: 9 });
const genre = fc.constantFrom(Genre.UNSPECIFIED, Genre.POETRY, Genre.SCIENCE_FICTION);
// -0 is told from 0 by JavaScript, but not by JSON.stringify.
const double = fc.double().map((value) => (value === 0 ? 0 : value));
const float = fc.float().map((value) => (value === 0 ? 0 : value));

const scalars = {
  text,
  int32Value: int32,
  int64Value: int64,
  uint32Value: uint32,
  uint64Value: uint64,
  sint32Value: int32,
  sint64Value: int64,
  fixed32Value: uint32,
  sfixed64Value: int64,
  floatValue: float,
  doubleValue: double,
  boolValue: fc.boolean(),
  bytesValue: bytes,
  genre,
  loose: fc.constantFrom(Loose.NONE, Loose.SOME),
  optionalText: text,
  optionalGenre: genre,
  wrappedText: text,
  wrappedInt64: int64,
  wrappedBool: fc.boolean(),
  wrappedBytes: bytes,
  time: fc.record({
    seconds: fc.bigInt(-62_135_596_800n, 253_402_300_799n),
    nanos: fc.nat(999_999_999),
  }),
  duration: fc
    .tuple(fc.bigInt(0n, 315_576_000_000n - 1n), fc.nat(999_999_999), fc.constantFrom(1, -1))
    .map(([seconds, nanos, sign]) => ({
      seconds: seconds * BigInt(sign),
      nanos: nanos === 0 ? 0 : nanos * sign,
    })),
  mask: fc.record({
    paths: fc.array(fc.stringMatching(/^[a-z_][a-z0-9_]{0,5}$/), { maxLength: 3 }),
  }),
};

const { inner } = fc.letrec<{ inner: object }>((tie) => ({
  inner: fc.record(
    { name: text, number: int32, inner: fc.option(tie("inner"), { nil: undefined, maxDepth: 3 }) },
    { requiredKeys: [] },
  ) as fc.Arbitrary<object>,
}));

const jsonValue = fc
  .jsonValue({ maxDepth: 3 })
  .map((value): unknown => JSON.parse(JSON.stringify(value)));
const key = fc.oneof(text, fc.constantFrom("__proto__", "constructor", "a.b"));

function mapOf<V>(keys: fc.Arbitrary<string>, values: fc.Arbitrary<V>) {
  return fc.array(fc.tuple(keys, values), { maxLength: 3 }).map(Object.fromEntries<V>);
}

const everything = fc.record(
  {
    ...scalars,
    inner,
    texts: fc.array(text, { maxLength: 3 }),
    numbers: fc.array(int32, { maxLength: 3 }),
    genres: fc.array(genre, { maxLength: 3 }),
    inners: fc.array(inner, { maxLength: 3 }),
    labels: mapOf(key, text),
    innerByNumber: mapOf(int32.map(String), inner),
    genreByFlag: mapOf(fc.constantFrom("true", "false"), genre),
    choice: fc.oneof(
      fc.record({ case: fc.constant("choiceText"), value: text }),
      fc.record({ case: fc.constant("choiceInner"), value: inner }),
      fc.record({ case: fc.constant("choiceWrapped"), value: fc.record({ value: int32 }) }),
    ),
    wrappedTexts: fc.array(fc.record({ value: text }), { maxLength: 3 }),
    struct: mapOf(key, jsonValue),
    value: fc.oneof(
      fc.constant({ kind: { case: "nullValue", value: 0 } }),
      text.map((value) => ({ kind: { case: "stringValue", value } })),
    ),
  },
  // An unset Value shows as null, which reads as its null value: ProtoJSON has but one null.
  { requiredKeys: ["value"] },
);

const build = (init: object): Everything => create(EverythingSchema, init as never);

describe("round trip", () => {
  it("of any message through its own JSON", async () => {
    await fc.assert(
      fc.asyncProperty(everything, async (init) => {
        const sent = build(init);
        const library = openLibrary({
          GetMyBook: async () => sent,
          Echo: async (request) => request,
        });
        const first = await openLibrary({ Echo: async () => sent }).call("POST", "/v1/echo");
        expect(first.status, first.text).toBe(200);
        const second = await library.call("POST", "/v1/echo", { body: first.text });
        expect(second.status, second.text).toBe(200);
        expect(library.calls[0]?.request).toEqual(sent);
        expect(second.text).toBe(first.text);
      }),
      { numRuns: 200 },
    );
  });

  it("of any bindable message through a query", async () => {
    const bindable = fc.record(
      {
        ...scalars,
        inner,
        texts: fc.array(text, { maxLength: 3 }),
        numbers: fc.array(int32, { maxLength: 3 }),
        genres: fc.array(genre, { maxLength: 3 }),
      },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(bindable, fc.boolean(), async (init, plus) => {
        const sent = build(init);
        const shown = await openLibrary({ Echo: async () => sent }).call("POST", "/v1/echo");
        const pairs = flatten(shown.json as JsonTree);
        const encode = (value: string) =>
          plus
            ? new URLSearchParams([[value, ""]]).toString().slice(0, -1)
            : encodeURIComponent(value);
        const query = pairs.map(([name, value]) => `${name}=${encode(value)}`).join("&");
        const library = openLibrary();
        const { status, text: answer } = await library.call("GET", `/v1/echo?${query}`);
        expect(status, answer).toBe(200);
        expect(JSON.parse(answer)).toEqual(shown.json);
      }),
      { numRuns: 200 },
    );
  });

  it("of any scalars through a path", async () => {
    const segment = text.filter((value) => value !== "");
    const inPath = fc.record({
      text: segment,
      int32Value: int32,
      int64Value: int64,
      uint32Value: uint32,
      uint64Value: uint64,
      doubleValue: double,
      boolValue: fc.boolean(),
      bytesValue: fc.uint8Array({ minLength: 1, maxLength: 9 }),
      genre,
      inner: fc.record({ name: segment }),
      choice: fc.record({ case: fc.constant("choiceText"), value: segment }),
    });
    await fc.assert(
      fc.asyncProperty(inPath, async (init) => {
        const sent = build(init);
        const genres = ["unspecified", "poetry", "science_fiction"];
        const values = [
          sent.text,
          sent.int32Value,
          sent.int64Value,
          sent.uint32Value,
          sent.uint64Value,
          sent.doubleValue,
          sent.boolValue,
          base64Encode(sent.bytesValue, "url"),
          genres[sent.genre] ?? "",
          sent.inner?.name ?? "",
          String(sent.choice.value),
        ];
        const path = values.map((value) => encodeURIComponent(String(value))).join("/");
        const library = openLibrary();
        const { status, text: answer } = await library.call("GET", `/v1/echo/${path}`);
        expect(status, answer).toBe(200);
        expect(library.calls[0]?.request).toEqual(sent);
      }),
      { numRuns: 200 },
    );
  });

  it("of any text with slashes through a path of several segments", async () => {
    const segments = fc.array(
      text.filter((value) => value !== "" && !value.includes("/") && !/%2f/i.test(value)),
      { maxLength: 5 },
    );
    await fc.assert(
      fc.asyncProperty(segments, async (parts) => {
        const library = openLibrary();
        const path = parts.map((part) => `/${encodeURIComponent(part)}`).join("");
        await library.call("GET", `/v1/files${path}`);
        expect(library.calls).toMatchObject([
          { method: "GetFile", request: { path: parts.join("/") } },
        ]);
      }),
    );
  });
});

describe("any input", () => {
  const junk = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.json().map((json) => json),
    fc
      .array(fc.constantFrom(...'/:%2Ff{}[]",&=+.a\\u00e9\0'.split(""), "%2F", "__proto__"))
      .map((parts) => parts.join("")),
  );

  it("as path, query or body is answered, refused or nobody's, but never thrown over", async () => {
    const library = openLibrary();
    const method = fc.constantFrom("GET", "POST", "PATCH", "HEAD", "OPTIONS", "get", "");
    const prefix = fc.constantFrom("", "/", "/v1/books/", "/v1/echo", "/v1/files/");
    await fc.assert(
      fc.asyncProperty(method, prefix, junk, junk, junk, async (verb, start, path, query, body) => {
        const response = await library.send(verb, `${start}${path}?${query}`, { body });
        expect([null, 200, 204, 400, 405]).toContain(response === null ? null : response.status);
      }),
      { numRuns: 1000 },
    );
  });
});

type JsonTree = string | number | boolean | null | JsonTree[] | { [key: string]: JsonTree };

/** The parameters of a message: its set leaves by their dotted names. */
function flatten(json: JsonTree, prefix = ""): [string, string][] {
  if (json === null) return [];
  if (Array.isArray(json)) return json.flatMap((item) => flatten(item, prefix));
  if (typeof json !== "object") return [[prefix, String(json)]];
  return Object.entries(json).flatMap(([name, value]) => {
    const isUnset =
      (prefix === "" && ["labels", "inner_by_number", "genre_by_flag", "null"].includes(name)) ||
      value === null;
    return isUnset ? [] : flatten(value, prefix === "" ? name : `${prefix}.${name}`);
  });
}
