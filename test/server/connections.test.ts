// One port for HTTP/1.1 and cleartext HTTP/2: how the two are told apart, and that a kept
// connection stays usable whatever was answered on it.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AuthService } from "#gen/tapin/auth/v1/auth_pb.ts";
import { RUNTIMES, startTapin, type Tapin } from "../support/tapin.ts";
import { type Answer, ask, askHttp2, jsonOf, openHttp2, openRaw, requestText } from "./raw-http.ts";
import { grpcFailure, openGrpc } from "./rpc-client.ts";

const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/** An empty SETTINGS frame, as every HTTP/2 connection begins with (RFC 9113 section 6.5). */
const SETTINGS = Uint8Array.of(0, 0, 0, 4, 0, 0, 0, 0, 0);

describe.each(RUNTIMES)("connections on %s", (runtime) => {
  let tapin: Tapin;
  beforeAll(async () => {
    tapin = await startTapin({ runtime });
  });
  afterAll(async () => {
    expect(await tapin.end()).toBe(0);
  });

  const request = (line: string, lines: string, body = "") =>
    requestText(tapin.apiKey, line, lines, body);

  /** Sends each byte as a packet of its own, as far as the network lets us. */
  const drip = async (send: (bytes: Uint8Array) => void, text: string) => {
    for (const byte of Buffer.from(text, "latin1")) {
      send(Uint8Array.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
  };

  it("an HTTP/2 preface that arrives byte by byte begins HTTP/2", async () => {
    const connection = await openRaw(tapin.url);
    await drip(connection.send, PREFACE);
    connection.send(SETTINGS);
    expect(await connection.frameType()).toBe(4);
    connection.destroy();
  });

  it.each(["POST", "PUT", "PATCH", "PRI", "P"])(
    "a request byte by byte with a method like the preface's: %s",
    async (method) => {
      const connection = await openRaw(tapin.url);
      await drip(connection.send, `${method} /healthz HTTP/1.1\r\nHost: a\r\n\r\n`);
      const known = method.length > 1 && method !== "PRI";
      expect((await connection.answer())?.status).toBe(known ? 405 : 400);
      connection.destroy();
    },
  );

  it("a preface with one wrong byte at the end is no HTTP/2", async () => {
    const connection = await openRaw(tapin.url);
    connection.send(`${PREFACE.slice(0, -1)}x`);
    expect((await connection.answer())?.status).toBe(400);
    connection.destroy();
  });

  it("pipelined requests are answered in order", async () => {
    const connection = await openRaw(tapin.url);
    const paths = ["/healthz", "/nope", "/v1/auth/link", "/readyz"];
    connection.send(paths.map((path) => request(`GET ${path}`, "")).join(""));
    const statuses = [];
    for (const _ of paths) statuses.push((await connection.answer())?.status);
    expect(statuses).toEqual([200, 404, 200, 200]);
    connection.destroy();
  });

  it("no byte changes its place, however the first ones are cut into packets", async () => {
    const body = '{"state":"abc"}';
    const bytes = request(
      "POST /v1/auth/session",
      `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n`,
      body,
    );
    for (let cut = 1; cut < bytes.length; cut += 3) {
      const connection = await openRaw(tapin.url);
      connection.send(bytes.slice(0, cut));
      await new Promise((resolve) => setImmediate(resolve));
      connection.send(bytes.slice(cut));
      expect([cut, (await connection.answer())?.status]).toEqual([cut, 200]);
      connection.destroy();
    }
  });

  it("200 requests on one connection, with refusals that leave a body unread mixed in", async () => {
    const connection = await openRaw(tapin.url);
    const json = "Content-Type: application/json\r\n";
    const large = "x".repeat(100_000);
    const half = "x".repeat(3000);
    const cases: readonly (readonly [status: number, bytes: string])[] = [
      [200, request("GET /v1/auth/link", "")],
      [413, request("POST /v1/auth/session", `${json}Content-Length: ${large.length}\r\n`, large)],
      [200, request("POST /v1/auth/session", `${json}Content-Length: 2\r\n`, "{}")],
      [
        401,
        `POST /v1/auth/verify HTTP/1.1\r\nHost: a\r\n${json}Content-Length: ${half.length}\r\n\r\n${half}`,
      ],
      [404, request("POST /nope", `${json}Content-Length: ${half.length}\r\n`, half)],
      [415, request("POST /v1/auth/verify", `Content-Length: ${half.length}\r\n`, half)],
      [
        413,
        request(
          "POST /v1/auth/session",
          `${json}Transfer-Encoding: chunked\r\n`,
          `186a0\r\n${large}\r\n0\r\n\r\n`,
        ),
      ],
      [
        401,
        `POST /tapin.auth.v1.AuthService/VerifyCode HTTP/1.1\r\nHost: a\r\n${json}Content-Length: ${half.length}\r\n\r\n${half}`,
      ],
      [
        415,
        request(
          "POST /tapin.auth.v1.AuthService/VerifyCode",
          `Content-Length: ${half.length}\r\n`,
          half,
        ),
      ],
      [405, request("POST /healthz", `Content-Length: ${half.length}\r\n`, half)],
    ];
    const seen: (number | undefined)[] = [];
    for (let round = 0; round < 20; round++) {
      for (const [, bytes] of cases) {
        connection.send(bytes);
        seen.push((await connection.answer())?.status);
      }
    }
    expect(seen).toHaveLength(200);
    expect(seen).toEqual(Array.from({ length: 20 }, () => cases.map(([status]) => status)).flat());
    connection.destroy();
  });

  it("cleartext HTTP/2 by prior knowledge serves REST like HTTP/1.1", async () => {
    const session = await openHttp2(tapin.url);
    const headers = { authorization: `Bearer ${tapin.apiKey}` };
    const link = await askHttp2(session, "/v1/auth/link", { headers });
    const overHttp1 = await ask(`${tapin.url}/v1/auth/link`, { headers });
    expect(link).toMatchObject({ status: 200, text: overHttp1.text });
    const created = await askHttp2(session, "/v1/auth/session", { headers, body: { state: "a" } });
    expect(jsonOf(created)).toMatchObject({ expires_in: 300 });
    const refused = await askHttp2(session, "/v1/auth/session", {
      headers,
      body: { state: "x".repeat(100_000) },
    });
    expect(refused.status).toBe(413);
    const again = await Promise.all(
      ["/healthz", "/nope", "/v1/auth/link"].map((path) => askHttp2(session, path, { headers })),
    );
    expect(again.map(({ status }) => status)).toEqual([200, 404, 200]);
    expect(again.every((answer: Answer) => answer.headers["x-request-id"] !== undefined)).toBe(
      true,
    );
    session.destroy();
  });

  it("HTTP/1.1, HTTP/2 and gRPC at once on one port", async () => {
    const session = await openHttp2(tapin.url);
    const grpc = openGrpc(tapin.url);
    const headers = { authorization: `Bearer ${tapin.apiKey}` };
    const calls = Array.from({ length: 20 }, async () => {
      const [one, two, link] = await Promise.all([
        ask(`${tapin.url}/v1/auth/link`, { headers }),
        askHttp2(session, "/v1/auth/link", { headers }),
        grpc.unary(AuthService.method.getLink, {}, { bearer: tapin.apiKey }),
      ]);
      expect([one.status, two.status, link.configured]).toEqual([200, 200, true]);
    });
    await Promise.all(calls);
    grpc.close();
    session.destroy();
  });

  it("T24 an HTTP/2 connection has 100 streams", async () => {
    const session = await openHttp2(tapin.url);
    // Answered after our SETTINGS, so they have come too.
    expect((await askHttp2(session, "/healthz")).status).toBe(200);
    expect(session.remoteSettings.maxConcurrentStreams).toBe(100);
    session.destroy();
  });

  it("headers above 16 KiB end an HTTP/2 stream or session, and nothing else", async () => {
    for (const size of [20_000, 60_000, 100_000]) {
      const session = await openHttp2(tapin.url);
      const large = askHttp2(session, "/healthz", { headers: { "x-large": "a".repeat(size) } });
      const status = await large.then(
        (answer) => answer.status,
        () => "reset",
      );
      expect(["reset", 431]).toContain(status);
      session.destroy();
    }
    expect((await ask(`${tapin.url}/healthz`)).status).toBe(200);
  });

  it("a broken request after an answered one is refused, and the connection closed", async () => {
    const connection = await openRaw(tapin.url);
    connection.send(request("GET /healthz", ""));
    expect((await connection.answer())?.status).toBe(200);
    connection.send("NONSENSE\r\n\r\n");
    const refused = await connection.answer();
    expect([refused?.status, refused?.headers.connection]).toEqual([400, "close"]);
    await connection.closed;
  });

  it("a broken request takes nobody's answer: those before it are answered first", async () => {
    const body = '{"code":"x"}';
    const type = `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n`;
    for (const broken of ["NONSENSE\r\n\r\n", "GET / HTTP/1.1\r\nA\u0000: b\r\n\r\n"]) {
      const connection = await openRaw(tapin.url);
      // The first waits for the database while the last is read.
      connection.send(
        request("POST /v1/auth/verify", type, body) + request("GET /v1/auth/link", "") + broken,
      );
      const answers = [];
      for (const _ of [1, 2, 3]) answers.push(await connection.answer());
      expect(answers.map((answer) => answer?.status)).toEqual([400, 200, 400]);
      expect(answers.map((answer) => answer && jsonOf(answer).error)).toEqual([
        "The code is not valid.",
        undefined,
        "This is not a valid HTTP request.",
      ]);
      await connection.closed;
    }
  });

  it("nothing is written into an answer that has begun", async () => {
    const created = await ask(`${tapin.url}/v1/auth/session`, {
      headers: { authorization: `Bearer ${tapin.apiKey}` },
      body: {},
    });
    const { session_id } = jsonOf(created);
    const connection = await openRaw(tapin.url);
    connection.send(request(`GET /v1/auth/session/${session_id}/watch`, ""));
    await connection.text(/event: status[\s\S]*\n\n/);
    connection.send("NONSENSE\r\n\r\n");
    await connection.closed;
    expect(await connection.text(/$/)).not.toContain("400 Bad Request");
  });

  it.each([
    ["grpc-timeout of 11,000 years", "grpc-timeout", "99999999H"],
    ["grpc-timeout of a day in milliseconds", "grpc-timeout", "86400000m"],
    ["grpc-timeout of 31 years in seconds", "grpc-timeout", "99999999S"],
    ["Connect-Timeout-Ms of 115 days", "connect-timeout-ms", "9999999999"],
  ])("a %s is not taken for now", async (_, name, value) => {
    const isGrpc = name === "grpc-timeout";
    const session = await openHttp2(tapin.url);
    const answer = await askHttp2(session, "/tapin.auth.v1.AuthService/GetLink", {
      headers: {
        authorization: `Bearer ${tapin.apiKey}`,
        "content-type": isGrpc ? "application/grpc" : "application/json",
        te: "trailers",
        [name]: value,
      },
      body: isGrpc ? new Uint8Array(5) : "{}",
    });
    session.destroy();
    expect(answer.status).toBe(200);
    expect(answer.headers["grpc-status"] ?? "0").toBe("0");
    expect(answer.text).toContain("auth_demo");
    expect(tapin.output()).not.toContain("TimeoutOverflowWarning");
  });

  it("grpc-js may set a deadline of two hours", async () => {
    const grpc = openGrpc(tapin.url);
    const options = { bearer: tapin.apiKey, deadlineMs: 7_200_000 };
    const link = await grpc.unary(AuthService.method.getLink, {}, options);
    grpc.close();
    expect(link.configured).toBe(true);
  });

  it("a short deadline ends WatchSession with deadline_exceeded, over gRPC and Connect", async () => {
    const grpc = openGrpc(tapin.url);
    const bearer = tapin.apiKey;
    const { sessionId } = await grpc.unary(AuthService.method.createSession, {}, { bearer });
    const failure = await grpcFailure(
      grpc.stream(AuthService.method.watchSession, { sessionId }, { bearer, deadlineMs: 700 }),
    );
    expect(failure.code).toBe("deadline_exceeded");
    grpc.close();
    const body = Buffer.from(JSON.stringify({ sessionId }));
    const answer = await ask(`${tapin.url}/tapin.auth.v1.AuthService/WatchSession`, {
      headers: {
        authorization: `Bearer ${bearer}`,
        "content-type": "application/connect+json",
        "connect-timeout-ms": "700",
      },
      body: Buffer.concat([Uint8Array.of(0, 0, 0, 0, body.length), body]),
    });
    expect(answer.text).toContain("SESSION_STATUS_PENDING");
    expect(answer.text).toContain('"code":"deadline_exceeded"');
    expect(answer.text).toContain("tapin");
  });
});
