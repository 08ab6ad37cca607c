// The lane of streams: server-streaming RPCs as nearly every caller asks for them, answered without
// connect-node, whose stream holds many times the memory of the bytes it waits to send. Through the
// same pipeline, and byte by byte as connect-node answers: test/server/lane.test.ts compares. Once
// a stream stands, nothing here holds its request.

import type { ServerResponse } from "node:http";
import type { DescMethod, DescService, Message } from "@bufbuild/protobuf";
import { TapinError } from "../errors.ts";
import { forgetHead, isGone } from "./exchange.ts";
import type { StreamResponse } from "./http2-stream.ts";
import {
  answerLost,
  callOf,
  type FindLane,
  type LaneExchange,
  type LaneOptions,
  methodsByPath,
  readRequest,
  type Way,
  waitFor,
  wayOf,
} from "./lane.ts";
import type { Pipeline } from "./pipeline.ts";
import { toConnectError } from "./rpc-error.ts";
import type { AnswerOutflow } from "./running-stream.ts";
import { STREAM_TYPES, type StreamDialect } from "./stream-dialect.ts";
import { StreamWriter } from "./stream-writer.ts";
import { StreamWaits, type Waiting } from "./waiting.ts";

/** What the lane of streams needs beside the pipeline. */
export interface StreamLaneOptions extends LaneOptions {
  /** Aborts with UNAVAILABLE when the server stops. */
  readonly stopping: AbortSignal;
}

/** Builds the lane of the server-streaming RPCs of these services. */
export function createStreamLane(
  services: readonly DescService[],
  pipeline: Pipeline,
  options: StreamLaneOptions,
): FindLane {
  const methods = methodsByPath(services, "server_streaming");
  const waits = new StreamWaits(options.stopping);
  return (head) => {
    const method = methods.get(head.url ?? "");
    const way = method === undefined ? null : wayOf(STREAM_TYPES, head, { method, ...options });
    if (way === null) return null;
    return (exchange) => {
      const waiting = waitFor(exchange.res, way);
      waits.add(waiting);
      serve(pipeline, way, { exchange, waiting }).catch((err: unknown) => {
        answerLost(options.log, exchange, err);
      });
    };
  };
}

type StreamWay = Way<StreamDialect>;

async function serve(
  pipeline: Pipeline,
  way: StreamWay,
  { exchange, waiting }: { exchange: LaneExchange; waiting: Waiting },
): Promise<void> {
  const { method } = way;
  exchange.res.setHeader("cache-control", "no-store");
  const outflow = new RpcOutflow(way, exchange);
  const call = callOf(way, exchange, waiting);
  try {
    const admitted = await pipeline.admit(method, call);
    const request = await readRequest(pipeline, way, { exchange, call });
    pipeline.stream(method, request, admitted, outflow);
    forgetHead(exchange.req);
  } catch (error) {
    if (!(error instanceof TapinError)) throw error;
    outflow.end(error);
  }
}

/** Says a stream in its dialect. */
class RpcOutflow implements AnswerOutflow {
  readonly #method: DescMethod;
  readonly #dialect: StreamDialect;
  readonly #requestId: string;
  readonly #writer: StreamWriter;
  readonly #res: ServerResponse | StreamResponse;
  /** The compressions that the caller takes, until the head is sent. */
  #accepts: string | null;
  #isOpen = false;

  constructor({ method, dialect, accepts }: StreamWay, { res, requestId }: LaneExchange) {
    this.#method = method;
    this.#dialect = dialect;
    this.#accepts = accepts;
    this.#requestId = requestId;
    this.#res = res;
    this.#writer = new StreamWriter(res);
  }

  message(message: Message, isBeat: boolean): void {
    this.#open();
    this.#writer.write(this.#dialect.frame(message, this.#method), isBeat);
  }

  end(failure: TapinError | null): void {
    this.#open();
    const error = failure === null ? null : toConnectError(failure, this.#requestId);
    const { body, trailers } = this.#dialect.end(error);
    if (trailers !== null && "stream" in this.#res) this.#res.setTrailers(trailers);
    this.#writer.end(body);
  }

  /** Sends the head before the first bytes: until then it may still get fields. */
  #open(): void {
    const res = this.#res;
    if (this.#isOpen || isGone(res)) return;
    this.#isOpen = true;
    for (const [name, value] of this.#dialect.headers(this.#accepts)) res.setHeader(name, value);
    this.#accepts = null;
    if ("stream" in res) res.open(this.#dialect.hasTrailers);
    else res.writeHead(200);
  }
}
