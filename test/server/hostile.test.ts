// T28: whatever arrives, the process lives and answers 4xx in the envelope, or closes the
// connection.

import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RUNTIMES, startTapin, type Tapin } from "../support/tapin.ts";
import { type Answer, ask, openRaw } from "./raw-http.ts";

/** How many requests each runtime endures. */
const REQUESTS = 2000;
/** How many of them come at once. */
const AT_ONCE = 4;

/** One request, as it is sent. */
interface Hostile {
  readonly method: string;
  readonly target: string;
  readonly version: string;
  readonly headers: readonly (readonly [string, string])[];
  /** Whether it has a good API key and says that its body is JSON, beside whatever else it says. */
  readonly plausible: boolean;
  readonly body: Uint8Array;
  /** How the length of the body is told. */
  readonly framing: "right" | "none" | "long" | "chunked" | "bad chunks" | "both";
}

const METHODS = ["GET", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"];
const SERVICES = ["tapin.auth.v1.AuthService", "tapin.admin.v1.AdminService"];
const RPCS = ["GetLink", "CreateSession", "GetSessionStatus", "WatchSession", "VerifyCode", "X"];

const junk = (maxLength: number) =>
  fc.oneof(
    fc.string({ maxLength }),
    fc.string({ unit: "binary", maxLength }),
    fc.constantFrom("", " ", "\t", "%", "%00", "%ff", "..", "//", "?", "#", "*", "{", "\u0000"),
    fc.constantFrom("__proto__", "constructor", "toString", "😀", "a".repeat(9000)),
  );
// A line end would make two requests of one, which is another test's business.
const oneLine = (text: string) => text.replace(/[\r\n]/g, "");

const target = fc.oneof(
  fc
    .tuple(fc.constantFrom(...SERVICES), fc.constantFrom(...RPCS), junk(20))
    .map(([service, rpc, query]) => `/${service}/${rpc}?${query}`),
  fc
    .tuple(fc.constantFrom(...SERVICES), fc.constantFrom(...RPCS))
    .map((parts) => `/${parts.join("/")}`),
  fc.constantFrom("/v1/auth/link", "/v1/auth/session", "/v1/auth/verify", "/v1/admin/projects"),
  junk(40).map((id) => `/v1/auth/session/${id}/status`),
  junk(40).map((id) => `/v1/auth/session/${id}/watch`),
  junk(40).map((slug) => `/v1/admin/projects/${slug}`),
  fc.tuple(junk(20), junk(20)).map(([name, value]) => `/v1/auth/link?${name}=${value}`),
  junk(60).map((rest) => `http://${rest}`),
  junk(80),
);

const types = [
  "application/json",
  "application/proto",
  "application/grpc",
  "application/grpc+json",
  "application/grpc-web",
  "application/connect+json",
  "application/x-www-form-urlencoded",
  "text/plain",
];

const header = fc.oneof(
  fc.tuple(fc.constant("Content-Type"), fc.oneof(fc.constantFrom(...types), junk(30))),
  fc.tuple(fc.constant("Authorization"), fc.oneof(fc.constant("Bearer KEY"), junk(60))),
  fc.tuple(fc.constant("Host"), junk(30)),
  fc.tuple(
    fc.constantFrom("Accept", "Origin", "Cookie", "Last-Event-ID", "Idempotency-Key"),
    junk(60),
  ),
  fc.tuple(
    fc.constantFrom("Connect-Timeout-Ms", "Grpc-Timeout"),
    fc.oneof(
      fc.constantFrom("99999999H", "0m", "-1", "1e99", "9999999999", "00000000000"),
      junk(12),
    ),
  ),
  fc.tuple(
    fc.constantFrom("Content-Encoding", "Grpc-Encoding", "Connect-Content-Encoding"),
    fc.oneof(fc.constantFrom("gzip", "br", "identity"), junk(12)),
  ),
  fc.tuple(
    fc.constantFrom("Connect-Protocol-Version", "X-Request-Id", "Expect", "Upgrade"),
    junk(70),
  ),
  fc.tuple(fc.constant("Access-Control-Request-Method"), junk(12)),
  fc.tuple(fc.constant("X-Large"), fc.constant("a".repeat(17_000))),
  fc.tuple(junk(12), junk(40)),
);

const body = fc.oneof(
  fc.constant(new Uint8Array()),
  fc.uint8Array({ maxLength: 200 }),
  fc.json({ maxDepth: 4 }).map((text) => new TextEncoder().encode(text)),
  fc.constantFrom('{"code":"x"}', "[[[[", '{"__proto__":1}', "{}").map((text) => Buffer.from(text)),
  fc.constant(new Uint8Array(70_000)),
  // A message of gRPC or of a Connect stream, whose length is a lie.
  fc
    .uint8Array({ maxLength: 30 })
    .map((bytes) => Uint8Array.of(0, 0xff, 0xff, 0xff, 0xff, ...bytes)),
  fc
    .uint8Array({ maxLength: 30 })
    .map((bytes) => Uint8Array.of(0, 0, 0, 0, bytes.length, ...bytes)),
);

const hostile: fc.Arbitrary<Hostile> = fc.record({
  method: fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...METHODS) },
    { weight: 1, arbitrary: junk(12).map(oneLine) },
  ),
  target: target.map(oneLine),
  version: fc.oneof(
    { weight: 9, arbitrary: fc.constant("HTTP/1.1") },
    { weight: 1, arbitrary: fc.constantFrom("HTTP/1.0", "HTTP/2.0", "HTTP/0.9", "http/1.1", "") },
  ),
  headers: fc.array(
    header.map(([name, value]) => [oneLine(name), oneLine(value)] as const),
    { maxLength: 6 },
  ),
  plausible: fc.boolean(),
  body,
  framing: fc.constantFrom(
    "right",
    "right",
    "right",
    "none",
    "long",
    "chunked",
    "bad chunks",
    "both",
  ),
});

function bytesOf(request: Hostile, apiKey: string): Buffer {
  const { method, target: where, version, headers, framing } = request;
  const lines = headers.map(([name, value]) => `${name}: ${value.replace("KEY", apiKey)}`);
  if (request.plausible) {
    lines.push(`Authorization: Bearer ${apiKey}`, "Content-Type: application/json");
  }
  if (!headers.some(([name]) => name === "Host")) lines.push("Host: a");
  const { length } = request.body;
  if (framing === "right") lines.push(`Content-Length: ${length}`);
  if (framing === "long" || framing === "both") lines.push(`Content-Length: ${length + 10}`);
  const chunked = framing === "chunked" || framing === "bad chunks" || framing === "both";
  if (chunked) lines.push("Transfer-Encoding: chunked");
  const size = framing === "bad chunks" ? "fffffffff" : length.toString(16);
  const content = chunked
    ? [
        Buffer.from(length > 0 ? `${size}\r\n` : ""),
        request.body,
        Buffer.from(length > 0 ? "\r\n0\r\n\r\n" : "0\r\n\r\n"),
      ]
    : [request.body];
  const head = `${method} ${where} ${version}\r\n${lines.join("\r\n")}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), ...content]);
}

async function send(url: string, request: Hostile, apiKey: string): Promise<Answer | null> {
  const connection = await openRaw(url);
  try {
    connection.send(bytesOf(request, apiKey));
    // Where the server may wait for more, it learns that no more will come.
    if (request.framing !== "right" && request.framing !== "chunked") connection.endSending();
    return await connection.answer(request.method);
  } finally {
    connection.destroy();
  }
}

/**
 * What is wrong with how a request ended that is most likely none of ours; null when nothing is.
 */
function faultOf(answer: Answer | null, method: string): string | null {
  if (answer === null) return null;
  const { status, headers, text } = answer;
  // 501 is what the Connect protocol demands for a compression that is not there.
  if (!(status >= 200 && status < 500) && status !== 501) return `status ${status}`;
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(headers["x-request-id"] ?? "")) return "no x-request-id";
  if (status < 400 || method === "HEAD") return null;
  return isEnvelope(text) ? null : `${status} without envelope: ${text}`;
}

/** Whether a text is the envelope of REST, or the error of Connect. */
function isEnvelope(text: string): boolean {
  try {
    const { code, error, message } = JSON.parse(text) as Record<string, unknown>;
    return /^[a-z_]+$/.test(String(code)) && typeof (error ?? message) === "string";
  } catch {
    return false;
  }
}

/** Short enough to be read, long enough to be sent again. */
function describeRequest(request: Hostile): string {
  const shown = { ...request, body: Buffer.from(request.body).toString("latin1") };
  return JSON.stringify(shown, (_, value) =>
    typeof value === "string" && value.length > 100 ? `${value.slice(0, 100)}...` : value,
  );
}

describe.each(RUNTIMES)("T28: hostile requests on %s", (runtime) => {
  let tapin: Tapin;
  beforeAll(async () => {
    tapin = await startTapin({ runtime, env: { TAPIN_RATE_LIMIT: "0" } });
  });
  afterAll(async () => {
    expect(await tapin.end()).toBe(0);
  });

  it(`${REQUESTS} of them: each is refused or its connection closed, and the process lives`, async () => {
    const seed = Date.now() % 2 ** 31;
    const requests = fc.sample(hostile, { numRuns: REQUESTS, seed });
    const statuses = new Map<number | null, number>();
    const faults: string[] = [];
    const work = async () => {
      for (let request = requests.pop(); request !== undefined; request = requests.pop()) {
        const answer = await send(tapin.url, request, tapin.apiKey);
        const status = answer?.status ?? null;
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        const fault = faultOf(answer, request.method);
        if (fault !== null) faults.push(`${fault} for ${describeRequest(request)}`);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    expect({ seed, faults }).toEqual({ seed, faults: [] });
    // The requests must reach more than the parser, or they prove nothing.
    for (const status of [400, 401, 404, 405, 415, 431]) {
      expect([status, statuses.get(status) ?? 0]).not.toEqual([status, 0]);
    }
    expect((await ask(`${tapin.url}/healthz`)).status).toBe(200);
    expect(tapin.output()).not.toMatch(/"level":"(error|fatal)"|unhandled|uncaught/i);
  }, 120_000);
});
