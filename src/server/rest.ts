// JSON REST through the transcoder: bodies are read here with their limit, and every error leaves
// in the contract's envelope.

import type { DescMethod, DescService } from "@bufbuild/protobuf";
import type { Logger } from "pino";
import { type Reason, TapinError } from "../errors.ts";
import type { RestRequest, RestResponse } from "../transcoder/rest-message.ts";
import { type Soon, whenThere } from "../transcoder/soon.ts";
import { TranscodeError, type TranscodeErrorKind } from "../transcoder/transcode-error.ts";
import { createTranscoder } from "../transcoder/transcoder.ts";
import { type AdmittedCall, beginCall, type Call } from "./call.ts";
import { toRestError } from "./error-envelope.ts";
import {
  type Exchange,
  forgetHead,
  headerOf,
  isGone,
  type Request,
  writeText,
} from "./exchange.ts";
import { type Pipeline, toTapinError } from "./pipeline.ts";
import { readBody } from "./request-body.ts";
import { StreamWriter } from "./stream-writer.ts";
import { StreamWaits, Waiting } from "./waiting.ts";

/** Serves the REST paths. */
export interface Rest {
  /** Answers the exchange; false when no route has this path. */
  handle(exchange: Exchange): Soon<boolean>;
}

/** How WatchSession looks as Server-Sent Events (contract section 1). */
export const STREAMS = {
  "tapin.auth.v1.AuthService/WatchSession": {
    event: "status",
    idField: "sequence",
    resumeField: "after_sequence",
  },
};

/** One REST call on its way through the transcoder. */
interface RestCall {
  readonly requestId: string;
  /** Null once its stream has begun, which would hold its request for as long as it stands. */
  call: Call | null;
  /**
   * What it asks for, from when it is admitted until the pipeline carries it out, which tells of
   * its end itself.
   */
  method: DescMethod | null;
  admitted: AdmittedCall | null;
}

/** Builds the REST form of these services. */
export function createRest(
  services: readonly DescService[],
  pipeline: Pipeline,
  { stopping, maxBodyBytes, log }: { stopping: AbortSignal; maxBodyBytes: number; log: Logger },
): Rest {
  const waits = new StreamWaits(stopping);
  const failureOf = (error: unknown, context: RestCall): TapinError => {
    const failure = convert(error, log);
    const { method, admitted } = context;
    if (method === null || admitted === null) return failure;
    context.method = null;
    return pipeline.fail(method, admitted, failure);
  };
  const transcoder = createTranscoder<RestCall>({
    services,
    streams: STREAMS,
    admit(method, context, { head }) {
      return whenThere(pipeline.admit(method, { ...given(context.call), head }), (admitted) => {
        context.method = method;
        context.admitted = admitted;
      });
    },
    invoke(method, request, context) {
      const call = given(context.admitted);
      context.method = null;
      if (method.methodKind === "unary") return pipeline.unary(method, request, call);
      waits.add(call.waiting);
      context.call = null;
      context.admitted = null;
      return (outflow) => {
        pipeline.stream(method, request, call, outflow);
        return stopOf(call.waiting);
      };
    },
    renderError: (error, context) => toRestError(failureOf(error, context), context.requestId),
  });
  return {
    handle(exchange) {
      const waiting = waitFor(exchange);
      const call = callOf(exchange, waiting);
      const { requestId } = exchange;
      const request = new CalledRequest(exchange, call, maxBodyBytes);
      const context = { requestId, call, method: null, admitted: null };
      const answer = transcoder.handle(request, context);
      return whenThere(answer, (found) => {
        if (found === null) return false;
        return whenThere(writeAnswer(exchange, found), () => true);
      });
    },
  };
}

/**
 * The request as the transcoder sees it. A class, for the runtime: each of them has the same shape
 * and no closures of its own.
 */
class CalledRequest implements RestRequest {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: Call["headers"];
  readonly #req: Request;
  readonly #waiting: Waiting;
  readonly #maxBodyBytes: number;

  constructor({ req, method, path, query }: Exchange, call: Call, maxBodyBytes: number) {
    this.method = method;
    this.path = path;
    this.query = query;
    this.headers = call.headers;
    this.#req = req;
    this.#waiting = call.waiting;
    this.#maxBodyBytes = maxBodyBytes;
  }

  body(): Soon<Uint8Array> {
    return readBody(this.#req, this.#maxBodyBytes, this.#waiting);
  }
}

/** Holds on to nothing of the call but its wait. */
function stopOf(waiting: Waiting) {
  return { stop: () => waiting.leave() };
}

function given<T extends Call>(call: T | null): T {
  if (call === null) throw new TapinError("INTERNAL", { cause: "call was not admitted" });
  return call;
}

function callOf(exchange: Exchange, waiting: Waiting): Call {
  const headers = { get: (name: string) => headerOf(exchange.req, name) };
  return beginCall(exchange, { dialect: "rest", headers, waiting });
}

const REASON_OF_KIND: Record<TranscodeErrorKind, Reason> = {
  method_not_allowed: "METHOD_NOT_ALLOWED",
  not_acceptable: "NOT_ACCEPTABLE",
  body_too_large: "BODY_TOO_LARGE",
  unsupported_media_type: "UNSUPPORTED_MEDIA_TYPE",
  invalid_request: "VALIDATION_FAILED",
};

/**
 * What the pipeline threw was logged there; what HTTP refuses is the caller's fault; the rest is
 * ours.
 */
function convert(error: unknown, log: Logger): TapinError {
  if (error instanceof TapinError) return error;
  if (error instanceof TranscodeError) {
    const { message: sentence, violations, headers } = error;
    return new TapinError(REASON_OF_KIND[error.kind], { sentence, violations, headers });
  }
  const failure = toTapinError(error);
  log.error({ event: "transcoder_failed", err: error }, "the transcoder failed");
  return failure;
}

/** Over when the response's connection closes, or has closed: with the answer or before it. */
function waitFor({ req, res }: Exchange): Waiting {
  const waiting = new Waiting();
  if (req.destroyed || isGone(res)) waiting.leave();
  else res.once("close", () => waiting.leave());
  return waiting;
}

function writeAnswer({ req, res }: Exchange, answer: RestResponse): Soon<void> {
  const { status, headers, body } = answer;
  res.statusCode = status;
  for (const [name, value] of headers) res.setHeader(name, value);
  if (typeof body === "string") return writeText(res, body);
  if (body === null) {
    res.end();
    return;
  }
  body.start(new StreamWriter(res));
  forgetHead(req);
}
