// gRPC, gRPC-Web and Connect through connect-node. Every RPC runs through the pipeline; what connect-node
// answers with an empty body (wrong method, wrong type) is answered here in the envelope first.

import type { DescMethod, DescService, Message } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import {
  type ConnectRouter,
  createContextKey,
  createContextValues,
  type HandlerContext,
  type ServiceImpl,
} from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { TapinError } from "../errors.ts";
import type { AdmittedCall, Arrival, Dialect } from "./call.ts";
import { answerError, type Exchange, headerOf, type Request } from "./exchange.ts";
import type { Pipeline } from "./pipeline.ts";
import { toConnectError } from "./rpc-error.ts";

/** Largest request message, in bytes. */
export const MAX_MESSAGE_BYTES = 64 * 1024;

/** Longest deadline a caller may ask for, in milliseconds; a longer one is clamped to it. */
export const MAX_TIMEOUT_MS = 60 * 60 * 1000;

const UNARY_TYPES = ["application/json", "application/proto"];
const STREAM_TYPES = ["application/connect+json", "application/connect+proto"];
const GRPC_TYPES = [
  "grpc",
  "grpc+proto",
  "grpc+json",
  "grpc-web",
  "grpc-web+proto",
  "grpc-web+json",
];

/** Serves the RPC paths. */
export interface Rpc {
  /** Whether this path is an RPC's. */
  serves(path: string): boolean;
  /** Answers an exchange on such a path. Throws synchronously only on a broken request. */
  handle(exchange: Exchange): void;
}

const ARRIVAL = createContextKey<Arrival | null>(null);
const CALL = createContextKey<AdmittedCall | null>(null);

/** Builds the adapter for these services. `stopping` aborts with UNAVAILABLE when the server stops. */
export function createRpc(
  services: readonly DescService[],
  pipeline: Pipeline,
  stopping: AbortSignal,
): Rpc {
  const methods = new Map<string, DescMethod>(
    services.flatMap((service) =>
      service.methods.map((method) => [`/${service.typeName}/${method.name}`, method] as const),
    ),
  );
  const arrivals = new WeakMap<Request, Arrival>();
  const adapter = connectNodeAdapter({
    routes: (router) => {
      for (const service of services) addService(router, service, pipeline);
    },
    contextValues: (req) => createContextValues().set(ARRIVAL, arrivals.get(req) ?? null),
    requestGate: async (context) => {
      const call = callOf(context, stopping);
      context.values.set(CALL, await orConnectError(call, pipeline.admit(context.method, call)));
    },
    readMaxBytes: MAX_MESSAGE_BYTES,
    maxTimeoutMs: MAX_TIMEOUT_MS,
    // Answers carry secrets, and compressing secrets beside chosen text leaks them (BREACH).
    compressMinBytes: Number.MAX_SAFE_INTEGER,
  });
  return {
    serves: (path) => methods.has(path),
    handle(exchange) {
      const method = methods.get(exchange.path);
      if (method === undefined) throw new TapinError("NOT_FOUND");
      const refusal = refusalOf(method, exchange);
      if (refusal !== null) {
        answerError(exchange, refusal);
        return;
      }
      clampTimeout(exchange.req);
      arrivals.set(exchange.req, exchange);
      adapter(exchange.req, exchange.res);
    },
  };
}

function addService(router: ConnectRouter, service: DescService, pipeline: Pipeline): void {
  const implementations = service.methods.map((method) => [
    method.localName,
    method.methodKind === "unary" ? unaryOf(method, pipeline) : streamOf(method, pipeline),
  ]);
  // The type of a service that is known only at run time allows any method.
  router.service(service, Object.fromEntries(implementations) as Partial<ServiceImpl<DescService>>);
}

function unaryOf(method: DescMethod, pipeline: Pipeline) {
  return async (request: Message, context: HandlerContext) => {
    const call = admittedCallOf(context);
    return await orConnectError(call, pipeline.unary(method, request, call));
  };
}

function streamOf(method: DescMethod, pipeline: Pipeline) {
  return async function* (request: Message, context: HandlerContext) {
    const call = admittedCallOf(context);
    try {
      yield* pipeline.stream(method, request, call);
    } catch (error) {
      throw asConnectError(error, call);
    }
  };
}

function callOf(context: HandlerContext, stopping: AbortSignal) {
  const arrival = context.values.get(ARRIVAL);
  if (arrival === null) throw new TapinError("INTERNAL", { cause: "call without arrival" });
  const { requestId, address, origin, hideFromPages } = arrival;
  return {
    requestId,
    address,
    origin,
    hideFromPages,
    dialect: context.protocolName as Dialect,
    headers: context.requestHeader,
    // When the server stops, streams are ended at once, while unary calls may finish.
    signal:
      context.method.methodKind === "unary"
        ? context.signal
        : AbortSignal.any([context.signal, stopping]),
    head: false,
    startedAt: performance.now(),
  };
}

function admittedCallOf(context: HandlerContext): AdmittedCall {
  const call = context.values.get(CALL);
  if (call === null) throw new TapinError("INTERNAL", { cause: "call was not admitted" });
  return call;
}

async function orConnectError<T>(call: { requestId: string }, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw asConnectError(error, call);
  }
}

function asConnectError(error: unknown, { requestId }: { requestId: string }): unknown {
  return error instanceof TapinError ? toConnectError(error, requestId) : error;
}

/** What connect-node would refuse without saying why. */
function refusalOf(method: DescMethod, { req }: Exchange): TapinError | null {
  const readOnly = method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
  const allowed = readOnly ? ["GET", "POST"] : ["POST"];
  if (!allowed.includes(req.method ?? "")) {
    return new TapinError("METHOD_NOT_ALLOWED", { headers: [["allow", allowed.join(", ")]] });
  }
  if (req.method === "GET") return null;
  const type = (headerOf(req, "content-type") ?? "").split(";", 1)[0]?.trim().toLowerCase();
  const connectTypes = method.methodKind === "unary" ? UNARY_TYPES : STREAM_TYPES;
  const types = [...connectTypes, ...GRPC_TYPES.map((name) => `application/${name}`)];
  if (type !== undefined && types.includes(type)) return null;
  return new TapinError("UNSUPPORTED_MEDIA_TYPE", {
    headers: [["accept-post", types.join(", ")]],
  });
}

const GRPC_UNIT_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
};

/** A timeout above 2^31-1 ms would be taken for 1 ms by the timer behind it, so it is cut down here. */
function clampTimeout(req: Request): void {
  const connect = headerOf(req, "connect-timeout-ms");
  if (connect !== null && /^\d{1,10}$/.test(connect) && Number(connect) > MAX_TIMEOUT_MS) {
    req.headers["connect-timeout-ms"] = String(MAX_TIMEOUT_MS);
  }
  const [, amount, unit = ""] =
    /^(\d{1,8})([HMS])$/.exec(headerOf(req, "grpc-timeout") ?? "") ?? [];
  if (amount !== undefined && Number(amount) * (GRPC_UNIT_MS[unit] ?? 0) > MAX_TIMEOUT_MS) {
    req.headers["grpc-timeout"] = `${MAX_TIMEOUT_MS}m`;
  }
}
