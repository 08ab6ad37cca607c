// JSON bodies to messages: what is read, and how each fault is named. The tables go through the
// echo method, whose body is the whole message.

import type { MessageInitShape } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import { anyPack, DurationSchema, NullValue } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";
import {
  Aliased,
  AuthorSchema,
  EverythingSchema,
  Genre,
  Loose,
} from "./gen/library/v1/library_pb.ts";
import { openLibrary } from "./library.ts";

type Everything = MessageInitShape<typeof EverythingSchema>;

async function post(body: string | Uint8Array) {
  const library = openLibrary();
  const response = await library.call("POST", "/v1/echo", { body });
  return { ...response, request: library.calls[0]?.request };
}

async function read(json: string): Promise<unknown> {
  const { status, text, request } = await post(json);
  expect(status, text).toBe(200);
  return request;
}

const deep = (depth: number) => `${'{"inner":'.repeat(depth)}{}${"}".repeat(depth)}`;

describe("JSON bodies", () => {
  it.each<[string, Everything]>([
    ["{}", {}],
    [' \n{ "text" : "a" }\t', { text: "a" }],
    ['\uFEFF{"text":"after a byte order mark"}', { text: "after a byte order mark" }],
    ['{"int32_value":-5}', { int32Value: -5 }],
    ['{"int32_value":5.0,"uint32_value":1e2}', { int32Value: 5, uint32Value: 100 }],
    ['{"int32_value":"5"}', { int32Value: 5 }],
    ['{"int64_value":"-9223372036854775808"}', { int64Value: -(2n ** 63n) }],
    ['{"int64_value":9007199254740991}', { int64Value: 9007199254740991n }],
    ['{"uint64_value":"18446744073709551615"}', { uint64Value: 2n ** 64n - 1n }],
    ['{"double_value":"NaN"}', { doubleValue: Number.NaN }],
    [
      '{"double_value":-1.5e3,"float_value":"-Infinity"}',
      { doubleValue: -1500, floatValue: -Infinity },
    ],
    ['{"bool_value":true}', { boolValue: true }],
    ['{"bytes_value":"+/8="}', { bytesValue: new Uint8Array([251, 255]) }],
    ['{"bytes_value":"-_8"}', { bytesValue: new Uint8Array([251, 255]) }],
    ['{"bytes_value":""}', {}],
    ['{"genre":"science_fiction"}', { genre: Genre.SCIENCE_FICTION }],
    ['{"genre":"unspecified","loose":"some"}', { loose: Loose.SOME }],
    ['{"aliased":"old"}', { aliased: Aliased.NEW }],
    ['{"optional_text":""}', { optionalText: "" }],
    ['{"optional_text":null,"text":null,"inner":null,"texts":null,"labels":null,"genre":null}', {}],
    ['{"texts":["a","b"],"numbers":[1,2]}', { texts: ["a", "b"], numbers: [1, 2] }],
    ['{"inner":{"inner":{"name":"x"}}}', { inner: { inner: { name: "x" } } }],
    ['{"inners":[{},{"number":2}]}', { inners: [{}, { number: 2 }] }],
    ['{"labels":{"a":"1","":"2"}}', { labels: { a: "1", "": "2" } }],
    ['{"inner_by_number":{"-7":{"name":"x"}}}', { innerByNumber: { [-7]: { name: "x" } } }],
    ['{"genre_by_flag":{"true":"poetry"}}', { genreByFlag: { true: Genre.POETRY } }],
    ['{"choice_text":"a","choice_inner":null}', { choice: { case: "choiceText", value: "a" } }],
    ['{"choice_wrapped":3}', { choice: { case: "choiceWrapped", value: { value: 3 } } }],
    ['{"wrapped_text":"","wrapped_bool":false}', { wrappedText: "", wrappedBool: false }],
    [
      '{"wrapped_int64":"5","wrapped_bytes":"AQ=="}',
      { wrappedInt64: 5n, wrappedBytes: new Uint8Array([1]) },
    ],
    ['{"wrapped_texts":["a"]}', { wrappedTexts: [{ value: "a" }] }],
    ['{"time":"1970-01-01T01:00:01.5+01:00"}', { time: { seconds: 1n, nanos: 500_000_000 } }],
    ['{"time":"2024-02-29T00:00:00Z"}', { time: { seconds: 1709164800n } }],
    ['{"duration":"-1.5s"}', { duration: { seconds: -1n, nanos: -500_000_000 } }],
    ['{"mask":"a_b,c.d"}', { mask: { paths: ["a_b", "c.d"] } }],
    ['{"mask":"aB,cD.eF"}', { mask: { paths: ["a_b", "c_d.e_f"] } }],
    ['{"mask":""}', { mask: { paths: [] } }],
    ['{"struct":{"a":[1,null]}}', { struct: { a: [1, null] } }],
    ['{"value":null}', { value: { kind: { case: "nullValue", value: NullValue.NULL_VALUE } } }],
    ['{"list":[true]}', { list: { values: [{ kind: { case: "boolValue", value: true } }] } }],
    ['{"null":null}', {}],
    [
      '{"values":[null,1]}',
      {
        values: [
          { kind: { case: "nullValue", value: 0 } },
          { kind: { case: "numberValue", value: 1 } },
        ],
      },
    ],
    ['{"any":{}}', { any: {} }],
    [
      '{"any":{"@type":"x/google.protobuf.Duration","value":"1s"}}',
      { any: anyPack(DurationSchema, create(DurationSchema, { seconds: 1n })) },
    ],
    [
      '{"any":{"@type":"x/library.v1.Author","name":"Ann"}}',
      { any: anyPack(AuthorSchema, create(AuthorSchema, { name: "Ann" })) },
    ],
    ['{"text":"\\ud83d\\ude00"}', { text: "😀" }],
    [deep(99), JSON.parse(deep(99)) as Everything],
  ])("reads %.80s", async (json, expected) => {
    const request = await read(json);
    expect(request).toEqual(create(EverythingSchema, expected));
  });

  it.each<[string, string, string]>([
    ['{"foo":1}', "foo", "is not known"],
    ['{"inner":{"foo":1}}', "inner.foo", "is not known"],
    ['{"Text":"a"}', "Text", "is not known"],
    ['{"__proto__":{"text":"a"}}', "__proto__", "is not known"],
    ['{"constructor":1}', "constructor", "is not known"],
    ['{"toString":1}', "toString", "is not known"],
    ['{"int32Value":5}', "int32Value", "is not known"],
    ['{"genre":"GENRE_POETRY"}', "genre", "must be one of poetry, science_fiction"],
    ['{"inner":{"__proto__":null}}', "inner.__proto__", "is not known"],
    ['{"text":1}', "text", "must be a string"],
    ['{"text":"\\ud800"}', "text", "must be a string"],
    ['{"int32_value":"x"}', "int32_value", "must be an integer from -2147483648 to 2147483647"],
    ['{"int32_value":""}', "int32_value", "must be an integer"],
    ['{"int32_value":1.5}', "int32_value", "must be an integer"],
    ['{"int32_value":2147483648}', "int32_value", "must be an integer"],
    ['{"int32_value":true}', "int32_value", "must be an integer"],
    ['{"int32_value":[1]}', "int32_value", "must be an integer"],
    ['{"uint32_value":-1}', "uint32_value", "must be an integer from 0 to 4294967295"],
    ['{"int64_value":9007199254740993}', "int64_value", "must be an integer"],
    ['{"int64_value":"9223372036854775808"}', "int64_value", "must be an integer"],
    ['{"float_value":1e39}', "float_value", "must be a number"],
    ['{"double_value":1e999}', "double_value", "must be a number"],
    ['{"double_value":"0x10"}', "double_value", "must be a number"],
    ['{"bool_value":"true"}', "bool_value", "must be true or false"],
    ['{"bool_value":1}', "bool_value", "must be true or false"],
    ['{"bytes_value":"A"}', "bytes_value", "must be a base64 string"],
    ['{"bytes_value":"AQ="}', "bytes_value", "must be a base64 string"],
    ['{"bytes_value":"A Q="}', "bytes_value", "must be a base64 string"],
    ['{"genre":1}', "genre", "must be one of poetry, science_fiction"],
    ['{"genre":"prose"}', "genre", "must be one of poetry, science_fiction"],
    ['{"genre":"Poetry"}', "genre", "must be one of"],
    ['{"inner":[]}', "inner", "must be an object"],
    ['{"inner":"x"}', "inner", "must be an object"],
    ['{"inner":{"inner":{"number":"x"}}}', "inner.inner.number", "must be an integer"],
    ['{"texts":"a"}', "texts", "must be an array"],
    ['{"texts":["a",1]}', "texts[1]", "must be a string"],
    ['{"texts":[null]}', "texts[0]", "must not be null"],
    ['{"inners":[{},{"foo":1}]}', "inners[1].foo", "is not known"],
    ['{"labels":[]}', "labels", "must be an object"],
    ['{"labels":{"a":1}}', 'labels["a"]', "must be a string"],
    ['{"labels":{"a":null}}', 'labels["a"]', "must not be null"],
    ['{"inner_by_number":{"x":{}}}', 'inner_by_number["x"]', "has a key that must be an integer"],
    ['{"inner_by_number":{"07":{}}}', 'inner_by_number["07"]', "has a key that must be an integer"],
    [
      '{"genre_by_flag":{"yes":"poetry"}}',
      'genre_by_flag["yes"]',
      "has a key that must be true or false",
    ],
    ['{"text":"a","text":"b"}', "text", "is given more than once"],
    ['{"text":"a","t\\u0065xt":"b"}', "text", "is given more than once"],
    ['{"inner":{"name":"a","name":"a"}}', "inner.name", "is given more than once"],
    ['{"labels":{"a":"1","a":"2"}}', "labels.a", "is given more than once"],
    [
      '{"choice_text":"a","choice_inner":{}}',
      "choice_inner",
      "cannot be given with another field of choice",
    ],
    ['{"wrapped_text":1}', "wrapped_text", "must be a string"],
    ['{"wrapped_bool":"false"}', "wrapped_bool", "must be true or false"],
    ['{"wrapped_texts":[null]}', "wrapped_texts[0]", "must not be null"],
    ['{"time":"yesterday"}', "time", "must be an RFC 3339 time"],
    ['{"time":"2023-02-29T00:00:00Z"}', "time", "must be an RFC 3339 time"],
    ['{"time":"2023-04-31T00:00:00Z"}', "time", "must be an RFC 3339 time"],
    ['{"time":"2023-13-01T00:00:00Z"}', "time", "must be an RFC 3339 time"],
    ['{"time":1}', "time", "must be an RFC 3339 time"],
    ['{"duration":"1sec"}', "duration", "must be a duration"],
    ['{"duration":"1"}', "duration", "must be a duration"],
    ['{"duration":"1.0000000001s"}', "duration", "must be a duration"],
    ['{"duration":"999999999999s"}', "duration", "must be a duration"],
    ['{"mask":"a,,b"}', "mask", "must be field names"],
    ['{"mask":["a"]}', "mask", "must be field names"],
    ['{"struct":[]}', "struct", "must be an object"],
    ['{"list":{}}', "list", "must be an array"],
    ['{"null":0}', "null", "must be null"],
    ['{"labels":{"\\ud800":"x"}}', 'labels["\\ud800"]', "has a key that must be a string"],
    [
      '{"any":{"@type":"x/google.protobuf.Duration","value":"1s","foo":1}}',
      "any.foo",
      "is not known",
    ],
    ['{"any":{"@type":"x/google.protobuf.Duration","value":1}}', "any", "must be a duration"],
    ['{"any":{"name":"x"}}', "any", "must be an object with @type"],
    ['{"any":{"@type":"x/none.Such"}}', "any.@type", "is not a known type"],
    ['{"any":{"@type":"x/library.v1.Author","nam":1}}', "any.nam", "is not known"],
  ])("refuses %s", async (json, field, message) => {
    const { status, json: body } = await post(json);
    expect(status).toBe(400);
    expect(body).toMatchObject({ kind: "invalid_request" });
    const { violations } = body as { violations: { field: string; message: string }[] };
    expect(violations).toHaveLength(1);
    expect(violations[0]?.field).toBe(field);
    expect(violations[0]?.message).toContain(message);
  });

  it.each<[string, string | Uint8Array, string]>([
    ["no JSON", "{", "The body is not valid JSON."],
    ["text after the value", "{} x", "The body is not valid JSON."],
    ["a comment", "{/**/}", "The body is not valid JSON."],
    ["white space only", " ", "The body is not valid JSON."],
    ["an array", "[]", "The body must be a JSON object."],
    ["null", "null", "The body must be a JSON object."],
    ["a string", '"{}"', "The body must be a JSON object."],
    ["invalid UTF-8", new Uint8Array([0x7b, 0xff, 0x7d]), "The body is not valid UTF-8."],
    ["UTF-16", new Uint8Array([0xff, 0xfe, 0x7b, 0, 0x7d, 0]), "The body is not valid UTF-8."],
    ["101 levels", deep(100), "The body nests deeper than 100 levels."],
    ["unknown deep arrays", `{"x":${"[".repeat(200_000)}${"]".repeat(200_000)}}`, "nests deeper"],
    ["unclosed deep arrays", "[".repeat(500_000), "The body is not valid JSON."],
    [
      "deep values in a Struct",
      `{"struct":{"a":${"[".repeat(5000)}${"]".repeat(5000)}}}`,
      "nests deeper",
    ],
  ])("refuses %s", async (_name, body, sentence) => {
    const response = await post(body);
    expect(response.status).toBe(400);
    expect((response.json as { error: string }).error).toContain(sentence);
    expect(response.request).toBeUndefined();
  });

  it("does not mistake punctuation and quotes inside of strings for structure", async () => {
    const texts = ['{"text":', '"', "\\", '\\"', '{"a":1,"a":2}', "[[[[", "\\\\"];
    expect(await read(JSON.stringify({ texts }))).toMatchObject({ texts });
  });

  it("keeps a map entry whose key is __proto__ and pollutes nothing", async () => {
    const request = (await read('{"labels":{"__proto__":"x"}}')) as { labels: object };
    expect(Object.entries(request.labels)).toEqual([["__proto__", "x"]]);
    expect(Object.hasOwn(Object.prototype, "x")).toBe(false);
  });

  it("names all faults at once, but not more than 25, and cuts long names", async () => {
    const { json } = await post(`{"text":1,"genre":1,"${"x".repeat(500)}":1}`);
    const { violations } = json as { violations: { field: string }[] };
    expect(violations.map(({ field }) => field.length)).toEqual([4, 5, 129]);
    const many = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`x${index}`, 1]));
    const answer = await post(JSON.stringify(many));
    expect((answer.json as { violations: unknown[] }).violations).toHaveLength(25);
  });
});
