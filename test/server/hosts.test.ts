// One packet must not end the process: broken Host lines, authorities and targets, over HTTP/1 and
// HTTP/2.

import http2 from "node:http2";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RUNTIMES, startTapin, type Tapin } from "../support/tapin.ts";
import { askHttp2, askRaw, dropHttp2, jsonOf, openHttp2 } from "./raw-http.ts";

const PATHS = [
  ["POST", "/tapin.auth.v1.AuthService/GetLink"],
  ["POST", "/tapin.auth.v1.AuthService/WatchSession"],
  ["GET", "/v1/auth/link"],
  ["GET", "/healthz"],
  ["GET", "/nowhere"],
] as const;

const BROKEN_HOSTS = [
  "a b",
  "[",
  "[]",
  "",
  " ",
  "x:99999999",
  "x:70000",
  "x:-1",
  "x:y",
  "a/b",
  "a?b",
  "a#b",
  "user@host",
  "a:1:2",
  "[::1",
  "[g::1]",
  "[::1]x",
  "a\\b",
  "a<b>",
  "a%",
  "a,b c",
  "\u00ff\u00fe",
];

describe.each(RUNTIMES)("hosts and targets on %s", (runtime) => {
  let tapin: Tapin;
  beforeAll(async () => {
    tapin = await startTapin({ runtime });
  });
  afterAll(async () => {
    expect(await tapin.end()).toBe(0);
  });

  const lives = async () => {
    const answer = await askRaw(tapin.url, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    expect(answer?.text).toBe('{"status":"ok"}');
  };
  const post = "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";

  it.each(BROKEN_HOSTS)("HTTP/1.1 Host %j is refused on every kind of path", async (host) => {
    for (const [method, path] of PATHS) {
      const head = `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\n`;
      const answer = await askRaw(tapin.url, Buffer.from(head + post, "latin1"));
      expect(answer?.status).toBe(400);
      expect(jsonOf(answer as NonNullable<typeof answer>)).toMatchObject({
        code: "validation_failed",
      });
    }
    await lives();
  });

  it("a request without Host, in either version, and one with two are refused", async () => {
    for (const [method, path] of PATHS) {
      // Health is told to load balancers of HTTP/1.0 too: health.test.ts.
      for (const version of path === "/healthz" ? ["1.1"] : ["1.0", "1.1"]) {
        const answer = await askRaw(tapin.url, `${method} ${path} HTTP/${version}\r\n${post}`);
        expect(answer?.status).toBe(400);
        expect(jsonOf(answer as NonNullable<typeof answer>).error).toBe(
          "The Host header is not valid.",
        );
      }
      const two = `${method} ${path} HTTP/1.1\r\nHost: a\r\nhost: b\r\n${post}`;
      expect((await askRaw(tapin.url, two))?.status).toBe(400);
    }
    await lives();
  });

  it.each(["Authorization", "Content-Type"])(
    "two %s headers that differ are refused on every kind of path, and two that are one are not",
    async (name) => {
      const value = name === "Authorization" ? "Bearer a" : "application/json";
      for (const [method, path] of PATHS) {
        const ask = (other: string) => {
          const rest = name === "Authorization" ? post : "Content-Length: 2\r\n\r\n{}";
          const lines = `${name}: ${value}\r\n${name.toLowerCase()}: ${other}\r\n`;
          return askRaw(tapin.url, `${method} ${path} HTTP/1.1\r\nHost: a\r\n${lines}${rest}`);
        };
        const refused = await ask(`${value}b`);
        expect(refused?.status).toBe(400);
        expect(jsonOf(refused as NonNullable<typeof refused>)).toMatchObject({
          code: "validation_failed",
          error: `The ${name.toLowerCase()} header has two values.`,
        });
        expect((await ask(value))?.status).not.toBe(400);
      }
      // Otherwise this end would refuse to send them.
      const lax = { strictSingleValueFields: false } as http2.ClientSessionOptions;
      const session = http2.connect(tapin.url, lax);
      for (const [method, path] of PATHS) {
        const answer = await new Promise((resolve, reject) => {
          const stream = session.request([
            ...[":method", method, ":path", path, ":scheme", "http", ":authority", "a"],
            ...[name.toLowerCase(), value, name.toLowerCase(), `${value}b`],
          ]);
          stream.on("response", (head) => resolve(head[":status"]));
          stream.on("error", reject);
          stream.end();
        });
        expect(answer).toBe(400);
      }
      session.destroy();
      await lives();
    },
  );

  it.each([
    "a",
    "A.Example",
    "127.0.0.1:80",
    "[::1]",
    "[::1]:8080",
    "a_b",
    "xn--e1afmkfd.xn--p1ai",
  ])("Host %s is taken", async (host) => {
    const answer = await askRaw(tapin.url, `GET /healthz HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    expect(answer?.status).toBe(200);
  });

  it.each(["[", "x:99999999", "a b", "user@host", "x:y", "a/b", "[g::1]", "a\\b"])(
    "HTTP/2 :authority %j is refused on every kind of path",
    async (authority) => {
      for (const [method, path] of PATHS) {
        const session = await openHttp2(tapin.url);
        const question = { method, headers: { ":authority": authority } };
        // nghttp2 itself refuses some of them, with a reset of the stream or of the session.
        const status = await askHttp2(session, path, question).then(
          (answer) => answer.status,
          () => 400,
        );
        // Not destroy(): its GOAWAY can crash Deno after such an authority.
        dropHttp2(session);
        expect(status).toBe(400);
      }
      await lives();
    },
  );

  it.each([
    ["GET http://elsewhere.example/healthz", 200, '{"status":"ok"}'],
    ["GET HTTPS://elsewhere.example:1/healthz?", 200, '{"status":"ok"}'],
    ["GET http://elsewhere.example", 302, ""],
    ["OPTIONS *", 204, ""],
    ["GET *", 404, null],
    ["GET ftp://elsewhere.example/healthz", 404, null],
    ["GET ?x", 404, null],
    ["GET /healthz#x", 400, null],
    ["GET /tapin.auth.v1.AuthService/GetLink?connect=#&encoding=json&message={}", 400, null],
    ["GET /%zz", 404, null],
    ["GET /%", 404, null],
    ["GET /v1/auth/session/%ff/status", 400, null],
    ["GET /v1/auth/session/%00/status", 401, null],
    ["GET /v1/auth/../auth/link", 404, null],
    ["GET /v1/auth%2flink", 404, null],
    ["GET \\..\\..\\etc\\passwd", 404, null],
  ])("target %j is answered %i", async (line, status, text) => {
    const answer = await askRaw(tapin.url, `${line} HTTP/1.1\r\nHost: a\r\n\r\n`);
    expect([status, 400]).toContain(answer?.status);
    if (status < 400) expect(answer?.status).toBe(status);
    if (text !== null) expect(answer?.text).toBe(text);
    await lives();
  });

  it("CONNECT gets no tunnel", async () => {
    const answer = await askRaw(tapin.url, "CONNECT db:5432 HTTP/1.1\r\nHost: db:5432\r\n\r\n");
    expect(answer?.status ?? 400).toBeGreaterThanOrEqual(400);
    await lives();
  });

  it.each(["websocket", "h2c", "TLS/1.0"])("an Upgrade to %s is ignored", async (protocol) => {
    const lines = `Host: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: ${protocol}\r\nHTTP2-Settings: AAMAAABk\r\n`;
    const answer = await askRaw(tapin.url, `GET /healthz HTTP/1.1\r\n${lines}\r\n`);
    expect([answer?.status, answer?.text]).toEqual([200, '{"status":"ok"}']);
  });
});
