// gRPC, gRPC-Web and Connect: plain calls by the lanes, everything else through connect-node. Every
// RPC runs through the pipeline.

import type { DescMethod, DescService, Message } from "@bufbuild/protobuf";
import {
  Code,
  ConnectError,
  type ConnectRouter,
  createConnectRouter,
  createContextKey,
  createContextValues,
  type HandlerContext,
  type ServiceImpl,
} from "@connectrpc/connect";
import type { UniversalHandler, UniversalServerResponse } from "@connectrpc/connect/protocol";
import {
  universalRequestFromNodeRequest,
  universalResponseToNodeResponse,
} from "@connectrpc/connect-node";
import type { Logger } from "pino";
import { TapinError } from "../errors.ts";
import type { Soon } from "../transcoder/soon.ts";
import { type AdmittedCall, type Arrival, beginCall, type Call, type Dialect } from "./call.ts";
import { checkVersion } from "./connect-version.ts";
import { keepDeadline } from "./deadline.ts";
import { answerError, type Exchange, isHttp1 } from "./exchange.ts";
import { iterate } from "./iterate.ts";
import { createLane, type FindLane } from "./lane.ts";
import type { Pipeline } from "./pipeline.ts";
import { COMPRESSIONS } from "./rpc-compression.ts";
import { toConnectError, withPlainMessage } from "./rpc-error.ts";
import { checkMessage, type HeldBody, holdBody, readMessages } from "./rpc-message.ts";
import { refusalOf } from "./rpc-refusal.ts";
import { checkTimeout, clampTimeout, MAX_TIMEOUT_MS } from "./rpc-timeout.ts";
import { createStreamLane, type StreamLaneOptions } from "./stream-lane.ts";
import { Waiting } from "./waiting.ts";

/** Serves the RPC paths. */
export interface Rpc {
  /** Whether this path is an RPC's. */
  serves(path: string): boolean;
  /** Answers an exchange on such a path. Throws synchronously only on a broken request. */
  handle(exchange: Exchange): void;
  /** What answers a stream of HTTP/2 without connect-node; null = `handle` does. */
  readonly laneOf: FindLane;
}

const ARRIVAL = createContextKey<Arrival | null>(null);
const BODY = createContextKey<HeldBody | null>(null);
const CALL = createContextKey<AdmittedCall | null>(null);

/** What the RPC form needs beside the pipeline. */
export interface RpcOptions {
  /** Aborts with UNAVAILABLE when the server stops. */
  readonly stopping: AbortSignal;
  /** Largest request message, in bytes. */
  readonly maxBodyBytes: number;
  readonly log: Logger;
  /** False = connect-node answers everything, for tests that compare; default true. */
  readonly lane?: boolean;
}

/** Builds the RPC form of these services. */
export function createRpc(
  services: readonly DescService[],
  pipeline: Pipeline,
  { stopping, maxBodyBytes, log, lane = true }: RpcOptions,
): Rpc {
  const router = createConnectRouter({
    requestGate: (context) => admit(pipeline, context, stopping),
    readMaxBytes: maxBodyBytes,
    maxTimeoutMs: MAX_TIMEOUT_MS,
    acceptCompression: [...COMPRESSIONS],
    // Answers carry secrets, and compressing secrets beside chosen text leaks them (BREACH).
    compressMinBytes: Number.MAX_SAFE_INTEGER,
  });
  for (const service of services) addService(router, service, pipeline);
  const handlers = new Map(router.handlers.map((handler) => [handler.requestPath, handler]));
  const laneOf = lane ? lanesOf(services, pipeline, { maxBodyBytes, log, stopping }) : () => null;
  return {
    laneOf,
    serves: (path) => handlers.has(path),
    handle(exchange) {
      const answer = isHttp1(exchange) ? laneOf(exchange.req) : null;
      if (isHttp1(exchange) && answer !== null) {
        answer(exchange);
        return;
      }
      const handler = handlers.get(exchange.path);
      if (handler === undefined) throw new TapinError("NOT_FOUND");
      const refusal = refusalOf(handler.method, exchange);
      if (refusal !== null) {
        void answerError(exchange, refusal);
        return;
      }
      clampTimeout(exchange.req);
      exchange.res.setHeader("cache-control", "no-store");
      run(handler, exchange, { maxBodyBytes }).catch((err: unknown) => {
        // A caller that went away while it was answered is no failure of ours.
        if (ConnectError.from(err).code === Code.Aborted) return;
        log.error({ event: "rpc_failed", err, request_id: exchange.requestId }, "the RPC failed");
        // Otherwise the caller would wait for ever.
        if (!exchange.res.destroyed) void answerError(exchange, new TapinError("INTERNAL"));
      });
    },
  };
}

function lanesOf(
  services: readonly DescService[],
  pipeline: Pipeline,
  options: StreamLaneOptions,
): FindLane {
  const unary = createLane(services, pipeline, options);
  const streams = createStreamLane(services, pipeline, options);
  return (head) => unary(head) ?? streams(head);
}

/** What connectNodeAdapter does, but with a body that the gate can read ahead. */
async function run(
  handler: UniversalHandler,
  exchange: Exchange,
  { maxBodyBytes }: { maxBodyBytes: number },
): Promise<void> {
  const { req, res } = exchange;
  const values = createContextValues().set(ARRIVAL, exchange);
  const request = universalRequestFromNodeRequest(req, res, undefined, values);
  const stream = request.body as AsyncIterable<Uint8Array>;
  const limit = { maxBytes: maxBodyBytes, contentLength: req.headers["content-length"] };
  const body = handler.method.methodKind === "bidi_streaming" ? null : holdBody(req, limit);
  values.set(BODY, body);
  const answer = await handler({ ...request, body: body?.replay ?? stream });
  await universalResponseToNodeResponse({ ...answer, ...atEnd(answer) }, res);
}

function atEnd({ body, trailer }: UniversalServerResponse) {
  if (body === undefined || trailer === undefined) return {};
  return { body: plainAtEnd(body, trailer) };
}

async function* plainAtEnd(body: AsyncIterable<Uint8Array>, trailer: Headers) {
  yield* body;
  withPlainMessage(trailer);
}

/**
 * Runs before connect-node reads the body: nobody unknown makes us read. Then refuses, with a
 * reason, what connect-node would refuse without one.
 */
async function admit(pipeline: Pipeline, context: HandlerContext, stopping: AbortSignal) {
  const { method, values, requestHeader: headers } = context;
  const call = callOf(context, stopping);
  values.set(CALL, await orConnectError(call, pipeline.admit(method, call)));
  const body = values.get(BODY);
  const query = context.requestMethod === "GET" ? new URL(context.url).searchParams : null;
  const check = async () => {
    checkVersion(call.dialect, headers, query);
    checkTimeout(call.dialect, headers);
    if (body !== null) await checkMessage({ method, headers, query }, body);
  };
  try {
    // How long a body may take that nobody waits for is the listener's business.
    const deadline = { waiting: call.waiting, leftMs: null, onLateFailure: () => {} };
    await keepDeadline(check, deadline);
  } catch (error) {
    const failure = pipeline.fail(method, call, error);
    // Metadata of an error may not carry the protocol's own headers, such as those that list
    // compressions.
    for (const [name, value] of failure.headers) context.responseHeader.set(name, value);
    throw toConnectError(failure, call.requestId);
  }
}

function addService(router: ConnectRouter, service: DescService, pipeline: Pipeline): void {
  const implementations = service.methods.map((method) => [
    method.localName,
    implementationOf(method, pipeline),
  ]);
  // The type of a service that is known only at run time allows any method.
  router.service(service, Object.fromEntries(implementations) as Partial<ServiceImpl<DescService>>);
}

function implementationOf(method: DescMethod, pipeline: Pipeline) {
  if (method.methodKind === "unary") return unaryOf(method, pipeline);
  if (method.methodKind === "bidi_streaming") return bidiOf(method, pipeline);
  return streamOf(method, pipeline);
}

function unaryOf(method: DescMethod, pipeline: Pipeline) {
  return async (request: Message, context: HandlerContext) => {
    const call = admittedCallOf(context);
    return await orConnectError(call, pipeline.unary(method, request, call));
  };
}

function streamOf(method: DescMethod, pipeline: Pipeline) {
  return (request: Message, context: HandlerContext) => {
    const call = admittedCallOf(context);
    const messages = iterate((outflow) => pipeline.stream(method, request, call, outflow));
    return withConnectErrors(call, messages);
  };
}

function bidiOf(method: DescMethod, pipeline: Pipeline) {
  return (requests: AsyncIterable<Message>, context: HandlerContext) => {
    const call = admittedCallOf(context);
    return withConnectErrors(call, pipeline.bidi(method, readMessages(requests), call));
  };
}

async function* withConnectErrors(call: AdmittedCall, answers: AsyncIterable<Message>) {
  try {
    yield* answers;
  } catch (error) {
    throw asConnectError(error, call);
  }
}

function callOf(context: HandlerContext, stopping: AbortSignal): Call {
  const arrival = context.values.get(ARRIVAL);
  if (arrival === null) throw new TapinError("INTERNAL", { cause: "call without arrival" });
  return beginCall(arrival, {
    dialect: context.protocolName as Dialect,
    headers: context.requestHeader,
    // When the server stops, streams are ended at once, while unary calls may finish.
    waiting: Waiting.until(
      context.method.methodKind === "unary"
        ? context.signal
        : AbortSignal.any([context.signal, stopping]),
    ),
  });
}

function admittedCallOf(context: HandlerContext): AdmittedCall {
  const call = context.values.get(CALL);
  if (call === null) throw new TapinError("INTERNAL", { cause: "call was not admitted" });
  return call;
}

async function orConnectError<T>(call: { requestId: string }, work: Soon<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw asConnectError(error, call);
  }
}

function asConnectError(error: unknown, { requestId }: { requestId: string }): unknown {
  return error instanceof TapinError ? toConnectError(error, requestId) : error;
}
