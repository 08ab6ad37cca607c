// What the lane answers in each dialect: the heads, bodies and trailers that connect-node would
// write.

import type { OutgoingHttpHeaders } from "node:http2";
import { type DescMethod, type Message, toBinary, toJsonString } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import { compressionNegotiate, mergeNonProtocolHeaders } from "@connectrpc/connect/protocol";
import { codeToHttpStatus, errorToJsonBytes } from "@connectrpc/connect/protocol-connect";
import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import { trailerFlag, trailerSerialize } from "@connectrpc/connect/protocol-grpc-web";
import type { Dialect } from "./call.ts";
import { recall } from "./recall.ts";
import { COMPRESSIONS } from "./rpc-compression.ts";
import { withPlainMessage } from "./rpc-error.ts";
import { CONNECT_TIMEOUT, GRPC_TIMEOUT, type TimeoutHeader } from "./rpc-timeout.ts";

/** An answer, ready to be written. */
export interface Answer {
  readonly status: number;
  /** In the order in which they are sent. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Undefined = none. */
  readonly body: Uint8Array | undefined;
  /** Null = the body ends the answer. */
  readonly trailers: OutgoingHttpHeaders | null;
}

/** A dialect with a codec, as far as requests go. */
export interface LaneRequest {
  readonly name: Dialect;
  /** HTTP versions that it is spoken over here; connect-node serves it over others. */
  readonly versions: readonly string[];
  readonly isJson: boolean;
  /** Whether messages have their flags and length before them. */
  readonly isEnveloped: boolean;
  /** Header that names the compression of the request. */
  readonly encoding: string;
  /** Header that lists the compressions the caller takes. */
  readonly accept: string;
  readonly timeout: TimeoutHeader;
}

/** A dialect with a codec, as the lane speaks it. */
export interface LaneDialect extends LaneRequest {
  success(method: DescMethod, answer: Message, accepts: string | null): Answer;
  failure(error: ConnectError, accepts: string | null): Answer;
}

/** How a request of gRPC and of gRPC-Web looks. */
export const GRPC_HEADERS = {
  isJson: false,
  isEnveloped: true,
  encoding: "grpc-encoding",
  accept: "grpc-accept-encoding",
  timeout: GRPC_TIMEOUT,
} as const;

/** How gRPC tells a success behind its body. */
export const OK_TRAILERS: OutgoingHttpHeaders = { "grpc-status": "0" };

const GRPC: LaneDialect = {
  ...GRPC_HEADERS,
  name: "grpc",
  versions: ["2.0"],
  success: ({ output }, answer, accepts) => ({
    status: 200,
    headers: grpcHeaders("application/grpc+proto", accepts),
    body: envelope(0, toBinary(output, answer)),
    trailers: OK_TRAILERS,
  }),
  failure: (error, accepts) => ({
    status: 200,
    headers: grpcHeaders("application/grpc+proto", accepts),
    body: undefined,
    trailers: failureTrailers(error),
  }),
};

/** How gRPC tells an error behind its body. */
export function failureTrailers(error: ConnectError): OutgoingHttpHeaders {
  const trailers: OutgoingHttpHeaders = {};
  withPlainMessage(statusOf(error)).forEach((value, name) => {
    trailers[name] = value;
  });
  return trailers;
}

/** A message behind its flags and its length. */
export function envelope(flags: number, message: Uint8Array): Uint8Array {
  const bytes = Buffer.allocUnsafe(message.length + 5);
  bytes.writeUInt8(flags, 0);
  bytes.writeUInt32BE(message.length, 1);
  bytes.set(message, 5);
  return bytes;
}

/** The end of a gRPC-Web answer that succeeded. */
export const OK_FRAME = envelope(
  trailerFlag,
  trailerSerialize(new Headers({ "grpc-status": "0" })),
);

const GRPC_WEB: LaneDialect = {
  ...GRPC_HEADERS,
  name: "grpc-web",
  versions: ["1.1", "2.0"],
  success: ({ output }, answer, accepts) => ({
    status: 200,
    headers: grpcHeaders("application/grpc-web+proto", accepts),
    body: Buffer.concat([envelope(0, toBinary(output, answer)), OK_FRAME]),
    trailers: null,
  }),
  failure: (error, accepts) => ({
    status: 200,
    headers: grpcHeaders("application/grpc-web+proto", accepts),
    body: envelope(trailerFlag, trailerSerialize(statusOf(error))),
    trailers: null,
  }),
};

const CONNECT = {
  name: "connect",
  versions: ["1.1", "2.0"],
  isEnveloped: false,
  encoding: "content-encoding",
  accept: "accept-encoding",
  timeout: CONNECT_TIMEOUT,
  failure(error: ConnectError): Answer {
    const body = errorToJsonBytes(error, undefined);
    // A Headers object puts them into the order in which connect-node sends them.
    const headers = new Headers({
      "content-type": "application/json",
      "content-length": String(body.byteLength),
    });
    mergeNonProtocolHeaders(headers, error.metadata);
    return { status: codeToHttpStatus(error.code), headers: [...headers], body, trailers: null };
  },
} as const;

const CONNECT_JSON: LaneDialect = {
  ...CONNECT,
  isJson: true,
  success: ({ output }, answer) =>
    connectAnswer("application/json", Buffer.from(toJsonString(output, answer))),
};

const CONNECT_BINARY: LaneDialect = {
  ...CONNECT,
  isJson: false,
  success: ({ output }, answer) => connectAnswer("application/proto", toBinary(output, answer)),
};

/** The dialect of each content type that the lane knows, spelt as clients spell it. */
export const LANE_TYPES: ReadonlyMap<string, LaneDialect> = new Map([
  ["application/grpc", GRPC],
  ["application/grpc+proto", GRPC],
  ["application/grpc-web", GRPC_WEB],
  ["application/grpc-web+proto", GRPC_WEB],
  ["application/json", CONNECT_JSON],
  ["application/json; charset=utf-8", CONNECT_JSON],
  ["application/json;charset=utf-8", CONNECT_JSON],
  ["application/proto", CONNECT_BINARY],
]);

function connectAnswer(type: string, body: Uint8Array): Answer {
  const headers = [
    ["content-length", String(body.byteLength)],
    ["content-type", type],
  ] as const;
  return { status: 200, headers, body, trailers: null };
}

/**
 * connect-node names the compression it would use, although nothing is large enough to be
 * compressed.
 */
export const compressionFor = recall(
  (accepts) => compressionNegotiate([...COMPRESSIONS], null, accepts, "").response,
);

/** Head of an answer of gRPC or gRPC-Web. */
export function grpcHeaders(type: string, accepts: string | null): Answer["headers"] {
  const compression = accepts === null ? null : compressionFor(accepts);
  if (compression === null) return [["content-type", type]];
  return [
    ["content-type", type],
    ["grpc-encoding", compression.name],
  ];
}

/** How gRPC tells an error. */
export function statusOf(error: ConnectError): Headers {
  return setTrailerStatus(new Headers({ "grpc-status": "0" }), error);
}
