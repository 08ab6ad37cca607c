// Server streams: framings, errors before and amid the stream, negotiation and resume.

import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { TranscodeError } from "../../src/transcoder/transcode-error.ts";
import { Genre, GetFileRequestSchema, type WatchBookRequest } from "./gen/library/v1/library_pb.ts";
import { openLibrary } from "./library.ts";
import { ndjson, of, openWatch, rpc, Source, status, target } from "./watch.ts";

describe("server-sent events", () => {
  it("start with retry, carry id, event and data, turn equal ids into comments, and end", async () => {
    const library = openWatch(
      of(status(1), status(1), status(2, Genre.SCIENCE_FICTION), status(1)),
    );
    const { status: code, headers, text } = await library.call("GET", target);
    expect(code).toBe(200);
    expect(headers).toEqual({
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-store",
      "x-accel-buffering": "no",
    });
    expect(text).toBe(
      "retry: 2000\n\n" +
        'id: 1\nevent: status\ndata: {"genre":"poetry","sequence":1}\n\n' +
        ": heartbeat\n\n" +
        'id: 2\nevent: status\ndata: {"genre":"science_fiction","sequence":2}\n\n' +
        'id: 1\nevent: status\ndata: {"genre":"poetry","sequence":1}\n\n' +
        "event: end\ndata: {}\n\n",
    );
  });

  it("have the set retry, and no ids and the default event without options", async () => {
    const streams = {
      [rpc]: { event: "a", idField: "sequence", resumeField: "book_id", retryMs: 5 },
    };
    const library = openLibrary(
      { WatchBook: () => of(status(0)), TailLog: () => of(status(1), status(1)) },
      { streams },
    );
    expect((await library.call("GET", target)).text).toMatch(/^retry: 5\n\nid: 0\nevent: a\n/);
    const { text } = await library.call("GET", "/v1/log");
    expect(text.match(/event: message\ndata: \{"genre":"poetry","sequence":1\}\n\n/g)).toHaveLength(
      2,
    );
    expect(text).not.toContain("id:");
  });

  it("leave out an id that would break the framing, and honour response_body", async () => {
    const options = { event: "file", idField: "path", resumeField: "path" };
    const streams = { "library.v1.LibraryService/TailFiles": options };
    const paths = ["a", "b\nevent: forged", "c\0", "d"];
    async function* files() {
      for (const path of paths) yield create(GetFileRequestSchema, { path });
    }
    const library = openLibrary({ TailFiles: files }, { streams });
    const { text } = await library.call("GET", "/v1/tail", { headers: { "last-event-id": "x/y" } });
    expect(text.match(/^id: .*$/gm)).toEqual(["id: a", "id: d"]);
    expect(text.match(/^event: .*$/gm)).toEqual([...paths.map(() => "event: file"), "event: end"]);
    expect(text).toContain('data: "b\\nevent: forged"\n');
    expect(library.calls).toMatchObject([{ request: { path: "x/y" } }]);
  });

  it("end at once when the source has no message", async () => {
    const { text } = await openWatch(of()).call("GET", target);
    expect(text).toBe("retry: 2000\n\nevent: end\ndata: {}\n\n");
  });

  it("tell an error amid the stream as rendered, and end cleanly", async () => {
    const { status: code, text } = await openWatch(of(status(1), new Error("stopping"))).call(
      "GET",
      target,
    );
    expect(code).toBe(200);
    expect(text).toMatch(/\n\nevent: error\ndata: \{"error":"stopping"\}\n\n$/);
    expect(text).not.toContain("event: end");
  });

  it("tell a message that cannot be written as an error, and release the source", async () => {
    const source = new Source();
    source.tell({ ...status(1), $typeName: "wrong" } as never);
    const { text } = await openWatch(source).call("GET", target);
    expect(text).toContain("event: error");
    expect(source.stopped).toBeGreaterThan(0);
  });
});

describe("newline-delimited JSON", () => {
  it("is one message a line, equal ids included, and an error last", async () => {
    const library = openWatch(of(status(1), status(1), new Error("stopping")));
    const { headers, text } = await library.call("GET", target, { headers: ndjson });
    expect(headers["content-type"]).toBe("application/x-ndjson");
    const line = '{"genre":"poetry","sequence":1}\n';
    expect(text).toBe(`${line}${line}{"error":"stopping"}\n`);
  });

  it("is empty when the source has no message", async () => {
    expect((await openWatch(of()).call("GET", target, { headers: ndjson })).text).toBe("");
  });
});

describe("before the stream", () => {
  it("an error is an ordinary answer with its own status", async () => {
    const refused = new TranscodeError("invalid_request", "No such book.");
    const { status: code, headers, json } = await openWatch(of(refused)).call("GET", target);
    expect([code, headers["content-type"]]).toEqual([400, "application/json"]);
    expect(json).toMatchObject({ error: "No such book." });
  });

  it.each([
    ["application/json", 406],
    ["text/html", 406],
    ["text/event-stream", 200],
    ["*/*", 200],
  ])("Accept %s -> %i", async (accept, code) => {
    expect(
      (await openWatch(of(status(1))).call("GET", target, { headers: { accept } })).status,
    ).toBe(code);
  });

  it("HEAD has the status and headers of GET and releases the source", async () => {
    const source = new Source();
    source.tell(status(1));
    const response = await openWatch(source).send("HEAD", target);
    expect(response).toMatchObject({ status: 200, body: null });
    expect(source.stopped).toBe(1);
    expect((await openWatch(of(new Error("gone"))).call("HEAD", target)).status).toBe(500);
  });
});

describe("resume", () => {
  it.each<[string, Record<string, string>, number]>([
    ["", { "last-event-id": "5" }, 5],
    ["?after_sequence=3", {}, 3],
    ["?after_sequence=3", { "last-event-id": "5" }, 5],
    ["?after_sequence=3", { "last-event-id": "x" }, 3],
    ["", { "last-event-id": "x" }, 0],
    ["", { "last-event-id": "" }, 0],
    ["", { "last-event-id": "-1" }, 0],
    ["", { "last-event-id": "1.5" }, 0],
    ["", { "last-event-id": "99999999999" }, 0],
    ["", { "last-event-id": "5", ...ndjson }, 5],
  ])("%s with %o starts after %i", async (query, headers, expected) => {
    const library = openWatch(of(status(1)));
    await library.call("GET", target + query, { headers });
    expect((library.calls[0]?.request as WatchBookRequest | undefined)?.afterSequence).toBe(
      expected,
    );
  });

  it("beats instead of repeating the message that was seen", async () => {
    const library = openWatch(of(status(5), status(6)));
    const { text } = await library.call("GET", target, { headers: { "last-event-id": "5" } });
    expect(text).toMatch(/^retry: \d+\n\n: heartbeat\n\nid: 6\nevent: status\n/);
    expect(text).not.toContain("id: 5");
  });

  it("repeats the message that was seen when the stream ends with it", async () => {
    const library = openWatch(of(status(5)));
    const { text } = await library.call("GET", target, { headers: { "last-event-id": "5" } });
    expect(text).toMatch(/: heartbeat\n\nid: 5\nevent: status\n[\s\S]*event: end\n/);
  });

  it("leaves Last-Event-ID alone where a stream cannot be resumed, and in unary calls", async () => {
    const library = openLibrary({ TailLog: () => of() });
    const headers = { "last-event-id": "5" };
    await library.call("GET", "/v1/log", { headers });
    await library.call("GET", "/v1/books/7", { headers });
    expect(library.calls).toMatchObject([
      { request: { afterSequence: 0 } },
      { request: { bookId: "7" } },
    ]);
  });
});
