// A gRPC client of @grpc/grpc-js that reads the proto files with protobufjs: neither shares code
// with the server.

import { fileURLToPath } from "node:url";
import {
  type Client,
  type ClientReadableStream,
  credentials,
  Metadata,
  makeClientConstructor,
  type ServiceDefinition,
  type ServiceError,
  status,
} from "@grpc/grpc-js";
import { loadSync, type MessageTypeDefinition } from "@grpc/proto-loader";
import {
  CallError,
  type CallOptions,
  type ContractClient,
  createdSessionFrom,
  type Fields,
  linksFrom,
  profileFrom,
  statusFrom,
  watchMessageFrom,
} from "./contract-client.ts";
import { keepAnswer } from "./leaks.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

const PACKAGE = loadSync(
  ["tapin/auth/v1/auth.proto", "google/rpc/status.proto", "google/rpc/error_details.proto"],
  { includeDirs: [`${ROOT}proto`, `${ROOT}third_party`], enums: String, longs: Number },
);
const AuthClient = makeClientConstructor(
  PACKAGE["tapin.auth.v1.AuthService"] as ServiceDefinition,
  "AuthService",
);

/** Wrapper messages of the contract's requests. */
const WRAPPED = new Set([
  "state",
  "redirectUri",
  "codeChallenge",
  "codeVerifier",
  "ip",
  "userAgent",
]);

/**
 * A connection of its own for each client: else all of a process would share the 100 streams of
 * one.
 */
const OWN_CONNECTION = { "grpc.use_local_subchannel_pool": 1 };

/** Makes a client that speaks gRPC over cleartext HTTP/2. */
export function connectGrpc(url: string, bearer: string | null): ContractClient {
  const { host } = new URL(url);
  const client: Client = new AuthClient(host, credentials.createInsecure(), OWN_CONNECTION);
  const call = (name: string, request: Fields, options: CallOptions = {}) =>
    callUnary(client, { name, request, metadata: metadataOf(bearer, options) }, options);
  return {
    dialect: "gRPC",
    getLink: async (options) => linksFrom(await call("GetLink", {}, options)),
    createSession: async (input = {}, options) =>
      createdSessionFrom(await call("CreateSession", { ...input }, options)),
    getSessionStatus: async (sessionId, options) =>
      statusFrom(await call("GetSessionStatus", { sessionId }, options)),
    watchSession: (sessionId, { afterSequence = 0, ...options } = {}) => {
      const metadata = metadataOf(bearer, options);
      const request = { sessionId, afterSequence };
      return readStream(client, { name: "WatchSession", request, metadata }, options);
    },
    cancelSession: async (sessionId, options) =>
      statusFrom(await call("CancelSession", { sessionId }, options)),
    verifyCode: async (input, options) =>
      profileFrom(await call("VerifyCode", { ...input }, options)),
    close: () => client.close(),
  };
}

interface Outgoing {
  readonly name: string;
  readonly request: Fields;
  readonly metadata: Metadata;
}

function callUnary(
  client: Client,
  { name, request, metadata }: Outgoing,
  { signal, onHeaders }: CallOptions,
): Promise<Fields> {
  return new Promise((resolve, reject) => {
    const { path, requestSerialize, responseDeserialize } = methodOf(name);
    let initial = new Headers();
    const call = client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      wrap(request),
      metadata,
      (error, answer) => {
        if (error) reject(toCallError(error, initial));
        else resolve(unwrap(answer as Fields));
      },
    );
    call.on("metadata", (received: Metadata) => {
      initial = headersOf(received);
      keepAnswer("a call over gRPC, headers", [...initial]);
      onHeaders?.(initial);
    });
    signal?.addEventListener("abort", () => call.cancel());
  });
}

async function* readStream(
  client: Client,
  { name, request, metadata }: Outgoing,
  { signal, onHeaders }: CallOptions,
) {
  const { path, requestSerialize, responseDeserialize } = methodOf(name);
  const stream: ClientReadableStream<Fields> = client.makeServerStreamRequest(
    path,
    requestSerialize,
    responseDeserialize,
    wrap(request),
    metadata,
  );
  let initial = new Headers();
  stream.on("metadata", (received: Metadata) => {
    initial = headersOf(received);
    keepAnswer("a call over gRPC, headers", [...initial]);
    onHeaders?.(initial);
  });
  signal?.addEventListener("abort", () => stream.cancel());
  try {
    for await (const message of stream) yield watchMessageFrom(unwrap(message as Fields));
  } catch (error) {
    throw toCallError(error, initial);
  } finally {
    // Cancelling makes the stream emit an error that nobody waits for any more.
    stream.on("error", () => {});
    stream.cancel();
  }
}

function methodOf(name: string) {
  const method = AuthClient.service[name];
  if (method === undefined) throw new Error(`no method ${name}`);
  return method;
}

function metadataOf(bearer: string | null, { bearer: own, headers }: CallOptions): Metadata {
  const metadata = new Metadata();
  const given = own === undefined ? bearer : own;
  if (given !== null) metadata.set("authorization", `Bearer ${given}`);
  for (const [name, value] of Object.entries(headers ?? {})) metadata.set(name, value);
  return metadata;
}

function headersOf(metadata: Metadata): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(metadata.getMap())) {
    headers.append(name, typeof value === "string" ? value : value.toString("base64"));
  }
  return headers;
}

function wrap(request: Fields): Fields {
  return Object.fromEntries(
    Object.entries(request).map(([name, value]) => {
      if (name === "client") return [name, wrap(value as Fields)];
      return [name, WRAPPED.has(name) ? { value } : value];
    }),
  );
}

function unwrap(answer: Fields): Fields {
  return Object.fromEntries(
    Object.entries(answer).map(([name, value]) => [
      name,
      typeof value === "object" && value !== null && "value" in value ? value.value : value,
    ]),
  );
}

/** google.protobuf.Any, whose first field protobufjs leaves in its proto spelling. */
interface AnyMessage {
  readonly type_url: string;
  readonly value: Buffer;
}

function decode<T>(type: string, bytes: Buffer): T {
  return (PACKAGE[type] as MessageTypeDefinition<object, object>).deserialize(bytes) as T;
}

/** An error's own metadata are the trailers; the headers came before. */
function toCallError(error: unknown, initial: Headers): unknown {
  if (!(error instanceof Error) || !("metadata" in error)) return error;
  const { code, details: sentence, metadata } = error as ServiceError;
  const [packed] = metadata.get("grpc-status-details-bin");
  const details =
    packed === undefined
      ? []
      : (decode<{ details?: AnyMessage[] }>("google.rpc.Status", packed as Buffer).details ?? []);
  const find = <T>(type: string): T | undefined => {
    const found = details.find(({ type_url }) => type_url.endsWith(`/${type}`));
    return found && decode<T>(type, found.value);
  };
  const info = find<{ reason: string; metadata?: Record<string, string> }>("google.rpc.ErrorInfo");
  const fields = find<{ fieldViolations?: { field: string; description: string }[] }>(
    "google.rpc.BadRequest",
  );
  return new CallError(sentence, {
    reason: (info?.reason ?? "").toLowerCase(),
    code: (status[code] ?? "").toLowerCase(),
    violations: (fields?.fieldViolations ?? []).map(({ field, description }) => ({
      field,
      message: description,
    })),
    headers: new Headers([...initial, ...headersOf(metadata)]),
    requestId: info?.metadata?.request_id ?? "",
  });
}
