// The five ways to speak the contract, one client each. Four are libraries nobody here wrote:
// @grpc/grpc-js with protobufjs, and connect-web; REST is plain fetch.

import { connectClient } from "./connect-client.ts";
import type { ConnectClient, DialectName } from "./contract-client.ts";
import { connectGrpc } from "./grpc-client.ts";
import { connectRest } from "./rest-client.ts";

/** Makes a client, by dialect. */
export const CLIENTS: Readonly<Record<DialectName, ConnectClient>> = {
  gRPC: connectGrpc,
  "gRPC-Web": connectClient("gRPC-Web"),
  "Connect JSON": connectClient("Connect JSON"),
  "Connect binary": connectClient("Connect binary"),
  REST: connectRest,
};

/** Every dialect. */
export const DIALECTS = Object.keys(CLIENTS) as readonly DialectName[];
