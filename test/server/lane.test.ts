// The lane against connect-node: the same bytes to both, and the same bytes back, but for the date.

import { gzipSync } from "node:zlib";
import { type DescMethod, fromJson, toBinary, toJsonString } from "@bufbuild/protobuf";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Health } from "#gen/grpc/health/v1/health_pb.ts";
import { AuthService } from "#gen/tapin/auth/v1/auth_pb.ts";
import { ERRORS } from "../../src/errors.ts";
import { createLane, type LaneOptions } from "../../src/server/lane.ts";
import type { Pipeline } from "../../src/server/pipeline.ts";
import { createStreamLane } from "../../src/server/stream-lane.ts";
import { type Host, startHost } from "../conformance/start-host.ts";
import { envelope } from "../matrix/envelope.ts";
import { messageJson } from "../matrix/message-json.ts";
import { METHODS } from "../matrix/methods.ts";
import { RUNTIMES } from "../support/tapin.ts";
import { ask1, type Came, type Fields, openSpeaker2, type Sent } from "./lane-wire.ts";

const TYPES = [
  "application/grpc",
  "application/grpc+proto",
  "application/grpc-web",
  "application/grpc-web+proto",
  "application/json",
  "application/json; charset=utf-8",
  "application/proto",
];
const STREAMING_TYPES = [
  "application/grpc",
  "application/grpc+proto",
  "application/grpc-web",
  "application/grpc-web+proto",
  "application/connect+json",
  "application/connect+proto",
];
const ODD_TYPES = [
  "application/grpc+json",
  "application/grpc-web+json",
  "application/grpc-web-text",
  "Application/JSON",
  "application/json; charset=latin1",
  "application/connect+json",
  "text/plain",
  "",
];
const ALL: readonly DescMethod[] = [...METHODS.values(), ...Health.methods];
const UNARY = ALL.filter(({ methodKind }) => methodKind === "unary");
const STREAMS = ALL.filter(({ methodKind }) => methodKind === "server_streaming");
const typesOf = ({ methodKind }: DescMethod) => (methodKind === "unary" ? TYPES : STREAMING_TYPES);
const REASONS = Object.keys(ERRORS);

const pathOf = (method: DescMethod) => `/${method.parent.typeName}/${method.name}`;
const isEnveloped = (type: string) => /^application\/(grpc|connect)/.test(type);
const adminHeader = ["authorization", "Bearer admin"] as const;

/** Requests that are none have ids of their own. */
const masked = (came: Came | undefined): unknown =>
  JSON.parse(JSON.stringify(came).replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, "<id>"));

/** Ways to spoil a body. */
const BODIES: Readonly<Record<string, (message: Buffer, type: string) => Uint8Array>> = {
  whole: (message, type) => (isEnveloped(type) ? envelope(message) : message),
  none: () => new Uint8Array(),
  noise: () => Buffer.from("ff00ff00ff00ff00", "hex"),
  cut: (message, type) => (isEnveloped(type) ? envelope(message, 0, 99) : message.subarray(1)),
  flagged: (message) => envelope(message, 1),
  zipped: (message, type) =>
    isEnveloped(type) ? envelope(gzipSync(message), 1) : gzipSync(message),
  flags: (message) => envelope(message, 0x80),
  twice: (message) => Buffer.concat([envelope(message), envelope(message)]),
  large: (_, type) => {
    const bytes = Buffer.alloc(70_000, " ");
    return isEnveloped(type) ? envelope(bytes) : bytes;
  },
};

const VALUES: Readonly<Record<string, readonly string[]>> = {
  "accept-encoding": ["gzip, br", "identity", "br;q=1"],
  "grpc-accept-encoding": ["identity,deflate,gzip", " br , gzip", "snappy", ""],
  "grpc-encoding": ["identity", "gzip", "snappy", ""],
  "connect-accept-encoding": ["gzip, br", "snappy"],
  "connect-content-encoding": ["identity", "gzip", ""],
  "x-told": ["1", "3"],
  "content-encoding": ["identity", "gzip", "x", ""],
  "grpc-timeout": ["50S", "0m", "99999999H", "soon", ""],
  "connect-timeout-ms": ["5000", "0", "9999999999", "soon", ""],
  "connect-protocol-version": ["1", "2"],
  te: ["trailers"],
  origin: ["https://shop.example", "https://evil.example", "null"],
  authorization: ["Bearer admin", "Bearer wrong", "Basic eA=="],
  "idempotency-key": ["a", "ü"],
  "x-forwarded-for": ["192.0.2.1"],
  cookie: ["a=b"],
  expect: ["100-continue", "wonders"],
  "x-odd": ["ü", "\u00ff", "", "a\tb"],
  "x-large": ["a".repeat(17_000)],
  accept: ["text/html"],
  "x-request-id": ["another"],
  traceparent: ["00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"],
};

const someHeaders: fc.Arbitrary<Fields> = fc
  .subarray(Object.entries(VALUES), { maxLength: 4 })
  .chain((found) =>
    fc.tuple(
      ...found.map(([name, values]) =>
        fc.constantFrom(...values).map((value): readonly [string, string] => [name, value]),
      ),
    ),
  );

const outcomes = fc.oneof(
  { weight: 3, arbitrary: fc.nat().map((seed) => `answer ${seed}`) },
  fc.constantFrom(...REASONS).map((reason) => `refuse ${reason}`),
  fc.constant("crash"),
);

const requests = fc
  .record({
    method: fc.oneof(fc.constantFrom(...UNARY), fc.constantFrom(...STREAMS)),
    usual: fc.nat(),
    odd: fc.option(fc.constantFrom(...ODD_TYPES), { freq: 5 }),
    spoil: fc.oneof(
      { weight: 3, arbitrary: fc.constant("whole") },
      fc.constantFrom(...Object.keys(BODIES)),
    ),
    verb: fc.oneof({ weight: 9, arbitrary: fc.constant("POST") }, fc.constantFrom("GET", "PUT")),
    query: fc.oneof({ weight: 9, arbitrary: fc.constant("") }, fc.constantFrom("?", "?a=b")),
    outcome: outcomes,
    headers: someHeaders,
  })
  .chain(({ usual, odd, ...made }) => {
    const types = typesOf(made.method);
    const type = odd ?? types[usual % types.length] ?? "";
    return messageJson(made.method.input).map((json) => sentOf({ ...made, type, json }));
  });

function sentOf({
  method,
  type,
  json = method === AuthService.method.watchSession ? { sessionId: "aBcDeFgH12345678" } : {},
  spoil = "whole",
  verb = "POST",
  query = "",
  outcome,
  headers = [],
}: {
  method: DescMethod;
  type: string;
  json?: Parameters<typeof fromJson>[1];
  spoil?: string;
  verb?: string;
  query?: string;
  outcome: string;
  headers?: Fields;
}): Sent {
  const request = fromJson(method.input, json);
  const message = type.includes("json")
    ? Buffer.from(toJsonString(method.input, request))
    : Buffer.from(toBinary(method.input, request));
  const body = BODIES[spoil]?.(message, type) ?? message;
  const names = new Set(headers.map(([name]) => name));
  const usual = [
    ["content-type", type],
    ["x-request-id", "one-of-two"],
    ["x-outcome", outcome],
    ...(method.parent.typeName.includes("Admin") ? [adminHeader] : []),
  ] as const;
  return {
    verb,
    path: pathOf(method) + query,
    headers: [...usual.filter(([name]) => !names.has(name)), ...headers],
    body: verb === "GET" ? new Uint8Array() : body,
  };
}

describe.each(RUNTIMES)("the lane on %s", (runtime) => {
  let host: Host;
  let speakers: ReturnType<typeof openSpeaker2>[];
  beforeAll(async () => {
    host = await startHost(runtime, "test/server/lane-host.ts");
    speakers = host.urls.map(openSpeaker2);
  });
  afterAll(async () => {
    for (const speaker of speakers) speaker.close();
    expect(await host.end()).toBe(0);
  });

  async function alike(http: 1 | 2, sent: Sent): Promise<Came> {
    const asked =
      http === 1
        ? host.urls.map((url) => ask1(url, sent))
        : speakers.map((speaker) => speaker.ask(sent));
    const [byLane, byConnect] = await Promise.all(asked);
    expect(masked(byLane)).toEqual(masked(byConnect));
    return byLane as Came;
  }

  it.each([
    [1, "answer 1"],
    [1, "refuse NOT_FOUND"],
    [2, "answer 1"],
    [2, "refuse NOT_FOUND"],
  ] as const)("every RPC over HTTP/%s: %s is answered alike", async (http, outcome) => {
    for (const method of [...UNARY, ...STREAMS]) {
      for (const type of typesOf(method)) {
        const { head } = await alike(http, sentOf({ method, type, outcome }));
        expect(head.length).toBeGreaterThan(3);
      }
    }
  });

  it.each([1, 2] as const)("every refusal over HTTP/%s is told alike", async (http) => {
    const { getLink, watchSession } = AuthService.method;
    for (const outcome of [...REASONS.map((name) => `refuse ${name}`), "crash"]) {
      for (const type of TYPES) await alike(http, sentOf({ method: getLink, type, outcome }));
      for (const type of STREAMING_TYPES) {
        for (const told of ["0", "2"]) {
          const headers = [["x-told", told]] as const;
          await alike(http, sentOf({ method: watchSession, type, outcome, headers }));
        }
      }
    }
  });

  it.each([1, 2] as const)("a deadline that passes over HTTP/%s is told alike", async (http) => {
    const { getLink, watchSession } = AuthService.method;
    const headers = [
      ["grpc-timeout", "20m"],
      ["connect-timeout-ms", "20"],
      ["x-told", "1"],
    ] as const;
    for (const method of [getLink, watchSession]) {
      for (const type of typesOf(method)) {
        const came = await alike(http, sentOf({ method, type, outcome: "hang", headers }));
        expect(JSON.stringify(came)).toMatch(/deadline_exceeded|grpc-status: 4/);
      }
    }
  });

  it.each([1, 2] as const)(
    "a request id named like a header over HTTP/%s is echoed",
    async (http) => {
      for (const id of ["vary", "cache-control", "content-type", "grpc-encoding"]) {
        const headers = [
          ["x-request-id", id],
          ["grpc-accept-encoding", "gzip"],
        ] as const;
        for (const type of TYPES) {
          const sent = sentOf({
            method: AuthService.method.getLink,
            type,
            outcome: "answer 1",
            headers,
          });
          expect(JSON.stringify((await alike(http, sent)).head)).toContain(id);
        }
      }
    },
  );

  it.each([1, 2] as const)("any request over HTTP/%s is answered alike", async (http) => {
    await fc.assert(
      fc.asyncProperty(requests, async (sent) => {
        await alike(http, sent);
      }),
      { numRuns: 250 },
    );
  });
});

describe("the lane", () => {
  const find = createLane([AuthService], {} as Pipeline, {} as LaneOptions);
  const { signal: stopping } = new AbortController();
  const findStream = createStreamLane([AuthService], {} as Pipeline, { stopping } as never);
  const head = {
    method: "POST",
    url: "/tapin.auth.v1.AuthService/GetLink",
    httpVersion: "2.0",
    socket: undefined,
    rawHeaders: [],
  };
  const isTaken = (headers: Record<string, string>, more: Partial<typeof head> = {}) => {
    const rawHeaders = Object.entries(headers).flat();
    const given = { ...head, headers, rawHeaders, ...more };
    return [find(given), findStream(given)].filter((lane) => lane !== null).length === 1;
  };
  const watching = { url: "/tapin.auth.v1.AuthService/WatchSession" };

  it.each(TYPES)("takes a plain call of %s", (type) => {
    const usual = { "grpc-accept-encoding": "identity,deflate,gzip", "grpc-timeout": "10S" };
    expect(isTaken({ "content-type": type, ...usual, te: "trailers" })).toBe(true);
    expect(isTaken({ "content-type": type }, { httpVersion: "1.1" })).toBe(
      !type.startsWith("application/grpc") || type.startsWith("application/grpc-web"),
    );
    expect(isTaken({ "content-type": type }, { httpVersion: "1.0" })).toBe(false);
  });

  it.each(STREAMING_TYPES)("takes a plain stream of %s", (type) => {
    const usual = { "grpc-accept-encoding": "identity,deflate,gzip", "grpc-timeout": "10S" };
    expect(isTaken({ "content-type": type, ...usual, te: "trailers" }, watching)).toBe(true);
    expect(isTaken({ "content-type": type }, { ...watching, httpVersion: "1.1" })).toBe(
      !type.startsWith("application/grpc") || type.startsWith("application/grpc-web"),
    );
  });

  it.each(["application/json", "application/proto", "application/grpc+json"])(
    "leaves a stream of type %j alone",
    (type) => expect(isTaken({ "content-type": type }, watching)).toBe(false),
  );

  it.each(ODD_TYPES)("leaves a call of type %j alone", (type) => {
    expect(isTaken({ "content-type": type })).toBe(false);
  });

  it.each([
    { "grpc-encoding": "gzip" },
    { "grpc-timeout": "soon" },
    { "connect-protocol-version": "2" },
    { expect: "100-continue" },
    { "x-odd": "ü" },
    { "x-odd": " a" },
  ])("leaves a call with %j alone", (headers) => {
    expect(isTaken({ "content-type": "application/grpc", ...headers } as never)).toBe(false);
  });

  it.each([
    { method: "GET" },
    { url: `${head.url}?a=b` },
    { url: "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo" },
  ])("leaves a call with %j alone", (more) => {
    expect(isTaken({ "content-type": "application/grpc" }, more)).toBe(false);
  });
});
