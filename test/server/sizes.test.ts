// The sizes that an operator sets, from the outside: what is one step too large is refused in the
// form of its dialect, and what just fits is read, with the smallest values and with the largest.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encodeFields, type Field } from "../fuzz/hpack.ts";
import { encodeFrame, FLAG, FRAME, type Frame, openFrames } from "../fuzz/http2-frames.ts";
import { RUNTIMES, startTapin, type Tapin } from "../support/tapin.ts";
import { type Answer, ask, askHttp2, dropHttp2, jsonOf, openHttp2 } from "./raw-http.ts";
import { connectFailure, detailsFailure } from "./rpc-client.ts";

const SERVICE = "/tapin.auth.v1.AuthService";
/** Setting of HTTP/2 with the streams of a connection (RFC 9113 section 6.5.2). */
const MAX_CONCURRENT_STREAMS = 3;
const REFUSED_STREAM = 7;

const SMALL = { body: 4096, head: 4096, url: 1024, streams: 10 };
const LARGE = { body: 1_048_576, head: 65_536, url: 32_768, streams: 1000 };
const CASES = RUNTIMES.flatMap((runtime) =>
  [SMALL, LARGE].map((sizes) => ({ runtime, sizes, name: sizes === SMALL ? "small" : "large" })),
);

/** A JSON object of so many bytes, most of them spaces. */
const jsonOfSize = (bytes: number) => `{${" ".repeat(bytes - 2)}}`;

describe.each(CASES)("$name sizes on $runtime", ({ runtime, sizes }) => {
  let tapin: Tapin;
  let authorization: string;
  beforeAll(async () => {
    tapin = await startTapin({
      runtime,
      env: {
        TAPIN_BODY_BYTES: String(sizes.body),
        TAPIN_HEAD_BYTES: String(sizes.head),
        TAPIN_URL_BYTES: String(sizes.url),
        TAPIN_CONNECTION_STREAMS: String(sizes.streams),
        TAPIN_FAILURE_LIMIT: "0",
      },
    });
    authorization = `Bearer ${tapin.apiKey}`;
  });
  afterAll(async () => {
    expect(await tapin.end()).toBe(0);
  });

  const overHttp1 = (path: string, headers: Record<string, string>, body?: string) =>
    ask(tapin.url + path, { headers: { authorization, ...headers }, ...(body && { body }) });
  const overHttp2 = async (
    path: string,
    headers: Record<string, string>,
    body?: string | Uint8Array,
  ) => {
    const session = await openHttp2(tapin.url);
    try {
      // Once something is answered, our client knows the server's settings.
      await askHttp2(session, "/healthz");
      const question = { headers: { authorization, ...headers }, ...(body && { body }) };
      return await askHttp2(session, path, question);
    } finally {
      dropHttp2(session);
    }
  };
  const codeOf = (answer: Answer) => [answer.status, jsonOf(answer).code ?? null];

  it("TAPIN_BODY_BYTES: a REST body as large is read, one byte more is 413", async () => {
    const json = { "content-type": "application/json" };
    for (const send of [overHttp1, overHttp2]) {
      expect(codeOf(await send("/v1/auth/session", json, jsonOfSize(sizes.body)))).toEqual([
        200,
        null,
      ]);
      const refused = await send("/v1/auth/session", json, jsonOfSize(sizes.body + 1));
      expect(codeOf(refused)).toEqual([413, "body_too_large"]);
      expect(jsonOf(refused).error).toBe(`The body is larger than ${sizes.body} bytes.`);
    }
  });

  it("TAPIN_BODY_BYTES: an RPC message as large is read, one byte more is resource_exhausted", async () => {
    const path = `${SERVICE}/CreateSession`;
    const json = { "content-type": "application/json" };
    expect((await overHttp1(path, json, jsonOfSize(sizes.body))).status).toBe(200);
    const refusal = {
      code: "resource_exhausted",
      reason: "BODY_TOO_LARGE",
      message: `The message is larger than ${sizes.body} bytes.`,
    };
    expect(connectFailure(await overHttp1(path, json, jsonOfSize(sizes.body + 1)))).toMatchObject(
      refusal,
    );
    const grpc = { "content-type": "application/grpc+json", te: "trailers" };
    const fits = await overHttp2(path, grpc, enveloped(jsonOfSize(sizes.body)));
    expect(fits.headers["grpc-status"]).toBe("0");
    const refused = await overHttp2(path, grpc, enveloped(jsonOfSize(sizes.body + 1)));
    expect(detailsFailure(refused.headers)).toMatchObject(refusal);
  });

  it("TAPIN_BODY_BYTES: one far above is refused, and the next one on the connection is read", async () => {
    const session = await openHttp2(tapin.url);
    const headers = { authorization, "content-type": "application/json" };
    const body = jsonOfSize(sizes.body + 300_000);
    const refused = await askHttp2(session, `${SERVICE}/CreateSession`, { headers, body });
    expect(connectFailure(refused).reason).toBe("BODY_TOO_LARGE");
    expect((await askHttp2(session, "/v1/auth/link", { headers })).status).toBe(200);
    dropHttp2(session);
  });

  it("TAPIN_URL_BYTES: path and query as long are read, one byte more is 414", async () => {
    const path = `${SERVICE}/GetLink`;
    const query = "connect=v1&encoding=json&message=%7B%7D&x=";
    const target = (bytes: number) =>
      `${path}?${query}${"a".repeat(bytes - path.length - query.length)}`;
    for (const send of [overHttp1, overHttp2]) {
      expect((await send(target(sizes.url), {})).status).toBe(200);
      expect(codeOf(await send(target(sizes.url + 1), {}))).toEqual([414, "uri_too_long"]);
    }
  });

  it("TAPIN_HEAD_BYTES: a head below it is read, one above it is 431 or reset", async () => {
    const large = (bytes: number) => ({ "x-large": "a".repeat(bytes) });
    for (const send of [overHttp1, overHttp2]) {
      expect((await send("/v1/auth/link", large(sizes.head - 1000))).status).toBe(200);
    }
    expect(codeOf(await overHttp1("/v1/auth/link", large(sizes.head)))).toEqual([
      431,
      "headers_too_large",
    ]);
    const over2 = await overHttp2("/v1/auth/link", large(sizes.head)).then(codeOf, () => "reset");
    expect([[431, "headers_too_large"], "reset"]).toContainEqual(over2);
  });

  it("TAPIN_CONNECTION_STREAMS: told in SETTINGS, and a stream beyond them is refused", async () => {
    const told = Promise.withResolvers<number | undefined>();
    const refused = Promise.withResolvers<Frame>();
    const connection = await openFrames(tapin.url, [], (frame) => {
      if (frame.type === FRAME.settings && (frame.flags & FLAG.ack) === 0) {
        told.resolve(settingsOf(frame).get(MAX_CONCURRENT_STREAMS));
      }
      if (frame.type === FRAME.reset || frame.type === FRAME.goaway) refused.resolve(frame);
    });
    // Questions that never come keep these streams open, and ask no database. Who has not said that
    // it has seen SETTINGS is only refused.
    const fields: Field[] = [
      [":method", "POST"],
      [":scheme", "http"],
      [":path", "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"],
      [":authority", "a"],
      ["content-type", "application/grpc"],
      ["te", "trailers"],
    ];
    const ids = Array.from({ length: sizes.streams + 1 }, (_, index) => 2 * index + 1);
    const payload = encodeFields(fields);
    const flags = FLAG.endHeaders;
    const heads = ids.map((streamId) =>
      encodeFrame({ type: FRAME.headers, flags, streamId, payload }),
    );
    connection.send(...heads);
    expect(await told.promise).toBe(sizes.streams);
    const { type, streamId, payload: code } = await refused.promise;
    expect([type, streamId, Buffer.from(code).readUInt32BE()]).toEqual([
      FRAME.reset,
      ids.at(-1),
      REFUSED_STREAM,
    ]);
    connection.socket.destroy();
  });
});

/** A message with its prefix, as gRPC sends it. */
function enveloped(text: string): Uint8Array {
  const message = Buffer.from(text);
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

function settingsOf({ payload }: Frame): Map<number, number> {
  const bytes = Buffer.from(payload);
  const settings = new Map<number, number>();
  for (let at = 0; at < bytes.length; at += 6) {
    settings.set(bytes.readUInt16BE(at), bytes.readUInt32BE(at + 2));
  }
  return settings;
}
