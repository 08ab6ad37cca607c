// An operation: what one RPC does once its caller is admitted and its request is valid, and who may call it.

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
import type { AdmittedCall } from "./call.ts";

/** Which credentials an operation wants. */
export type Access = "api_key" | "api_key_or_watch_token" | "admin" | "anybody";

/** One operation; `run` may assume that the request is valid. */
export type Operation = {
  readonly access: Access;
} & (
  | {
      readonly method: DescMethodUnary;
      run(request: Message, call: AdmittedCall): Promise<Message>;
    }
  | {
      readonly method: DescMethodServerStreaming;
      run(request: Message, call: AdmittedCall): AsyncIterable<Message>;
    }
  | {
      readonly method: DescMethodBiDiStreaming;
      run(requests: AsyncIterable<Message>, call: AdmittedCall): AsyncIterable<Message>;
    }
);

/** Makes a unary operation; the answer may be given as plain fields. */
export function unary<I extends DescMessage, O extends DescMessage>(
  method: DescMethodUnary<I, O>,
  access: Access,
  run: (request: MessageShape<I>, call: AdmittedCall) => Promise<MessageInitShape<O>>,
): Operation {
  return {
    method,
    access,
    run: async (request: Message, call: AdmittedCall) =>
      create(method.output, await run(request as MessageShape<I>, call)),
  };
}

/** Makes a server-streaming operation; the messages may be given as plain fields. */
export function serverStream<I extends DescMessage, O extends DescMessage>(
  method: DescMethodServerStreaming<I, O>,
  access: Access,
  run: (request: MessageShape<I>, call: AdmittedCall) => AsyncIterable<MessageInitShape<O>>,
): Operation {
  return {
    method,
    access,
    async *run(request: Message, call: AdmittedCall) {
      for await (const fields of run(request as MessageShape<I>, call)) {
        yield create(method.output, fields);
      }
    },
  };
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
