// T16 T28: what every answer says to browsers and caches, whichever way it came about: on Node and
// on Deno.

import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SECURITY_HEADERS } from "../../src/server/security-headers.ts";
import { RUNTIMES, startTapin, type Tapin } from "../support/tapin.ts";
import { type Answer, ask, askHttp2, askRaw, jsonOf, openHttp2 } from "./raw-http.ts";

const METRICS_TOKEN = "a-token-for-metrics";

const RPC = "/tapin.auth.v1.AuthService";

/** An empty message in the envelope of gRPC and of Connect streams. */
const EMPTY = new Uint8Array(5);

describe.each(RUNTIMES)("headers of every answer on %s", (runtime) => {
  let tapin: Tapin;
  beforeAll(async () => {
    tapin = await startTapin({ runtime, env: { TAPIN_METRICS_TOKEN: METRICS_TOKEN } });
  });
  afterAll(async () => {
    expect(await tapin.end()).toBe(0);
  });

  const bearer = () => ({ authorization: `Bearer ${tapin.apiKey}` });
  const json = { "content-type": "application/json" };
  const grpc = { "content-type": "application/grpc", te: "trailers" };

  /** One answer of each kind there is, by a name for it. */
  const answers = async (): Promise<[string, Answer][]> => {
    const { url } = tapin;
    const session = await openHttp2(url);
    const raw = async (bytes: string) => (await askRaw(url, bytes)) as Answer;
    const all: Record<string, Promise<Answer>> = {
      "REST success": ask(`${url}/v1/auth/session`, { headers: bearer(), body: {} }),
      "REST success over HTTP/2": askHttp2(session, "/v1/auth/link", { headers: bearer() }),
      "REST refusal": ask(`${url}/v1/auth/link`),
      "REST options": ask(`${url}/v1/auth/link`, { method: "OPTIONS" }),
      "no such path": ask(`${url}/nowhere`),
      "no such host": raw("GET / HTTP/1.1\r\nHost: [\r\n\r\n"),
      "no HTTP": raw("NONSENSE\r\n\r\n"),
      "too large a head": raw(`GET / HTTP/1.1\r\nHost: a\r\nX: ${"a".repeat(20_000)}\r\n\r\n`),
      health: ask(`${url}/healthz`),
      "metrics refused": ask(`${url}/metrics`),
      metrics: ask(`${url}/metrics`, { headers: { authorization: `Bearer ${METRICS_TOKEN}` } }),
      "webhook refused": ask(`${url}/hooks/x`, { body: {} }),
      "Connect success": ask(`${url}${RPC}/CreateSession`, { headers: bearer(), body: {} }),
      "Connect refusal": ask(`${url}${RPC}/VerifyCode`, { headers: json, body: "{}" }),
      "Connect GET refusal": ask(`${url}${RPC}/GetLink?encoding=json&message={}`),
      "RPC of no known type": ask(`${url}${RPC}/GetLink`, { headers: bearer(), body: "x" }),
      "gRPC success": askHttp2(session, `${RPC}/CreateSession`, {
        headers: { ...bearer(), ...grpc },
        body: EMPTY,
      }),
      "gRPC refusal": askHttp2(session, `${RPC}/GetLink`, { headers: grpc, body: EMPTY }),
      "gRPC-Web refusal": ask(`${url}${RPC}/GetLink`, {
        headers: { "content-type": "application/grpc-web" },
        body: EMPTY,
      }),
    };
    const entries = await Promise.all(
      Object.entries(all).map(
        async ([name, answer]): Promise<[string, Answer]> => [name, await answer],
      ),
    );
    session.destroy();
    return entries;
  };

  it("T28 every answer carries the security headers, a request id, and is kept by no cache", async () => {
    for (const [name, { status, headers }] of await answers()) {
      for (const [header, value] of SECURITY_HEADERS) {
        expect([name, header, headers[header]]).toEqual([name, header, value]);
      }
      expect([name, headers["x-request-id"]]).toEqual([name, expect.stringMatching(/./)]);
      expect([name, headers["cache-control"]]).toEqual([name, "no-store"]);
      expect([name, headers["content-encoding"] ?? "none"]).toEqual([name, "none"]);
      expect([name, status]).not.toEqual([name, 500]);
    }
  });

  it("pages of the sandbox have headers of their own, as strict as they can be", async () => {
    const page = await ask(`${tapin.url}/demo`);
    expect(page.headers["content-security-policy"]).toContain("frame-ancestors 'none'");
    expect(page.headers["content-security-policy"]).toContain("script-src 'self'");
    expect(page.headers["referrer-policy"]).toBe("no-referrer");
  });

  it("answers with secrets are not compressed, however much the caller wants it", async () => {
    const wants = { ...bearer(), "accept-encoding": "gzip, br", "grpc-accept-encoding": "gzip" };
    const session = await openHttp2(tapin.url);
    const created = await Promise.all([
      ask(`${tapin.url}/v1/auth/session`, { headers: wants, body: {} }),
      ask(`${tapin.url}${RPC}/CreateSession`, { headers: wants, body: {} }),
      askHttp2(session, `${RPC}/CreateSession`, { headers: { ...wants, ...grpc }, body: EMPTY }),
    ]);
    session.destroy();
    for (const { status, headers, text } of created) {
      expect([status, headers["content-encoding"]]).toEqual([200, undefined]);
      expect(text).toContain("tapin_watch_");
    }
    // A request may be compressed all the same.
    const compressed = await ask(`${tapin.url}${RPC}/CreateSession`, {
      headers: { ...bearer(), ...json, "content-encoding": "gzip" },
      body: gzipSync("{}"),
    });
    expect(jsonOf(compressed).watchToken).toMatch(/^tapin_watch_/);
  });

  it("a refusal of credentials says what it wants, in every dialect", async () => {
    const session = await openHttp2(tapin.url);
    const bad = { authorization: "Bearer nonsense" };
    for (const [given, challenge] of [
      [{}, 'Bearer realm="tapin"'],
      [bad, 'Bearer realm="tapin", error="invalid_token"'],
    ] as const) {
      const refused = await Promise.all([
        ask(`${tapin.url}/v1/auth/link`, { headers: given }),
        ask(`${tapin.url}/v1/admin/projects`, { headers: given }),
        ask(`${tapin.url}${RPC}/GetLink`, { headers: { ...json, ...given }, body: "{}" }),
        ask(`${tapin.url}${RPC}/GetLink`, {
          headers: { "content-type": "application/proto", ...given },
          method: "POST",
        }),
        askHttp2(session, `${RPC}/GetLink`, { headers: { ...grpc, ...given }, body: EMPTY }),
        ask(`${tapin.url}${RPC}/GetLink`, {
          headers: { "content-type": "application/grpc-web", ...given },
          body: EMPTY,
        }),
      ]);
      for (const { headers, text } of refused) {
        // A gRPC-Web answer over fetch has its trailers in the body.
        expect(headers["www-authenticate"] ?? text).toContain(challenge);
      }
    }
    session.destroy();
  });
});
