// What is refused before a message is understood: bad compression, deadlines nobody can read,
// messages that are too large or broken. Every RPC dialect tells the same reason with the same
// details.

import { once } from "node:events";
import { brotliCompressSync, gzipSync } from "node:zlib";
import type { DescMethod } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AuthService } from "#gen/tapin/auth/v1/auth_pb.ts";
import { ERRORS, type Reason } from "../../src/errors.ts";
import { envelope } from "../matrix/envelope.ts";
import { failureOfConnect, failureOfGrpc } from "../matrix/failure.ts";
import type { Failure } from "../matrix/outcome.ts";
import { rpcPath } from "../matrix/speak.ts";
import { awaitCondition } from "../support/await-condition.ts";
import { RUNTIMES, startTapin, type Tapin } from "../support/tapin.ts";
import { type Answer, ask, askHttp2, dropHttp2, jsonOf, openHttp2 } from "./raw-http.ts";

const { createSession, watchSession } = AuthService.method;

/** One way to carry a message over the wire. */
interface Wire {
  readonly name: string;
  readonly type: string;
  readonly method: DescMethod;
  readonly isEnveloped: boolean;
  readonly encodingHeader: string;
  readonly acceptHeader: string;
  readonly timeoutHeader: string;
}

function wire(name: string, type: string, method: DescMethod): Wire {
  const isGrpc = type.includes("grpc");
  const prefix = isGrpc ? "grpc-" : type.includes("connect+") ? "connect-" : "";
  return {
    name,
    type: `application/${type}`,
    method,
    isEnveloped: prefix !== "",
    encodingHeader: isGrpc ? "grpc-encoding" : `${prefix}content-encoding`,
    acceptHeader: `${prefix}accept-encoding`,
    timeoutHeader: isGrpc ? "grpc-timeout" : "connect-timeout-ms",
  };
}

const WIRES = [
  wire("gRPC", "grpc", createSession),
  wire("gRPC stream", "grpc+proto", watchSession),
  wire("gRPC-Web", "grpc-web+proto", createSession),
  wire("gRPC-Web JSON", "grpc-web+json", createSession),
  wire("Connect JSON", "json", createSession),
  wire("Connect binary", "proto", createSession),
  wire("Connect stream JSON", "connect+json", watchSession),
  wire("Connect stream binary", "connect+proto", watchSession),
];

/**
 * A message of about that many bytes that both methods can read: field 1 of both is a text or holds
 * one.
 */
function messageOf({ type, method }: Wire, size: number): Buffer {
  const text = "x".repeat(size);
  const name = method === createSession ? "state" : "sessionId";
  if (type.endsWith("json")) return Buffer.from(JSON.stringify({ [name]: text }));
  const field = (bytes: Buffer) => Buffer.concat([Buffer.of(0x0a), varint(bytes.length), bytes]);
  const inner = Buffer.from(text);
  return method === createSession ? field(field(inner)) : field(inner);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 128) return Buffer.of(...bytes, rest);
    bytes.push((rest & 127) | 128);
  }
}

/** What is sent: a whole body, and headers. */
interface Sent {
  readonly body: Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Puts a message, flagged as compressed where it is, into its envelope where it has one. */
const packed = ({ isEnveloped }: Wire, message: Uint8Array, flags = 1) =>
  isEnveloped ? envelope(message, flags) : message;
const plain = (to: Wire, message: Uint8Array) => packed(to, message, 0);

type Row = readonly [what: string, reason: Reason, make: (to: Wire) => Sent];

const small = (to: Wire) => plain(to, messageOf(to, 5));
const compressed = (name: string, pack: (message: Buffer) => Uint8Array, size: number) => {
  return (to: Wire): Sent => ({
    body: packed(to, pack(messageOf(to, size))),
    headers: { [to.encodingHeader]: name },
  });
};
const timeout = (grpc: string, connect: string) => {
  return (to: Wire): Sent => ({
    body: small(to),
    headers: { [to.timeoutHeader]: to.timeoutHeader === "grpc-timeout" ? grpc : connect },
  });
};

/** Rows for every wire. */
const ROWS: readonly Row[] = [
  ["a compression nobody knows", "UNIMPLEMENTED", compressed("lzma", (bytes) => bytes, 5)],
  ["several compressions", "UNIMPLEMENTED", compressed("gzip, br", gzipSync, 5)],
  ["what is no gzip", "VALIDATION_FAILED", compressed("gzip", (bytes) => bytes, 5)],
  ["gzip cut off", "VALIDATION_FAILED", compressed("gzip", (b) => gzipSync(b).subarray(0, -9), 50)],
  ["what is no br", "VALIDATION_FAILED", compressed("br", (bytes) => bytes, 50)],
  ["a gzip bomb", "BODY_TOO_LARGE", compressed("gzip", gzipSync, 5_000_000)],
  ["a br bomb", "BODY_TOO_LARGE", compressed("br", brotliCompressSync, 5_000_000)],
  ["a broken message in gzip", "VALIDATION_FAILED", compressed("gzip", () => gzipSync("{\x7f"), 5)],
  ["a message too large", "BODY_TOO_LARGE", (to) => ({ body: plain(to, messageOf(to, 66_000)) })],
  ["a broken message", "VALIDATION_FAILED", (to) => ({ body: plain(to, Buffer.from("{\x7f")) })],
  ["no timeout at all", "VALIDATION_FAILED", timeout("soon", "soon")],
  ["an empty timeout", "VALIDATION_FAILED", timeout("m", "")],
  ["a negative timeout", "VALIDATION_FAILED", timeout("-1S", "-1")],
  ["a fraction", "VALIDATION_FAILED", timeout("1.5S", "1.5")],
  ["a unit nobody knows", "VALIDATION_FAILED", timeout("1s", "1s")],
  ["too many digits", "VALIDATION_FAILED", timeout("123456789S", "12345678901")],
  ["a timeout of none", "DEADLINE_EXCEEDED", timeout("0m", "0")],
];

/** Rows for Connect; gRPC has no such header. */
const CONNECT_ROWS: readonly Row[] = [
  ["another version", "VALIDATION_FAILED", (to) => spoken(to, "2")],
  ["a version of nothing", "VALIDATION_FAILED", (to) => spoken(to, "")],
];

function spoken(to: Wire, version: string): Sent {
  return { body: small(to), headers: { "connect-protocol-version": version } };
}

/** Rows for messages in envelopes. */
const ENVELOPE_ROWS: readonly Row[] = [
  ["no message", "UNIMPLEMENTED", () => ({ body: new Uint8Array() })],
  ["two messages", "UNIMPLEMENTED", (to) => ({ body: Buffer.concat([small(to), small(to)]) })],
  ["half a prefix", "VALIDATION_FAILED", () => ({ body: Uint8Array.of(0, 0, 0) })],
  ["a message cut off", "VALIDATION_FAILED", (to) => ({ body: small(to).subarray(0, -1) })],
  [
    "a length of 4 GiB",
    "VALIDATION_FAILED",
    () => ({ body: envelope(Buffer.of(1), 0, 2 ** 32 - 1) }),
  ],
  ["flags nobody knows", "VALIDATION_FAILED", (to) => ({ body: packed(to, messageOf(to, 5), 4) })],
  ["compressed, but how?", "INTERNAL", (to) => ({ body: packed(to, gzipSync(messageOf(to, 5))) })],
];

const METRICS_TOKEN = "prometheus-token-for-tests";

const GET_BOMB = gzipSync(`{"x":"${"y".repeat(900_000)}"}`).toString("base64url");

describe.each(RUNTIMES)("refusals of RPC on %s", (runtime) => {
  let tapin: Tapin;
  beforeAll(async () => {
    tapin = await startTapin({ runtime, env: { TAPIN_METRICS_TOKEN: METRICS_TOKEN } });
  });
  afterAll(async () => {
    // Strangers can do all of this: none of it may look like a fault of the service.
    expect(tapin.output()).not.toMatch(/"level":"error"|"level":"warn".*"event":"call"/);
    const metrics = await ask(`${tapin.url}/metrics`, {
      headers: { authorization: `Bearer ${METRICS_TOKEN}` },
    });
    expect(metrics.text).toContain('reason="VALIDATION_FAILED"');
    expect(metrics.text).not.toMatch(/reason="(INTERNAL|UNAVAILABLE)"/);
    expect(await tapin.end()).toBe(0);
  });

  async function send(to: Wire, { body, headers }: Sent): Promise<Answer> {
    const question = {
      method: "POST",
      headers: {
        authorization: `Bearer ${tapin.apiKey}`,
        "content-type": to.type,
        ...(to.name.startsWith("gRPC") && { te: "trailers" }),
        ...headers,
      },
      body,
    };
    if (!/^application\/grpc(\+|$)/.test(to.type)) {
      return await ask(tapin.url + rpcPath(to.method), question);
    }
    const session = await openHttp2(tapin.url);
    try {
      return await askHttp2(session, rpcPath(to.method), question);
    } finally {
      session.destroy();
    }
  }

  /** Checks everything but what depends on the wire, and answers what the caller was told. */
  function failureIn(to: Wire, answer: Answer): Failure & { readonly accepts: string | undefined } {
    const accepts = answer.headers[to.acceptHeader];
    return { ...readFailure(to, answer), accepts };
  }

  function readFailure({ type, isEnveloped }: Wire, { headers, text }: Answer): Failure {
    if (!isEnveloped) return failureOfConnect(JSON.parse(text));
    // The end of the stream is its only frame; as text, the length before it may be garbled.
    if (!type.includes("grpc"))
      return failureOfConnect(JSON.parse(text.replace(/^[^{]*/, "")).error);
    const [, trailers = ""] = /^.{5}(.*)$/s.exec(text) ?? [];
    const inBody = trailers.split("\r\n").map((line) => line.split(/: ?/, 2) as [string, string]);
    const all: Record<string, string> = { ...Object.fromEntries(inBody), ...headers };
    const details = Buffer.from(all["grpc-status-details-bin"] ?? "", "base64");
    const message = decodeURIComponent(all["grpc-message"] ?? "");
    return failureOfGrpc(Number(all["grpc-status"]), message, details);
  }

  async function expectRow(to: Wire, [what, reason, make]: Row): Promise<void> {
    const id = `${runtime}-${what.replaceAll(/[^a-z]/g, "-")}`;
    const sent = make(to);
    const answer = await send(to, { ...sent, headers: { ...sent.headers, "x-request-id": id } });
    const failure = failureIn(to, answer);
    expect(failure).toMatchObject({
      code: ERRORS[reason].rpc,
      reason,
      domain: "tapin",
      requestId: id,
      sentence: expect.stringMatching(/^[A-Z].*\.$/s),
    });
    expect([answer.headers["x-request-id"], answer.headers["cache-control"]]).toEqual([
      id,
      "no-store",
    ]);
    if (sent.headers?.[to.timeoutHeader] !== undefined && reason === "VALIDATION_FAILED") {
      expect(failure.violations.map(({ field }) => field)).toEqual([to.timeoutHeader]);
    }
    if (/version/.test(what)) {
      expect(failure.violations.map(({ field }) => field)).toEqual(["connect-protocol-version"]);
    }
    if (/compression/.test(what)) expect(failure.accepts).toBe("gzip,br");
    // gRPC wants INTERNAL for the fault of a caller (gRPC over HTTP/2, "Compressed-Flag").
    const recorded = reason === "INTERNAL" ? "VALIDATION_FAILED" : reason;
    const line = new RegExp(`"request_id":"${id}".*"reason":"${recorded}"`);
    await awaitCondition(`the log tells ${what}`, async () => line.test(tapin.output()));
  }

  it("a Connect GET of another version is told so, and one of version 1 or of none is answered", async () => {
    const get = async (query: string) => {
      const path = rpcPath(AuthService.method.getLink);
      const headers = { authorization: `Bearer ${tapin.apiKey}` };
      return await ask(`${tapin.url}${path}?encoding=json&message={}${query}`, { headers });
    };
    const refused = await get("&connect=v2");
    expect([refused.status, jsonOf(refused).code]).toEqual([400, "invalid_argument"]);
    expect(refused.text).toContain("must be v1");
    for (const query of ["", "&connect=v1"]) expect((await get(query)).status).toBe(200);
  });

  it.each(WIRES.map((to) => [to.name, to] as const))(
    "%s: each is told its reason, with ErrorInfo and x-request-id, and is logged",
    async (_, to) => {
      const isConnect = !to.type.includes("grpc");
      const more = [...(to.isEnveloped ? ENVELOPE_ROWS : []), ...(isConnect ? CONNECT_ROWS : [])];
      for (const row of [...ROWS, ...more]) {
        await expectRow(to, row).catch((error: Error) => {
          error.message = `${row[0]}: ${error.message}`;
          throw error;
        });
      }
    },
  );

  it("a stream that its caller resets, with whichever code, has been cancelled", async () => {
    const session = await openHttp2(tapin.url);
    const created = await ask(`${tapin.url}/v1/auth/session`, {
      headers: { authorization: `Bearer ${tapin.apiKey}` },
      body: {},
    });
    const id = Buffer.from(String(jsonOf(created).session_id));
    // RFC 9113 section 7.
    for (let code = 0; code <= 13; code++) {
      const requestId = `${runtime}-reset-${code}`;
      const stream = session.request({
        ":method": "POST",
        ":path": rpcPath(watchSession),
        authorization: `Bearer ${tapin.apiKey}`,
        "content-type": "application/grpc",
        te: "trailers",
        "x-request-id": requestId,
      });
      stream.on("error", () => undefined);
      stream.end(envelope(Buffer.concat([Buffer.of(0x0a, id.length), id]), 0));
      await once(stream, "data");
      stream.close(code);
      const line = new RegExp(`"request_id":"${requestId}".*"reason":"CANCELED"`);
      await awaitCondition(`reset ${code} is told`, async () => line.test(tapin.output()));
    }
    dropHttp2(session);
  });

  it.each([
    ["no JSON", "message=%FF", "VALIDATION_FAILED"],
    ["no object", "message=%5B%5D", "VALIDATION_FAILED"],
    ["a compression nobody knows", "message=%7B%7D&compression=lzma", "UNIMPLEMENTED"],
    ["no gzip", "message=%7B%7D&compression=gzip", "VALIDATION_FAILED"],
    ["no base64", "message=***&base64=1", "VALIDATION_FAILED"],
    ["a gzip bomb", `message=${GET_BOMB}&base64=1&compression=gzip`, "BODY_TOO_LARGE"],
  ] as const)("Connect GET: %s is told its reason", async (_, query, reason) => {
    const path = rpcPath(AuthService.method.getLink);
    const answer = await ask(`${tapin.url}${path}?connect=v1&encoding=json&${query}`, {
      headers: { authorization: `Bearer ${tapin.apiKey}` },
    });
    const failure = failureOfConnect(jsonOf(answer) as Parameters<typeof failureOfConnect>[0]);
    expect(failure).toMatchObject({ code: ERRORS[reason].rpc, reason, domain: "tapin" });
    expect(failure.requestId).toBe(answer.headers["x-request-id"]);
  });

  it.each(WIRES.map((to) => [to.name, to] as const))(
    "%s: good compression and absurd timeouts are no trouble",
    async (_, to) => {
      const headers = {
        [to.timeoutHeader]: to.timeoutHeader === "grpc-timeout" ? "99999999H" : "9999999999",
      };
      for (const [name, pack] of [
        ["gzip", gzipSync],
        ["br", brotliCompressSync],
      ] as const) {
        const sent = compressed(name, pack, 16)(to);
        const answer = await send(to, { ...sent, headers: { ...sent.headers, ...headers } });
        if (to.method === createSession) expect(answer.text).toMatch(/[A-Za-z0-9]{16}/);
        else expect(failureIn(to, answer).reason).toBe("SESSION_NOT_FOUND");
      }
    },
  );
});
