// Whole unary calls: answers, methods and media types, the order of steps, and how errors leave.

import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { TranscodeError } from "../../src/transcoder/transcode-error.ts";
import { BookSchema, Genre, ListTitlesResponseSchema } from "./gen/library/v1/library_pb.ts";
import { openLibrary } from "./library.ts";

const form = { "content-type": "application/x-www-form-urlencoded" };

describe("handle: answers", () => {
  it("answers JSON that is not cached, and passes method, message and context on untouched", async () => {
    const book = create(BookSchema, {
      bookId: "7",
      genre: Genre.POETRY,
      authors: [{ name: "Ann" }],
    });
    const library = openLibrary({ GetBook: async () => book });
    const { status, headers, text } = await library.call("GET", "/v1/books/7");
    expect(status).toBe(200);
    expect(headers).toEqual({
      "content-type": "application/json",
      "content-length": String(text.length),
      "cache-control": "no-store",
    });
    expect(text).toBe(
      '{"book_id":"7","title":"","genre":"poetry","authors":[{"name":"Ann","country":null}],' +
        '"subtitle":null,"editor":null}',
    );
    expect(library.calls).toMatchObject([
      { method: "GetBook", request: { bookId: "7" }, context: "context", info: { head: false } },
    ]);
  });

  it("counts content-length in bytes", async () => {
    const library = openLibrary({ GetBook: async () => create(BookSchema, { title: "€" }) });
    const { headers, text } = await library.call("GET", "/v1/books/7");
    expect(Number(headers["content-length"])).toBe(new TextEncoder().encode(text).length);
    expect(Number(headers["content-length"])).toBe(text.length + 2);
  });

  it("answers null for a path that is nobody's, whatever the method", async () => {
    const library = openLibrary();
    for (const target of [
      "/",
      "/v2/books",
      "/v1/books/7/",
      "/v1//books",
      "/library.v1.LibraryService/Hidden",
    ]) {
      for (const method of ["GET", "POST", "OPTIONS", "HEAD"]) {
        expect(await library.send(method, target)).toBeNull();
      }
    }
  });

  it("sends a field as response_body: a list, a message, and null for an unset one", async () => {
    const library = openLibrary({
      ListTitles: async () => create(ListTitlesResponseSchema, { titles: ["a", "b"] }),
    });
    expect((await library.call("GET", "/v1/titles")).text).toBe('["a","b"]');
    expect((await library.call("PATCH", "/v1/books/7", { body: "{}" })).text).toBe("null");
    const list = await library.call("POST", "/v1/echo-list", { body: '[{"name":"x"}]' });
    expect(list.text).toBe('[{"name":"x","country":null}]');
  });

  it("serves additional bindings", async () => {
    const library = openLibrary();
    await library.call("GET", "/v1/shelves/1/books/2");
    expect(library.calls).toMatchObject([{ request: { bookId: "2", shelf: { shelfId: "1" } } }]);
  });

  it("falls back to another method's path instead of a 405", async () => {
    const library = openLibrary();
    await library.call("DELETE", "/v1/books/mine");
    expect(library.calls).toMatchObject([{ method: "DeleteBook", request: { bookId: "mine" } }]);
  });
});

describe("handle: methods", () => {
  it("answers HEAD with the headers of GET, the length included, and says so to the method", async () => {
    const library = openLibrary({ GetBook: async () => create(BookSchema, { title: "x" }) });
    const get = await library.call("GET", "/v1/books/7");
    const response = await library.send("HEAD", "/v1/books/7");
    expect(response?.body).toBeNull();
    expect(Object.fromEntries(response?.headers ?? [])).toEqual(get.headers);
    expect(library.calls.map(({ info }) => info)).toEqual([{ head: false }, { head: true }]);
  });

  it("answers a failing HEAD without a body", async () => {
    const library = openLibrary({ GetBook: () => Promise.reject(new Error("gone")) });
    const response = await library.send("HEAD", "/v1/books/7");
    expect(response).toMatchObject({ status: 500, body: null });
    expect(Object.fromEntries(response?.headers ?? [])["content-length"]).toBe("16");
  });

  it("answers OPTIONS with the methods of all routes of the path, without calling anything", async () => {
    const library = openLibrary({}, { admit: () => Promise.reject(new Error("not asked")) });
    const { status, headers, text } = await library.call("OPTIONS", "/v1/books/7");
    expect([status, headers.allow, text]).toEqual([
      204,
      "GET, HEAD, PUT, PATCH, DELETE, OPTIONS",
      "",
    ]);
    expect((await library.call("OPTIONS", "/v1/titles")).headers.allow).toBe(
      "GET, HEAD, PURGE, OPTIONS",
    );
    expect(library.calls).toEqual([]);
  });

  it("refuses another method with 405 and the union of methods", async () => {
    const library = openLibrary();
    const { status, headers, json } = await library.call("POST", "/v1/books/mine");
    expect(status).toBe(405);
    expect(headers.allow).toBe("GET, HEAD, PUT, PATCH, DELETE, OPTIONS");
    expect(json).toEqual({
      error: "POST is not allowed here.",
      kind: "method_not_allowed",
      violations: [],
    });
    expect((await library.call("HEAD", "/v1/books")).status).toBe(405);
  });

  it("serves custom methods and rules for any method", async () => {
    const library = openLibrary();
    await library.call("PURGE", "/v1/titles");
    await library.call("TRACE", "/v1/any");
    expect(library.calls.map(({ method }) => method)).toEqual(["Purge", "AnyMethod"]);
  });
});

describe("handle: media types", () => {
  it.each([
    ["text/html", 406],
    ["application/json;q=0", 406],
    ["text/html, */*;q=0.1", 200],
    ["application/json", 200],
  ])("Accept %s -> %i", async (accept, status) => {
    const library = openLibrary();
    expect((await library.call("GET", "/v1/books/7", { headers: { accept } })).status).toBe(status);
    expect(library.calls.length).toBe(status === 200 ? 1 : 0);
  });

  it.each<[string, number]>([
    ["application/json", 200],
    ["APPLICATION/JSON", 200],
    ["application/json; charset=utf-8", 200],
    ['application/json;charset="UTF-8"', 200],
    ["application/json; version=1", 200],
    ["application/json; charset=utf-16", 415],
    ["application/json; charset=iso-8859-1", 415],
    ["application/json; charset", 415],
    ["text/plain", 415],
    ["application/x-www-form-urlencoded", 415],
    ["application/merge-patch+json", 415],
    ["application/jsonx", 415],
    ["application/json, application/json", 415],
    ["", 415],
  ])("Content-Type %s -> %i", async (type, status) => {
    const library = openLibrary();
    const extras = { headers: { "content-type": type }, body: "{}" };
    const response = await library.call("POST", "/v1/echo", extras);
    expect(response.status).toBe(status);
    if (status === 415) expect(response.headers["accept-post"]).toBe("application/json");
  });

  it.each([
    ["POST", "/v1/echo", "accept-post"],
    ["PATCH", "/v1/books/7", "accept-patch"],
    ["PUT", "/v1/books/7", "accept"],
  ])("says with a 415 for %s what it takes", async (method, target, header) => {
    const { status, headers } = await openLibrary().call(method, target, {
      headers: form,
      body: "a=b",
    });
    expect([status, headers[header]]).toEqual([415, "application/json"]);
  });

  it("refuses a compressed body", async () => {
    const headers = { "content-type": "application/json", "content-encoding": "gzip" };
    const response = await openLibrary().call("POST", "/v1/echo", { headers, body: "{}" });
    expect([response.status, response.headers["accept-encoding"]]).toEqual([415, "identity"]);
    const identity = { ...headers, "content-encoding": "identity" };
    expect(
      (await openLibrary().call("POST", "/v1/echo", { headers: identity, body: "{}" })).status,
    ).toBe(200);
  });

  it("needs a content type only when there is a body", async () => {
    const library = openLibrary();
    expect((await library.call("POST", "/v1/echo")).status).toBe(200);
    const empty = { headers: { ...form, "content-length": "0" } };
    expect((await library.call("POST", "/v1/echo", empty)).status).toBe(200);
    expect((await library.call("POST", "/v1/echo", { headers: form })).status).toBe(200);
    expect(library.calls).toHaveLength(3);
  });

  it.each([{ "content-length": "3" }, { "transfer-encoding": "chunked" }])(
    "refuses an announced body of another type before anybody reads it: %o",
    async (announced) => {
      const body = () => Promise.reject(new Error("must not be read"));
      const admit = () => Promise.reject(new Error("must not be asked"));
      const library = openLibrary({}, { admit });
      const { status } = await library.call("POST", "/v1/echo", {
        headers: { ...form, ...announced },
        body,
      });
      expect(status).toBe(415);
    },
  );
});

describe("handle: steps and errors", () => {
  it("asks admit after routing and negotiation and before the body is read", async () => {
    const steps: string[] = [];
    const noted = <T>(step: string, value: T): T => {
      steps.push(step);
      return value;
    };
    const library = openLibrary(
      { Echo: async (request) => noted("invoke", request) },
      {
        admit: async (method, context, info) =>
          void steps.push(`admit ${method.name} ${context} ${info.head}`),
      },
    );
    const body = async () => noted("body", new TextEncoder().encode("{}"));
    await library.call("POST", "/v1/echo", { body });
    expect(steps).toEqual(["admit Echo context false", "body", "invoke"]);
    steps.length = 0;
    await library.call("POST", "/v1/echo", { body, headers: { accept: "text/html" } });
    await library.call("DELETE", "/v1/echo");
    expect(steps).toEqual([]);
    await library.call("HEAD", "/v1/echo");
    expect(steps[0]).toBe("admit Echo context true");
  });

  it("reads no body and calls nothing when admit refuses", async () => {
    const body = () => Promise.reject(new Error("must not be read"));
    const library = openLibrary({}, { admit: () => Promise.reject(new Error("no key")) });
    const { status, json } = await library.call("POST", "/v1/echo", { body });
    expect([status, json]).toEqual([500, { error: "no key" }]);
    expect(library.calls).toEqual([]);
  });

  it("sends errors as they are rendered, with the headers the error demands", async () => {
    const library = openLibrary(
      {},
      {
        renderError: (error) => ({
          status: error instanceof TranscodeError ? error.status : 503,
          headers: [
            ["Retry-After", "5"],
            ["cache-control", "private"],
          ],
          body: { oops: true },
        }),
        invoke: () => {
          throw new Error("thrown, not rejected");
        },
      },
    );
    const failed = await library.call("GET", "/v1/books/7");
    expect(failed).toMatchObject({ status: 503, text: '{"oops":true}' });
    expect(failed.headers).toEqual({
      "retry-after": "5",
      "cache-control": "private",
      "content-type": "application/json",
      "content-length": "13",
    });
    expect((await library.call("POST", "/v1/books/7")).headers.allow).toBe(
      "GET, HEAD, PUT, PATCH, DELETE, OPTIONS",
    );
  });

  it("answers a malformed path of ours with 400", async () => {
    const { status, json } = await openLibrary().call("GET", "/v1/books/%zz");
    expect(status).toBe(400);
    expect(json).toMatchObject({ error: "The path is not percent-encoded UTF-8." });
  });

  it("renders an answer of the wrong shape or type instead of sending it", async () => {
    const stream = { async *[Symbol.asyncIterator]() {} };
    const streamed = openLibrary({ GetBook: () => stream });
    expect((await streamed.call("GET", "/v1/books/7")).status).toBe(500);
    const unary = openLibrary({ WatchBook: async (request) => request });
    expect((await unary.call("GET", "/v1/books/7/watch")).status).toBe(500);
    const failing = openLibrary({ WatchBook: () => Promise.reject(new Error("no key")) });
    expect((await failing.call("GET", "/v1/books/7/watch")).json).toEqual({ error: "no key" });
    const wrong = openLibrary({ GetBook: async (request) => request });
    expect((await wrong.call("GET", "/v1/books/7")).status).toBe(500);
  });
});
