// How body and path become the request message, and what follows from them: fields given twice,
// faults, update masks.

import type { Message } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { TranscodeError } from "../../src/transcoder/transcode-error.ts";
import type { PatchBookRequest, UpdateBookRequest } from "./gen/library/v1/library_pb.ts";
import { openLibrary, type RequestExtras } from "./library.ts";

describe("RequestBinder: bodies", () => {
  it("refuses a body where none is mapped", async () => {
    const library = openLibrary();
    for (const [method, target] of [
      ["GET", "/v1/books/7"],
      ["DELETE", "/v1/books/7"],
      ["POST", "/v1/files/a:export"],
    ] as const) {
      const { status, json } = await library.call(method, target, { body: "{}" });
      expect(status).toBe(400);
      expect(json).toMatchObject({ error: "This method takes no body." });
    }
    expect(library.calls).toEqual([]);
  });

  it("takes a value of the path again in the body when it is the same", async () => {
    const library = openLibrary();
    const put = (body: string) => library.call("PUT", "/v1/books/7", { body });
    for (const body of ['{"title":"x"}', '{"book_id":"7"}', '{"book_id":null}']) {
      expect((await put(body)).json).toMatchObject({ book_id: "7" });
    }
    for (const body of ['{"book_id":"8"}', '{"book_id":""}']) {
      expect((await put(body)).json).toMatchObject({
        violations: [{ field: "book_id", message: "differs between the path and the body" }],
      });
    }
    const patch = (body: string) => library.call("PATCH", "/v1/books/7", { body });
    expect((await patch('{"book_id":"books/7"}')).status).toBe(200);
    expect((await patch('{"book_id":"books/8"}')).json).toMatchObject({
      violations: [{ field: "book.book_id", message: "differs between the path and the body" }],
    });
  });

  it("names faults below a body field by their whole path", async () => {
    const { json } = await openLibrary().call("POST", "/v1/books", {
      body: '{"pages":"x","foo":1}',
    });
    expect(json).toMatchObject({ violations: [{ field: "book.pages" }, { field: "book.foo" }] });
    const { json: list } = await openLibrary().call("POST", "/v1/echo-list", { body: "{}" });
    expect(list).toMatchObject({ violations: [{ field: "items", message: "must be an array" }] });
  });

  it("gathers the faults of path, query and body", async () => {
    const { json } = await openLibrary().call("POST", "/v1/books?copies=x", {
      body: '{"title":1}',
    });
    expect(json).toMatchObject({ violations: [{ field: "book.title" }, { field: "copies" }] });
    const path = await openLibrary().call("GET", "/v1/echo/a/x/1/1/1/1/true/AQ/prose/a/a");
    expect(path.json).toMatchObject({
      error: 'The field "int32_value" must be an integer from -2147483648 to 2147483647.',
      violations: [
        { field: "int32_value" },
        { field: "genre", message: "must be one of poetry, science_fiction" },
      ],
    });
  });

  it("leaves the field unset for an empty body and for null", async () => {
    const library = openLibrary();
    await library.call("POST", "/v1/books");
    await library.call("POST", "/v1/books", { body: "null" });
    await library.call("POST", "/v1/books", { body: "{}" });
    const books = library.calls.map(({ request }) => (request as Message & { book?: object }).book);
    expect(books.map((book) => book !== undefined)).toEqual([false, false, true]);
  });

  it("passes on that a body is too large", async () => {
    const tooLarge = new TranscodeError("body_too_large", "The body is larger than 64 KiB.");
    const extras: RequestExtras = { body: () => Promise.reject(tooLarge) };
    const { status, json } = await openLibrary().call("POST", "/v1/echo", extras);
    expect(status).toBe(413);
    expect(json).toMatchObject({
      error: "The body is larger than 64 KiB.",
      kind: "body_too_large",
    });
  });
});

describe("RequestBinder: update masks", () => {
  async function maskOf(
    method: string,
    target: string,
    body?: string,
  ): Promise<string[] | undefined> {
    const library = openLibrary();
    await library.call(method, target, body === undefined ? {} : { body });
    const request = library.calls[0]?.request as PatchBookRequest | UpdateBookRequest | undefined;
    return request?.updateMask?.paths;
  }

  it.each<[string, string[]]>([
    ['{"title":"x"}', ["title"]],
    ['{"title":"","subtitle":null,"tags":[]}', ["title", "subtitle", "tags"]],
    ['{"book_id":"7","editor":{"name":"a"}}', ["editor"]],
    ['{"update_mask":"title"}', ["title"]],
    ['{"title":"x","update_mask":"subtitle,editor.name"}', ["subtitle", "editor.name"]],
    ['{"title":"x","update_mask":"editorName"}', ["editor_name"]],
    ['{"title":"x","update_mask":null}', ["title"]],
    ['{"title":"x","update_mask":""}', []],
    ["{}", []],
  ])("of the body %s are %j", async (body, expected) => {
    expect(await maskOf("PATCH", "/v1/books/7/fields", body)).toEqual(expected);
  });

  it("are relative to a body field, and given in the query otherwise", async () => {
    const target = "/v1/books/7";
    expect(await maskOf("PATCH", target, '{"title":"x","book_id":"books/7","pages":null}')).toEqual(
      ["title", "pages"],
    );
    expect(
      await maskOf("PATCH", `${target}?update_mask=pages,editor.name`, '{"title":"x"}'),
    ).toEqual(["pages", "editor.name"]);
  });

  it("are empty for a PATCH without a body, and left alone for other methods", async () => {
    expect(await maskOf("PATCH", "/v1/books/7/fields")).toEqual([]);
    expect(await maskOf("PUT", "/v1/books/7", '{"title":"x"}')).toBeUndefined();
  });

  it("keep a cleared field apart from one that was not sent", async () => {
    const library = openLibrary();
    await library.call("PATCH", "/v1/books/7/fields", { body: '{"subtitle":null}' });
    expect(library.calls[0]?.request).toMatchObject({
      bookId: "7",
      updateMask: { paths: ["subtitle"] },
    });
    const request = library.calls[0]?.request as PatchBookRequest | undefined;
    expect(request?.bookId).toBe("7");
    expect(request?.subtitle).toBeUndefined();
  });
});
