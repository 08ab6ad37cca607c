// The families basic, empty, errors and GET asked by connect-go, inside `buf curl`, over every
// protocol it speaks.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runBuf } from "../server/buf.ts";
import { RUNTIMES } from "../support/tapin.ts";
import { pathTo } from "./grpc-js-caller.ts";
import { type Host, startHost } from "./start-host.ts";

const PROTOCOLS = [
  ["Connect over HTTP/1.1", ["--protocol", "connect"]],
  ["Connect over HTTP/2", ["--protocol", "connect", "--http2-prior-knowledge"]],
  ["gRPC over HTTP/2", ["--protocol", "grpc", "--http2-prior-knowledge"]],
  ["gRPC-Web over HTTP/1.1", ["--protocol", "grpcweb"]],
  ["gRPC-Web over HTTP/2", ["--protocol", "grpcweb", "--http2-prior-knowledge"]],
] as const;

const one = Buffer.from("one").toString("base64");
const two = Buffer.from("two").toString("base64");

interface CurlCase {
  readonly name: string;
  readonly rpc: string;
  readonly request: object;
  /** The data of the messages that come. */
  readonly data: readonly (string | undefined)[];
  /** The error that comes after them. */
  readonly error?: object;
}

const CASES: readonly CurlCase[] = [
  { name: "basic: unary", rpc: "Unary", request: { data: [one] }, data: [one] },
  { name: "basic: no side effects", rpc: "IdempotentUnary", request: { data: [one] }, data: [one] },
  { name: "basic: stream", rpc: "ServerStream", request: { data: [one, two] }, data: [one, two] },
  { name: "empty: unary", rpc: "Unary", request: {}, data: [undefined] },
  { name: "empty: stream", rpc: "ServerStream", request: {}, data: [] },
  {
    name: "errors: unary",
    rpc: "Unary",
    request: { reason: "CONFLICT", sentence: "Привет, 100%: ☺" },
    data: [],
    error: { code: "already_exists", message: "Привет, 100%: ☺" },
  },
  {
    name: "errors: after a message",
    rpc: "ServerStream",
    request: { data: [one], reason: "FORBIDDEN" },
    data: [one],
    error: { code: "permission_denied", details: [{ type: "google.rpc.ErrorInfo" }] },
  },
  {
    name: "errors: a broken rule",
    rpc: "Unary",
    request: { short: "long" },
    data: [],
    error: {
      code: "invalid_argument",
      details: [{ type: "google.rpc.ErrorInfo" }, { type: "google.rpc.BadRequest" }],
    },
  },
  {
    name: "errors: nobody implements it",
    rpc: "Unimplemented",
    request: {},
    data: [],
    error: { code: "unimplemented" },
  },
];

describe.each(RUNTIMES)("buf curl on %s", (runtime) => {
  const folder = mkdtempSync(join(tmpdir(), "tapin-conformance-"));
  const schema = join(folder, "image.binpb");
  let host: Host;
  beforeAll(async () => {
    host = await startHost(runtime);
    const built = await runBuf("build", "--config", "test/conformance/buf.yaml", "-o", schema);
    expect([built.code, built.err]).toEqual([0, ""]);
  });
  afterAll(async () => {
    rmSync(folder, { recursive: true });
    expect(await host?.end()).toBe(0);
  });

  const curl = (rpc: string, protocol: readonly string[], request: string) =>
    runBuf("curl", "--schema", schema, ...protocol, "-d", request, host.url + pathTo(rpc));
  const runs = PROTOCOLS.flatMap(([over, protocol]) =>
    CASES.map((each) => ({ ...each, over, protocol })),
  );

  it.each(runs)("$name, over $over", async ({ rpc, request, data, error, protocol }) => {
    const { code, out, err } = await curl(rpc, protocol, JSON.stringify(request));
    expect(messagesIn(out).map((message) => message.data)).toEqual(data);
    if (error === undefined) expect([code, err]).toEqual([0, ""]);
    else expect(JSON.parse(err)).toMatchObject(error);
  });

  it.each(PROTOCOLS.filter(([over]) => /^(gRPC|Connect) over HTTP\/2/.test(over)))(
    "basic: both ways, over %s",
    async (_, protocol) => {
      const requests = [{ data: [one] }, { data: [two, one] }].map((each) => JSON.stringify(each));
      const { code, out } = await curl("BidiStream", protocol, requests.join("\n"));
      expect(code).toBe(0);
      expect(messagesIn(out).map((message) => message.data)).toEqual([one, two, one]);
    },
  );
});

/** Messages stand one after the other, each beginning a line with a brace. */
function messagesIn(out: string): readonly { readonly data?: string }[] {
  return out
    .split(/^(?=\{)/m)
    .filter((text) => text.trim() !== "")
    .map((text) => JSON.parse(text));
}
