// An operation: what one RPC does once its caller is admitted and its request is valid, and who may
// call it.

import type {
  DescMessage,
  DescMethodBiDiStreaming,
  DescMethodServerStreaming,
  DescMethodUnary,
  Message,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import { type Soon, whenThere } from "../transcoder/soon.ts";
import type { AdmittedCall } from "./call.ts";

/** Which credentials an operation wants. */
export type Access = "api_key" | "api_key_or_watch_token" | "admin" | "anybody";

/** Takes what a stream tells. */
export interface Outflow {
  /**
   * `isBeat` = it says nothing new: a reader that has not taken what came before need not get it.
   */
  message(message: Message, isBeat: boolean): void;
  /**
   * The last call: null = the stream has ended by itself. Once the stream is stopped, only a late
   * failure is told.
   */
  end(failure: unknown): void;
}

/** A stream that has begun. */
export interface Running {
  /** Nobody wants to be told any more. */
  stop(): void;
}

/** Begins a stream. What it throws ends the stream, as what it tells `end`. */
export type StartStream<Request> = (
  request: Request,
  call: AdmittedCall,
  outflow: Outflow,
) => Running;

/**
 * An operation with one answer; `run` may assume that the request is valid, as in all operations.
 */
export interface UnaryOperation {
  readonly access: Access;
  readonly method: DescMethodUnary;
  run(request: Message, call: AdmittedCall): Soon<Message>;
}

/** An operation that streams its answer. */
export interface StreamOperation {
  readonly access: Access;
  readonly method: DescMethodServerStreaming;
  readonly start: StartStream<Message>;
}

/** An operation that streams both ways. */
export interface BidiOperation {
  readonly access: Access;
  readonly method: DescMethodBiDiStreaming;
  run(requests: AsyncIterable<Message>, call: AdmittedCall): AsyncIterable<Message>;
}

/** One operation. */
export type Operation = UnaryOperation | StreamOperation | BidiOperation;

/** Makes a unary operation; the answer may be given as plain fields. */
export function unary<I extends DescMessage, O extends DescMessage>(
  method: DescMethodUnary<I, O>,
  access: Access,
  run: (request: MessageShape<I>, call: AdmittedCall) => Soon<MessageInitShape<O>>,
): Operation {
  return {
    method,
    access,
    run: (request: Message, call: AdmittedCall) =>
      whenThere(run(request as MessageShape<I>, call), (fields) => create(method.output, fields)),
  };
}

/** Makes a server-streaming operation that is called back. */
export function pushStream<I extends DescMessage, O extends DescMessage>(
  method: DescMethodServerStreaming<I, O>,
  access: Access,
  start: StartStream<MessageShape<I>>,
): Operation {
  return { method, access, start: start as StartStream<Message> };
}

/**
 * Makes a server-streaming operation of what is iterated over as fast as messages come: for few
 * streams, which wait for events. The messages may be given as plain fields.
 */
export function serverStream<I extends DescMessage, O extends DescMessage>(
  method: DescMethodServerStreaming<I, O>,
  access: Access,
  run: (request: MessageShape<I>, call: AdmittedCall) => AsyncIterable<MessageInitShape<O>>,
): Operation {
  return pushStream(method, access, (request, call, outflow) => {
    const fields = run(request, call)[Symbol.asyncIterator]();
    let isStopped = false;
    const pump = async () => {
      for (let next = await fields.next(); !next.done; next = await fields.next()) {
        if (isStopped) return;
        outflow.message(create(method.output, next.value), false);
      }
      if (!isStopped) outflow.end(null);
    };
    const fail = (error: unknown) => outflow.end(error);
    pump().catch(fail);
    return {
      stop() {
        isStopped = true;
        fields.return?.().catch(fail);
      },
    };
  });
}

/** Makes an operation that streams both ways; the messages may be given as plain fields. */
export function bidiStream<I extends DescMessage, O extends DescMessage>(
  method: DescMethodBiDiStreaming<I, O>,
  access: Access,
  run: (
    requests: AsyncIterable<MessageShape<I>>,
    call: AdmittedCall,
  ) => AsyncIterable<MessageInitShape<O>>,
): Operation {
  return {
    method,
    access,
    async *run(requests: AsyncIterable<Message>, call: AdmittedCall) {
      for await (const fields of run(requests as AsyncIterable<MessageShape<I>>, call)) {
        yield create(method.output, fields);
      }
    },
  };
}
