// Every client library and dialect: connect-node's clients for Connect, gRPC and gRPC-Web, in
// binary and JSON, over HTTP/1.1 and HTTP/2; and grpc-js, which shares no code with the server.

import type { Transport } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import type { Dialect } from "./caller.ts";
import { connectCaller } from "./connect-caller.ts";
import { openGrpcJs } from "./grpc-js-caller.ts";

type Make = (options: {
  baseUrl: string;
  httpVersion: "1.1" | "2";
  useBinaryFormat: boolean;
  useHttpGet: boolean;
}) => Transport;

const VERSIONS = { 1: "1.1", 2: "2" } as const;

function connectDialect(
  protocol: Dialect["protocol"],
  make: Make,
  [http, format]: readonly [1 | 2, "binary" | "JSON"],
): Dialect {
  const names = { connect: "Connect", grpc: "gRPC", "grpc-web": "gRPC-Web" };
  return {
    name: `${names[protocol]} ${format} on HTTP/${VERSIONS[http]}`,
    protocol,
    http,
    open: (baseUrl) =>
      connectCaller(
        make({
          baseUrl,
          httpVersion: VERSIONS[http],
          useBinaryFormat: format === "binary",
          useHttpGet: true,
        }),
      ),
  };
}

/** Every dialect. */
export const DIALECTS: readonly Dialect[] = [
  connectDialect("connect", createConnectTransport, [1, "JSON"]),
  connectDialect("connect", createConnectTransport, [1, "binary"]),
  connectDialect("connect", createConnectTransport, [2, "JSON"]),
  connectDialect("connect", createConnectTransport, [2, "binary"]),
  connectDialect("grpc", createGrpcTransport as Make, [2, "binary"]),
  connectDialect("grpc", createGrpcTransport as Make, [2, "JSON"]),
  connectDialect("grpc-web", createGrpcWebTransport, [1, "binary"]),
  connectDialect("grpc-web", createGrpcWebTransport, [1, "JSON"]),
  connectDialect("grpc-web", createGrpcWebTransport, [2, "binary"]),
  { name: "gRPC by grpc-js", protocol: "grpc", http: 2, open: openGrpcJs },
];
