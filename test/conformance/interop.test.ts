// The gRPC interop cases
// (https://github.com/grpc/grpc/blob/master/doc/interop-test-descriptions.md) with grpc-js, by the
// names they have there. Requests are scaled down to our 64 KiB; client_streaming is not here: no
// RPC of ours streams that way.

import { randomUUID } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { Client, compressionAlgorithms, credentials, status } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RUNTIMES } from "../support/tapin.ts";
import type { Caller, Plan } from "./caller.ts";
import { RequestSchema } from "./gen/tapin/conformance/v1/conformance_pb.ts";
import { openGrpcJs, read, write } from "./grpc-js-caller.ts";
import { type Host, startHost } from "./start-host.ts";

const SIZES = [31_415, 9, 2653, 18_979];

const lengthsOf = (messages: readonly { data: Uint8Array }[]) =>
  messages.map(({ data }) => data.length);
const zeros = (...sizes: readonly number[]) => sizes.map((size) => new Uint8Array(size));

/** Sends a request, and the next one when its answer has come. */
async function pingPong(caller: Caller, plans: readonly Plan[]) {
  const answers = plans.map(() => Promise.withResolvers<void>());
  async function* requests(): AsyncIterable<Plan> {
    for (const [index, plan] of plans.entries()) {
      yield plan;
      await answers[index]?.promise;
    }
  }
  let count = 0;
  return await caller.bidi(requests(), { onMessage: () => answers[count++]?.resolve() });
}

describe.each(RUNTIMES)("gRPC interop on %s", (runtime) => {
  let host: Host;
  let plain: Caller;
  let packing: Caller;
  beforeAll(async () => {
    host = await startHost(runtime);
    plain = openGrpcJs(host.url);
    packing = openGrpcJs(host.url, {
      "grpc.default_compression_algorithm": compressionAlgorithms.gzip,
    });
  });
  afterAll(async () => {
    expect(await host?.end()).toBe(0);
    plain?.close();
    packing?.close();
  });

  it("empty_unary", async () => {
    const { messages, failure } = await plain.unary({});
    expect([lengthsOf(messages), failure]).toEqual([[0], null]);
  });

  it("large_unary: as large as the limit lets it, and no larger", async () => {
    const { messages } = await plain.unary({
      padding: new Uint8Array(30_000),
      data: zeros(31_415),
    });
    expect(messages[0]?.paddingLength).toBe(30_000);
    expect(lengthsOf(messages)).toEqual([31_415]);
    const { failure } = await plain.unary({ padding: new Uint8Array(271_828) });
    expect(failure?.code).toBe("resource_exhausted");
  });

  it("client_compressed_unary", async () => {
    const { messages } = await packing.unary({ padding: new Uint8Array(30_000), data: zeros(314) });
    expect(messages[0]?.paddingLength).toBe(30_000);
    expect(lengthsOf(messages)).toEqual([314]);
  });

  it("client_compressed_streaming, as far as streams go both ways", async () => {
    const plans = SIZES.map((size) => ({ padding: new Uint8Array(size), data: zeros(1) }));
    const { messages } = await pingPong(packing, plans);
    expect(messages.map(({ paddingLength }) => paddingLength)).toEqual(SIZES);
  });

  it("server_compressed_unary and server_compressed_streaming: a caller that takes gzip may get none", async () => {
    const unary = await packing.unary({ data: zeros(31_415) });
    const stream = await packing.stream({ data: zeros(...SIZES) });
    expect(lengthsOf(unary.messages)).toEqual([31_415]);
    expect(lengthsOf(stream.messages)).toEqual(SIZES);
  });

  it("server_streaming", async () => {
    const { messages, failure } = await plain.stream({ data: zeros(...SIZES) });
    expect([lengthsOf(messages), failure]).toEqual([SIZES, null]);
  });

  it("ping_pong", async () => {
    const plans = SIZES.map((size) => ({ padding: new Uint8Array(9), data: zeros(size) }));
    const { messages, failure } = await pingPong(plain, plans);
    expect([lengthsOf(messages), failure]).toEqual([SIZES, null]);
  });

  it("empty_stream", async () => {
    const { messages, failure } = await pingPong(plain, []);
    expect([messages, failure]).toEqual([[], null]);
  });

  it("custom_metadata: a request's arrive, an error's come back, in text and in binary", async () => {
    const text = "test_initial_metadata_value";
    const binary = Buffer.from([0xab, 0xab, 0xab]).toString("base64");
    const settings = {
      headers: [
        ["x-grpc-test-echo-initial", text],
        ["x-grpc-test-echo-trailing-bin", binary],
      ],
    } as const;
    const echo = ["x-grpc-test-echo-initial", "x-grpc-test-echo-trailing-bin"];
    for (const outcome of [
      await plain.unary({ echo }, settings),
      await plain.stream({ echo, data: zeros(1) }, settings),
    ]) {
      expect(outcome.messages[0]?.headers.map(({ value }) => value)).toEqual([text, binary]);
    }
    const headers = [
      { name: "x-grpc-test-echo-initial", value: text },
      { name: "x-grpc-test-echo-trailing-bin", value: binary },
    ];
    const { failure } = await plain.unary({ reason: "CONFLICT", headers });
    for (const { name, value } of headers) expect(failure?.metadata.get(name)).toBe(value);
  });

  const told = { code: "failed_precondition", message: "test status message" };
  it("status_code_and_message", async () => {
    const plan = { reason: "CODE_INVALID", sentence: told.message };
    expect((await plain.unary(plan)).failure).toMatchObject(told);
    expect((await pingPong(plain, [plan])).failure).toMatchObject(told);
  });

  it("special_status_message", async () => {
    const sentence = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n";
    const { failure } = await plain.unary({ reason: "CODE_INVALID", sentence });
    expect(failure).toMatchObject({ ...told, message: sentence });
  });

  it("unimplemented_method", async () => {
    expect((await plain.unimplemented({})).failure?.code).toBe("unimplemented");
  });

  it.each([
    "/tapin.conformance.v1.ConformanceService/NotThere",
    "/grpc.testing.UnimplementedService/UnimplementedCall",
  ])("unimplemented_service: %s", async (path) => {
    const client = new Client(new URL(host.url).host, credentials.createInsecure());
    const code = await new Promise((resolve) => {
      const request = create(RequestSchema);
      client.makeUnaryRequest(path, write, read, request, (error) => resolve(error?.code));
    });
    client.close();
    expect(code).toBe(status.UNIMPLEMENTED);
  });

  it("cancel_after_begin", async () => {
    const leave = new AbortController();
    async function* requests(): AsyncIterable<Plan> {
      leave.abort();
      await new Promise(() => {});
      yield {};
    }
    const { failure } = await plain.bidi(requests(), { signal: leave.signal });
    expect(failure?.code).toBe("canceled");
  });

  it("cancel_after_first_response", async () => {
    const name = randomUUID();
    const leave = new AbortController();
    async function* requests(): AsyncIterable<Plan> {
      yield { name, data: zeros(31_415) };
      await new Promise(() => {});
    }
    const settings = { signal: leave.signal, onMessage: () => leave.abort() };
    const { failure, messages } = await plain.bidi(requests(), settings);
    expect([failure?.code, messages.length]).toEqual(["canceled", 1]);
    expect(await plain.fate(name)).toBe("CANCELED");
  });

  it("timeout_on_sleeping_server", async () => {
    async function* requests(): AsyncIterable<Plan> {
      yield { padding: new Uint8Array(27_182), hang: true };
      await new Promise(() => {});
    }
    const { failure } = await plain.bidi(requests(), { timeoutMs: 1 });
    expect(failure?.code).toBe("deadline_exceeded");
  });
});
