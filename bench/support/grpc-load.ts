// Load of unary gRPC calls, by h2load.

import type { Round } from "./contest.ts";
import type { Place } from "./cores.ts";
import { framed } from "./grpc-call.ts";
import { sendSame } from "./h2load.ts";
import type { UnaryCall } from "./messages.ts";
import type { Length } from "./scenario.ts";

/** Connections. */
export const GRPC_CONNECTIONS = 8;

/** Calls under way on each connection. */
export const GRPC_STREAMS = 16;

/** One unary call, sent again and again. */
export interface GrpcLoad extends UnaryCall {
  readonly url: string;
  readonly apiKey: string;
  /** Bytes of every answer message: an error has none, so the sum tells whether all succeeded. */
  readonly answerBytes: number;
  readonly length: Length;
  /** Default `load`. */
  readonly place?: Place;
}

/** Calls a second. Rejects unless every call succeeded. */
export async function grpcLoad(load: GrpcLoad): Promise<Round> {
  const { url, path, apiKey, message, answerBytes, length, place = "load" } = load;
  const { perSecond, succeeded, bodyBytes, loadMs } = await sendSame({
    url: url + path,
    headers: ["content-type: application/grpc", "te: trailers", `authorization: Bearer ${apiKey}`],
    body: framed(message),
    http: "2",
    connections: GRPC_CONNECTIONS,
    streams: GRPC_STREAMS,
    length,
    place,
  });
  const unfinished = bodyBytes / framed(new Uint8Array(answerBytes)).length - succeeded;
  if (unfinished < 0 || unfinished > GRPC_CONNECTIONS * GRPC_STREAMS) {
    throw new Error(`${path}: not every one of ${succeeded} calls was answered with a message`);
  }
  return { figure: perSecond, loadMs };
}
