// What the lane of streams answers in each dialect: the heads, messages and ends that connect-node
// would write.

import type { OutgoingHttpHeaders } from "node:http2";
import { type DescMethod, type Message, toBinary, toJsonString } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import { endStreamFlag, endStreamToJson } from "@connectrpc/connect/protocol-connect";
import { trailerFlag, trailerSerialize } from "@connectrpc/connect/protocol-grpc-web";
import { remember } from "../transcoder/remember.ts";
import {
  type Answer,
  compressionFor,
  envelope,
  failureTrailers,
  GRPC_HEADERS,
  grpcHeaders,
  type LaneRequest,
  OK_FRAME,
  OK_TRAILERS,
  statusOf,
} from "./lane-answer.ts";
import { CONNECT_TIMEOUT } from "./rpc-timeout.ts";

/** How a stream ends. */
export interface StreamEnd {
  /** Undefined = the messages were all. */
  readonly body: Uint8Array | undefined;
  /** Null = the body ends the answer. */
  readonly trailers: OutgoingHttpHeaders | null;
}

/** A dialect with a codec, as the lane of streams speaks it. */
export interface StreamDialect extends LaneRequest {
  /** Whether the end comes in trailers. */
  readonly hasTrailers: boolean;
  headers(accepts: string | null): Answer["headers"];
  /** The same bytes for the same message object, which are made once. */
  frame(message: Message, method: DescMethod): Uint8Array;
  /** Null = it has ended by itself. */
  end(failure: ConnectError | null): StreamEnd;
}

const binaryFrame = remember((message: Message, { output }: DescMethod) =>
  envelope(0, toBinary(output, message)),
);
const jsonFrame = remember((message: Message, { output }: DescMethod) =>
  envelope(0, Buffer.from(toJsonString(output, message))),
);

const GRPC: StreamDialect = {
  ...GRPC_HEADERS,
  name: "grpc",
  versions: ["2.0"],
  hasTrailers: true,
  headers: (accepts) => grpcHeaders("application/grpc+proto", accepts),
  frame: binaryFrame,
  end: (failure) => ({
    body: undefined,
    trailers: failure === null ? OK_TRAILERS : failureTrailers(failure),
  }),
};

const GRPC_WEB: StreamDialect = {
  ...GRPC_HEADERS,
  name: "grpc-web",
  versions: ["1.1", "2.0"],
  hasTrailers: false,
  headers: (accepts) => grpcHeaders("application/grpc-web+proto", accepts),
  frame: binaryFrame,
  end: (failure) => ({
    body: failure === null ? OK_FRAME : envelope(trailerFlag, trailerSerialize(statusOf(failure))),
    trailers: null,
  }),
};

function connectDialect(type: string, isJson: boolean): StreamDialect {
  return {
    name: "connect",
    versions: ["1.1", "2.0"],
    isJson,
    isEnveloped: true,
    encoding: "connect-content-encoding",
    accept: "connect-accept-encoding",
    timeout: CONNECT_TIMEOUT,
    hasTrailers: false,
    headers(accepts) {
      const compression = accepts === null ? null : compressionFor(accepts);
      const typed = ["content-type", type] as const;
      return compression === null
        ? [typed]
        : [["connect-content-encoding", compression.name], typed];
    },
    frame: isJson ? jsonFrame : binaryFrame,
    end: (failure) => ({
      body: envelope(endStreamFlag, Buffer.from(endOfConnect(failure))),
      trailers: null,
    }),
  };
}

function endOfConnect(failure: ConnectError | null): string {
  return JSON.stringify(endStreamToJson(new Headers(), failure ?? undefined, undefined));
}

/** The dialect of each content type that the lane of streams knows, spelt as clients spell it. */
export const STREAM_TYPES: ReadonlyMap<string, StreamDialect> = new Map([
  ["application/grpc", GRPC],
  ["application/grpc+proto", GRPC],
  ["application/grpc-web", GRPC_WEB],
  ["application/grpc-web+proto", GRPC_WEB],
  ["application/connect+json", connectDialect("application/connect+json", true)],
  ["application/connect+proto", connectDialect("application/connect+proto", false)],
]);
