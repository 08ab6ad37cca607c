// Request messages that cannot be read: the caller's fault in every dialect, told with a reason.

import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { awaitAnswer } from "../support/await-condition.ts";
import { RUNTIMES, startTapin, type Tapin } from "../support/tapin.ts";
import { type Answer, ask, askHttp2, askRaw, dropHttp2, jsonOf, openHttp2 } from "./raw-http.ts";
import { connectFailure, detailsFailure, type RpcFailure } from "./rpc-client.ts";

const PATH = "/tapin.auth.v1.AuthService/CreateSession";
/** Field 1 with a length that leads out of the message. */
const BROKEN_BINARY = Uint8Array.of(0x0a, 0x7f, 0x01);

const envelope = (message: Uint8Array, flags = 0, length = message.length) =>
  Buffer.concat([Uint8Array.of(flags, 0, 0, length >> 8, length & 255), message]);
const json = (value: unknown) => Buffer.from(JSON.stringify(value));

describe.each(RUNTIMES)("messages of RPC on %s", (runtime) => {
  let tapin: Tapin;
  beforeAll(async () => {
    tapin = await startTapin({ runtime });
  });
  afterAll(async () => {
    expect(await tapin.end()).toBe(0);
  });

  const headersOf = (type: string, more: Record<string, string> = {}) => ({
    authorization: `Bearer ${tapin.apiKey}`,
    "content-type": type,
    ...more,
  });
  const overHttp1 = (type: string, body: Uint8Array | string, more?: Record<string, string>) =>
    ask(tapin.url + PATH, { headers: headersOf(type, more), body });
  const overGrpc = async (body: Uint8Array): Promise<Answer> => {
    const session = await openHttp2(tapin.url);
    const headers = headersOf("application/grpc", { te: "trailers" });
    try {
      return await askHttp2(session, PATH, { headers, body });
    } finally {
      dropHttp2(session);
    }
  };
  const expectRefused = (failure: RpcFailure, sentence: RegExp) => {
    expect(failure).toMatchObject({
      code: "invalid_argument",
      reason: "VALIDATION_FAILED",
      domain: "tapin",
      message: expect.stringMatching(sentence),
    });
  };

  it.each([
    ["no JSON", "application/json", "{", /^Cannot read the message: .*\.$/],
    ["no object", "application/json", "[]", /^Cannot read the message: .*\.$/],
    ["a wrong type", "application/json", '{"state":7}', /expected string, got 7\.$/],
    ["a text for a message", "application/json", '{"client":"x"}', /ClientInfo/],
    ["broken binary", "application/proto", BROKEN_BINARY, /^Cannot read the message: .*\.$/],
  ])("Connect: %s is 400 with a reason", async (_, type, body, sentence) => {
    const answer = await overHttp1(type, body);
    expect(answer.status).toBe(400);
    expectRefused(connectFailure(answer), sentence);
  });

  it.each([
    ["broken binary", envelope(BROKEN_BINARY), /^Cannot read the message: .*\.$/],
    ["a message that is cut off", envelope(BROKEN_BINARY, 0, 40), /not complete/],
    ["half a prefix", Uint8Array.of(0, 0), /not complete/],
    ["flags nobody knows", envelope(new Uint8Array(), 0x6a), /unknown flags/],
  ])("gRPC: %s is invalid_argument with a reason", async (_, body, sentence) => {
    const answer = await overGrpc(body);
    expect(answer.status).toBe(200);
    expectRefused(detailsFailure(answer.headers), sentence);
  });

  it("a message larger than 64 KiB is refused with a reason, whatever announces it", async () => {
    const body = json({ state: "x".repeat(70_000) });
    const chunked = { "transfer-encoding": "chunked" };
    for (const more of [{}, chunked]) {
      const failure = connectFailure(await overHttp1("application/json", body, more));
      expect(failure).toMatchObject({ code: "resource_exhausted", reason: "BODY_TOO_LARGE" });
    }
    const head = Uint8Array.of(0, 0, 1, 0x20, 0);
    const answer = await overGrpc(Buffer.concat([head, Buffer.alloc(0x1_2000)]));
    expect(detailsFailure(answer.headers)).toMatchObject({
      code: "resource_exhausted",
      reason: "BODY_TOO_LARGE",
    });
  });

  it.each([
    ["application/json;charset=UTF-8", 200],
    ['application/json; charset="utf-8"', 200],
    ["application/json; charset=utf-8; x=1", 200],
    ["application/json; charset=utf-16", 415],
    ["application/json/x", 415],
  ])("a body of type %s is answered %i, never without a word", async (type, status) => {
    const answer = await overHttp1(type, "{}");
    expect(answer.status).toBe(status);
    expect(jsonOf(answer)).toMatchObject(
      status === 200 ? { expiresIn: 300 } : { code: "unsupported_media_type" },
    );
  });

  it("a GET with the type of a body that it has not is a GET all the same", async () => {
    const link = "/tapin.auth.v1.AuthService/GetLink?connect=v1&encoding=json&message=%7B%7D";
    for (const type of ["application/grpc", "application/grpc-web+json", "text/plain", "x"]) {
      const answer = await ask(tapin.url + link, { headers: headersOf(type) });
      expect([type, answer.status]).toEqual([type, 200]);
      expect(jsonOf(answer)).toMatchObject({ configured: true });
    }
  });

  it("who is not known is refused before the body is read", async () => {
    const head = (path: string, type: string) =>
      `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Type: ${type}\r\nContent-Length: 50000\r\n\r\n`;
    for (const [path, type] of [
      [PATH, "application/json"],
      [PATH, "application/proto"],
      [PATH, "application/grpc-web"],
      ["/tapin.auth.v1.AuthService/WatchSession", "application/connect+json"],
      ["/v1/auth/session", "application/json"],
      ["/v1/admin/projects", "application/json"],
    ] as const) {
      // Nothing follows the head: an answer that waits for the body never comes.
      const answer = await askRaw(tapin.url, head(path, type));
      expect([path, type, answer?.text]).toEqual([
        path,
        type,
        expect.stringMatching(/credentials are missing|grpc-status: 16/),
      ]);
    }
  });

  it("what is refused is logged as a call like any other", async () => {
    const id = `message-${runtime}`;
    await overHttp1("application/proto", BROKEN_BINARY, { "x-request-id": id });
    // The lines of a turn are written at its end, which the answer does not wait for.
    const line = await awaitAnswer("the call is logged", async () => {
      const lines = tapin.output().split("\n");
      return lines.find((candidate) => candidate.includes(id)) ?? null;
    });
    expect(JSON.parse(line)).toMatchObject({
      rpc: "tapin.auth.v1.AuthService/CreateSession",
      dialect: "connect",
      reason: "VALIDATION_FAILED",
    });
  });

  it("good messages are taken: with unknown fields, compressed, by GET", async () => {
    const created = async (answer: Promise<Answer>) => jsonOf(await answer).sessionId;
    const id = /^[A-Za-z0-9]{16}$/;
    const type = "application/json";
    expect(await created(overHttp1(type, '{"state":"a","later":1}'))).toMatch(id);
    const packed = gzipSync(json({ state: "a" }));
    expect(await created(overHttp1(type, packed, { "content-encoding": "gzip" }))).toMatch(id);
    const link = "/tapin.auth.v1.AuthService/GetLink?connect=v1&encoding=json&message=%7B%7D";
    const headers = { authorization: `Bearer ${tapin.apiKey}` };
    expect((await ask(tapin.url + link, { headers })).status).toBe(200);
  });

  it("a compressed message that grows beyond 64 KiB is refused", async () => {
    const bomb = gzipSync(json({ state: "x".repeat(5_000_000) }));
    const answer = await overHttp1("application/json", bomb, { "content-encoding": "gzip" });
    expect(connectFailure(answer).code).toBe("resource_exhausted");
  });
});
