// The lane: unary calls as nearly every caller sends them, answered without connect-node, which
// takes five to eight times as long. Through the same pipeline, and byte by byte as connect-node
// answers: test/server/lane.test.ts compares. Whatever is unusual about a request makes it none of
// the lane's business, before anything of its body is read.

import type { IncomingMessage, ServerResponse } from "node:http";
import type { DescMethod, DescService, Message } from "@bufbuild/protobuf";
import type { Logger } from "pino";
import { TapinError } from "../errors.ts";
import { beginCall, type Call } from "./call.ts";
import { VERSION, VERSION_HEADER } from "./connect-version.ts";
import { answerError, type Exchange, headerOf, isGone, type RequestHead } from "./exchange.ts";
import type { StreamRequest, StreamResponse } from "./http2-stream.ts";
import { type Answer, LANE_TYPES, type LaneDialect, type LaneRequest } from "./lane-answer.ts";
import type { Pipeline } from "./pipeline.ts";
import { toConnectError } from "./rpc-error.ts";
import { openEnvelope, parseMessage, readWhole } from "./rpc-message.ts";
import { parseTimeout } from "./rpc-timeout.ts";
import { Waiting } from "./waiting.ts";

/** An exchange the lane may serve. */
export type LaneExchange = Exchange<
  IncomingMessage | StreamRequest,
  ServerResponse | StreamResponse
>;

/** Answers a request that the lane serves. */
export type Lane = (exchange: LaneExchange) => void;

/** The lane of a request with this head; null when it is none of the lane's business. */
export type FindLane = (head: RequestHead) => Lane | null;

/** What serves one call. */
export interface Way<Dialect extends LaneRequest = LaneDialect> {
  readonly method: DescMethod;
  readonly dialect: Dialect;
  /** The caller's own deadline; null = none. */
  readonly timeoutMs: number | null;
  /** Largest message, in bytes. */
  readonly maxBytes: number;
  /** The compressions it takes, as it names them; null = it names none. */
  readonly accepts: string | null;
}

/** What the lane needs beside the pipeline. */
export interface LaneOptions {
  /** Largest request message, in bytes. */
  readonly maxBodyBytes: number;
  readonly log: Logger;
}

/** The methods of a kind, by the path of their requests. */
export function methodsByPath(
  services: readonly DescService[],
  kind: DescMethod["methodKind"],
): ReadonlyMap<string, DescMethod> {
  const methods = services.flatMap((service) => service.methods);
  return new Map(
    methods
      .filter(({ methodKind }) => methodKind === kind)
      .map((method) => [`/${method.parent.typeName}/${method.name}`, method]),
  );
}

/**
 * Answers a request that failed in a way nobody foresaw: otherwise its caller would wait for ever.
 */
export function answerLost(log: Logger, exchange: LaneExchange, err: unknown): void {
  const { requestId } = exchange;
  log.error({ event: "rpc_failed", err, request_id: requestId }, "the RPC failed");
  void answerError(exchange, new TapinError("INTERNAL"));
}

/** Builds the lane of the unary RPCs of these services. */
export function createLane(
  services: readonly DescService[],
  pipeline: Pipeline,
  options: LaneOptions,
): FindLane {
  const methods = methodsByPath(services, "unary");
  return (head) => {
    const method = methods.get(head.url ?? "");
    const way = method === undefined ? null : wayOf(LANE_TYPES, head, { method, ...options });
    if (way === null) return null;
    return (exchange) => {
      serve(pipeline, way, exchange).catch((err: unknown) => {
        answerLost(options.log, exchange, err);
      });
    };
  };
}

/** Values of headers that a Headers object would change, or refuse. */
const ODD = /^[\t ]|[^\t -~]|[\t ]$/;

/**
 * How a call with this head is served, in a dialect of these content types; null = not by a lane.
 */
export function wayOf<Dialect extends LaneRequest>(
  types: ReadonlyMap<string, Dialect>,
  head: RequestHead,
  { method, maxBodyBytes: maxBytes }: { method: DescMethod; maxBodyBytes: number },
): Way<Dialect> | null {
  const { headers, rawHeaders, httpVersion } = head;
  if (head.method !== "POST" || headers.expect !== undefined) return null;
  const dialect = types.get(headers["content-type"] ?? "");
  if (dialect === undefined || !dialect.versions.includes(httpVersion)) return null;
  const { encoding, accept, timeout } = dialect;
  if ((headers[encoding] ?? "identity") !== "identity") return null;
  if ((headers[VERSION_HEADER] ?? VERSION) !== VERSION) return null;
  const timeoutMs = parseTimeout(timeout, headerOf(head, timeout.header) ?? undefined);
  if (timeoutMs === undefined || rawHeaders.some((text) => ODD.test(text))) return null;
  return { method, dialect, timeoutMs, maxBytes, accepts: headerOf(head, accept) };
}

async function serve(pipeline: Pipeline, way: Way, exchange: LaneExchange): Promise<void> {
  const { res } = exchange;
  const { method, dialect, accepts } = way;
  res.setHeader("cache-control", "no-store");
  const call = callOf(way, exchange, waitFor(res, way));
  try {
    const admission = pipeline.admit(method, call);
    const admitted = admission instanceof Promise ? await admission : admission;
    const request = await readRequest(pipeline, way, { exchange, call });
    const answer = await pipeline.unary(method, request, admitted);
    send(res, dialect.success(method, answer, accepts));
  } catch (error) {
    if (!(error instanceof TapinError)) throw error;
    send(res, dialect.failure(toConnectError(error, call.requestId), accepts));
  }
}

/** The wait of the caller of this exchange. Holds nothing of it. */
export function waitFor(res: LaneExchange["res"], way: Pick<Way, "timeoutMs">): Waiting {
  const waiting = new Waiting();
  if (isGone(res)) waiting.leave();
  else leaveOnClose(res, waiting);
  startTimeout(way, waiting);
  return waiting;
}

/** In a function of its own, so that the listener holds nothing but the wait. */
function leaveOnClose(res: LaneExchange["res"], waiting: Waiting): void {
  // All kinds of response have the same `on`, which the union type hides.
  (res as ServerResponse).on("close", () => waiting.leave());
}

/** Ends the wait when the caller's own deadline is over. */
function startTimeout({ timeoutMs }: Pick<Way, "timeoutMs">, waiting: Waiting): void {
  if (timeoutMs === null) return;
  const end = () => waiting.end(new TapinError("DEADLINE_EXCEEDED"));
  if (timeoutMs === 0) {
    end();
    return;
  }
  const timer = setTimeout(end, timeoutMs);
  waiting.onOver(() => clearTimeout(timer));
}

/** The call that such an exchange begins. */
export function callOf(
  { dialect }: Way<LaneRequest>,
  exchange: LaneExchange,
  waiting: Waiting,
): Call {
  const headers = { get: (name: string) => headerOf(exchange.req, name) };
  return beginCall(exchange, { dialect: dialect.name, headers, waiting });
}

/** Its message. How long a body may take that nobody waits for is the listener's business. */
export async function readRequest(
  pipeline: Pipeline,
  { method, dialect: { isEnveloped, isJson }, maxBytes }: Way<LaneRequest>,
  { exchange: { req }, call }: { exchange: LaneExchange; call: Call },
): Promise<Message> {
  const { waiting } = call;
  try {
    waiting.throwIfOver();
    const contentLength = req.headers["content-length"];
    const source = "stream" in req ? req.stream : req;
    const bytes = await readWhole(source, { maxBytes, contentLength, waiting });
    const message = isEnveloped ? openEnvelope(bytes, null).bytes : bytes;
    return parseMessage(method, message, { isJson, maxBytes });
  } catch (error) {
    throw pipeline.fail(method, call, error);
  }
}

function send(res: ServerResponse | StreamResponse, { status, headers, body, trailers }: Answer) {
  if (isGone(res)) return;
  res.statusCode = status;
  for (const [name, value] of headers) res.setHeader(name, value);
  if ("stream" in res) {
    if (trailers !== null) res.setTrailers(trailers);
    res.end(body);
  } else {
    // Otherwise Node would count the bytes where connect-node does not.
    res.writeHead(status);
    res.end(body);
  }
}
