// Query strings to messages: what is bound, and how each fault is named. The tables go through the
// echo method, which takes its whole message from the query.

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { EverythingSchema, Genre } from "./gen/library/v1/library_pb.ts";
import { openLibrary } from "./library.ts";

type Everything = MessageInitShape<typeof EverythingSchema>;

async function get(target: string) {
  const library = openLibrary();
  const response = await library.call("GET", target);
  return { ...response, request: library.calls[0]?.request };
}

describe("bindQuery", () => {
  it.each<[string, Everything]>([
    ["", {}],
    ["text=a", { text: "a" }],
    ["text=", {}],
    ["text", {}],
    ["optional_text=", { optionalText: "" }],
    ["text=a+b%20c%2Bd", { text: "a b c+d" }],
    ["text=%E2%82%AC", { text: "€" }],
    ["te%78t=a=b", { text: "a=b" }],
    ["text=a&&int32_value=1&", { text: "a", int32Value: 1 }],
    ["int32_value=-2147483648", { int32Value: -2147483648 }],
    ["int64_value=-9223372036854775808", { int64Value: -(2n ** 63n) }],
    ["uint64_value=18446744073709551615", { uint64Value: 2n ** 64n - 1n }],
    ["double_value=-1.5e-3&float_value=Infinity", { doubleValue: -0.0015, floatValue: Infinity }],
    ["bool_value=true", { boolValue: true }],
    ["bytes_value=-_8", { bytesValue: new Uint8Array([251, 255]) }],
    ["bytes_value=%2B/8=", { bytesValue: new Uint8Array([251, 255]) }],
    ["genre=poetry", { genre: Genre.POETRY }],
    ["texts=a&texts=&texts=b", { texts: ["a", "", "b"] }],
    ["numbers=1&numbers=2", { numbers: [1, 2] }],
    ["genres=poetry&genres=unspecified", { genres: [Genre.POETRY, Genre.UNSPECIFIED] }],
    ["inner.name=a&inner.inner.number=2", { inner: { name: "a", inner: { number: 2 } } }],
    [
      "choice_inner.name=a&choice_inner.number=1",
      { choice: { case: "choiceInner", value: { name: "a", number: 1 } } },
    ],
    ["wrapped_text=", { wrappedText: "" }],
    ["wrapped_int64=5&wrapped_bool=false", { wrappedInt64: 5n, wrappedBool: false }],
    ["time=1970-01-01T00:00:01Z", { time: { seconds: 1n } }],
    ["duration=1.5s", { duration: { seconds: 1n, nanos: 500_000_000 } }],
    ["mask=a_b,c.d", { mask: { paths: ["a_b", "c.d"] } }],
  ])("binds %s", async (query, expected) => {
    const { status, text, request } = await get(`/v1/echo?${query}`);
    expect(status, text).toBe(200);
    expect(request).toEqual(create(EverythingSchema, expected));
  });

  it.each<[string, string, string]>([
    ["foo=1", "foo", "is not known"],
    ["Text=1", "Text", "is not known"],
    ["int32Value=1", "int32Value", "is not known"],
    ["__proto__=1", "__proto__", "is not known"],
    ["__proto__.text=1", "__proto__.text", "is not known"],
    ["constructor.name=1", "constructor.name", "is not known"],
    ["inner.foo=1", "inner.foo", "is not known"],
    ["inner.=1", "inner.", "is not known"],
    [".text=1", ".text", "is not known"],
    ["text.x=1", "text.x", "is not known"],
    ["time.seconds=1", "time.seconds", "is not known"],
    ["inners.name=1", "inners.name", "is not known"],
    ["labels.a=1", "labels.a", "is not known"],
    [`${"inner.".repeat(200)}name=1`, `${"inner.".repeat(22)}`.slice(0, 128), "is not known"],
    ["text=a&text=a", "text", "is given more than once"],
    ["int32_value=x", "int32_value", "must be an integer"],
    ["int32_value=", "int32_value", "must be an integer"],
    ["int32_value=1.0", "int32_value", "must be an integer"],
    ["int32_value=1e2", "int32_value", "must be an integer"],
    ["int32_value=0x1", "int32_value", "must be an integer"],
    ["int32_value=%201", "int32_value", "must be an integer"],
    ["int32_value=01", "int32_value", "must be an integer"],
    ["int32_value=2147483648", "int32_value", "must be an integer"],
    ["uint32_value=-1", "uint32_value", "must be an integer"],
    ["int64_value=9223372036854775808", "int64_value", "must be an integer"],
    ["numbers=1&numbers=x", "numbers", "must be an integer"],
    ["double_value=1.", "double_value", "must be a number"],
    ["double_value=1e999", "double_value", "must be a number"],
    ["bool_value=1", "bool_value", "must be true or false"],
    ["bool_value=True", "bool_value", "must be true or false"],
    ["bool_value", "bool_value", "must be true or false"],
    ["genre=1", "genre", "must be one of poetry, science_fiction"],
    ["bytes_value=!", "bytes_value", "must be a base64 string"],
    ["inner=x", "inner", "cannot be given in the query"],
    ["inners=x", "inners", "cannot be given in the query"],
    ["labels=x", "labels", "cannot be given in the query"],
    ["wrapped_texts=x", "wrapped_texts", "cannot be given in the query"],
    ["any=x", "any", "cannot be given in the query"],
    ["struct=x", "struct", "cannot be given in the query"],
    ["choice_text=a&choice_inner.name=b", "choice_inner.name", "cannot be given with choice_text"],
    ["time=today", "time", "must be an RFC 3339 time"],
  ])("refuses %.60s", async (query, field, message) => {
    const { status, json } = await get(`/v1/echo?${query}`);
    expect(status).toBe(400);
    const { violations } = json as { violations: { field: string; message: string }[] };
    expect(violations).toHaveLength(1);
    expect(violations[0]?.field.slice(0, 128)).toBe(field);
    expect(violations[0]?.message).toContain(message);
  });

  it.each([
    ["text=%", "The query is not percent-encoded UTF-8."],
    ["text=%zz", "The query is not percent-encoded UTF-8."],
    ["%ff=1", "The query is not percent-encoded UTF-8."],
    ["text=%C0%80", "The query is not percent-encoded UTF-8."],
    ["text=é", "The query is not percent-encoded UTF-8."],
    ["=1", "The query has a parameter without a name."],
    ["text=a&=", "The query has a parameter without a name."],
  ])("refuses %s as a whole", async (query, sentence) => {
    const { status, json } = await get(`/v1/echo?${query}`);
    expect(status).toBe(400);
    expect(json).toMatchObject({ error: sentence, kind: "invalid_request", violations: [] });
  });

  it("refuses fields that the path or the body sets", async () => {
    const library = openLibrary();
    const byPath = await library.call("GET", "/v1/shelves/1/books/2?book_id=3&shelf.shelf_id=1");
    expect(byPath.json).toMatchObject({
      violations: [
        { field: "book_id", message: "is set by the path" },
        { field: "shelf.shelf_id", message: "is set by the path" },
      ],
    });
    const byBody = await library.call("POST", "/v1/books?book.title=x", { body: "{}" });
    expect(byBody.json).toMatchObject({
      violations: [{ field: "book.title", message: "belongs in the body, not in the query" }],
    });
    const whole = await library.call("POST", "/v1/echo?text=x&foo=1", { body: "{}" });
    expect(whole.status).toBe(400);
    expect(whole.json).toMatchObject({ violations: [{ field: "text" }, { field: "foo" }] });
    expect(library.calls).toEqual([]);
  });

  it("binds fields beside those of the path and the body", async () => {
    const library = openLibrary();
    await library.call("GET", "/v1/shelves/1/books/2?shelf.below.shelf_id=9");
    await library.call("POST", "/v1/books?dry_run=true&copies=2", { body: '{"title":"x"}' });
    expect(library.calls.map(({ request }) => request)).toMatchObject([
      { bookId: "2", shelf: { shelfId: "1", below: { shelfId: "9" } } },
      { book: { title: "x" }, dryRun: true, copies: 2 },
    ]);
  });
});
