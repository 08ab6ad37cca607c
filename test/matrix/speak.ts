// The five dialects for any method, known only by its descriptor: gRPC by grpc-js, the others byte
// by byte over HTTP, so that nothing a client library would smooth over goes unseen.

import { type DescMethod, fromBinary, type Message, toBinary, toJson } from "@bufbuild/protobuf";
import { Client, credentials, Metadata, type StatusObject } from "@grpc/grpc-js";
import type { DialectName } from "../support/contract-client.ts";
import { envelope, readEnvelopes } from "./envelope.ts";
import { failureOfConnect, failureOfGrpc, failureOfRest } from "./failure.ts";
import type { Failure, Outcome } from "./outcome.ts";
import { messageFromRest, restFormOf } from "./rest-form.ts";

/** One call. */
export interface Ask {
  readonly method: DescMethod;
  readonly request: Message;
  readonly bearer: string | null;
  readonly headers?: Readonly<Record<string, string>>;
  /** Adds a field nobody knows, where the dialect can carry one. */
  readonly unknownField?: boolean;
  /** The caller's deadline; REST has none. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** Makes a call; rejects only when it is aborted or the connection breaks. */
export type Speak = (url: string, ask: Ask) => Promise<Outcome>;

/** Every dialect. */
export const SPEAK: Readonly<Record<DialectName, Speak>> = {
  gRPC: speakGrpc,
  "gRPC-Web": speakGrpcWeb,
  "Connect JSON": (url, ask) => speakConnect(url, ask, "json"),
  "Connect binary": (url, ask) => speakConnect(url, ask, "proto"),
  REST: speakRest,
};

/** Names of the dialects. */
export const DIALECTS = Object.keys(SPEAK) as readonly DialectName[];

/** Path of an RPC. */
export const rpcPath = (method: DescMethod) => `/${method.parent.typeName}/${method.name}`;

/** Field 1999 as a varint. */
const UNKNOWN_FIELD = Uint8Array.of(0xf8, 0x7c, 1);

const binaryOf = ({ method, request, unknownField }: Ask) =>
  Buffer.concat([toBinary(method.input, request), unknownField ? UNKNOWN_FIELD : new Uint8Array()]);

function jsonBytesOf({ method, request, unknownField }: Ask): Uint8Array {
  const fields = toJson(method.input, request) as object;
  return Buffer.from(JSON.stringify({ ...fields, ...(unknownField && { nobodyKnows: 1 }) }));
}

async function send(url: string, ask: Ask, headers: Record<string, string>, init: RequestInit) {
  const authorization: Record<string, string> =
    ask.bearer === null ? {} : { authorization: `Bearer ${ask.bearer}` };
  const response = await fetch(url, {
    ...init,
    headers: { ...authorization, ...headers, ...ask.headers },
    ...(ask.signal && { signal: ask.signal }),
  });
  const bytes = new Uint8Array(await response.arrayBuffer());
  return { status: response.status, headers: response.headers, bytes };
}

const jsonIn = (bytes: Uint8Array) => JSON.parse(new TextDecoder().decode(bytes));

async function speakConnect(url: string, ask: Ask, codec: "json" | "proto"): Promise<Outcome> {
  const { method, timeoutMs } = ask;
  const isStream = method.methodKind !== "unary";
  const message = codec === "json" ? jsonBytesOf(ask) : binaryOf(ask);
  const headers = {
    "content-type": isStream ? `application/connect+${codec}` : `application/${codec}`,
    "connect-protocol-version": "1",
    ...(timeoutMs !== undefined && { "connect-timeout-ms": String(timeoutMs) }),
  };
  const body = isStream ? envelope(message) : message;
  const answer = await send(url + rpcPath(method), ask, headers, {
    method: "POST",
    body: body as BodyInit,
  });
  const read = (bytes: Uint8Array) =>
    codec === "json" ? jsonIn(bytes) : toJson(method.output, fromBinary(method.output, bytes));
  if (!isStream) {
    const isOk = answer.status === 200;
    const failure = isOk ? null : failureOfConnect(jsonIn(answer.bytes));
    return { ...answer, messages: isOk ? [read(answer.bytes)] : [], failure };
  }
  const frames = readEnvelopes(answer.bytes);
  const end = frames.find(({ flags }) => flags === 2);
  const { error, metadata = {} } = end === undefined ? {} : jsonIn(end.data);
  const trailers = Object.entries(metadata as Record<string, string[]>);
  return {
    status: answer.status,
    headers: withTrailers(
      answer.headers,
      trailers.map(([name, values]) => [name, values.join()]),
    ),
    messages: frames.filter(({ flags }) => flags === 0).map(({ data }) => read(data)),
    failure: error === undefined ? null : failureOfConnect(error),
  };
}

async function speakGrpcWeb(url: string, ask: Ask): Promise<Outcome> {
  const { method, timeoutMs } = ask;
  const headers = {
    "content-type": "application/grpc-web+proto",
    "x-grpc-web": "1",
    ...(timeoutMs !== undefined && { "grpc-timeout": `${timeoutMs}m` }),
  };
  const answer = await send(url + rpcPath(method), ask, headers, {
    method: "POST",
    body: envelope(binaryOf(ask)) as BodyInit,
  });
  if (!(answer.headers.get("content-type") ?? "").startsWith("application/grpc-web")) {
    return { ...answer, messages: [], failure: failureOfRest(jsonIn(answer.bytes)) };
  }
  const frames = readEnvelopes(answer.bytes);
  const text = frames.find(({ flags }) => flags === 0x80)?.data ?? new Uint8Array();
  const lines = new TextDecoder()
    .decode(text)
    .split("\r\n")
    .filter((line) => line !== "");
  const trailers = lines.map((line): [string, string] => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
  const all = withTrailers(answer.headers, trailers);
  return {
    status: answer.status,
    headers: all,
    messages: frames
      .filter(({ flags }) => flags === 0)
      .map(({ data }) => toJson(method.output, fromBinary(method.output, data))),
    failure: grpcFailureIn(all),
  };
}

function grpcFailureIn(headers: Headers): Failure | null {
  const code = Number(headers.get("grpc-status") ?? "2");
  if (code === 0) return null;
  const message = decodeURIComponent(headers.get("grpc-message") ?? "");
  const details = headers.get("grpc-status-details-bin");
  return failureOfGrpc(code, message, Buffer.from(details ?? "", "base64"));
}

function withTrailers(headers: Headers, trailers: readonly (readonly [string, string])[]): Headers {
  const all = new Headers(headers);
  for (const [name, value] of trailers) all.append(name, value);
  return all;
}

async function speakRest(url: string, ask: Ask): Promise<Outcome> {
  const { method } = ask;
  const { verb, path, query, body } = restFormOf(method, ask.request);
  if (ask.unknownField) query.append("nobody_knows", "1");
  const headers: Record<string, string> = {
    accept: method.methodKind === "unary" ? "application/json" : "application/x-ndjson",
    ...(body && { "content-type": "application/json" }),
  };
  const target = query.size === 0 ? path : `${path}?${query}`;
  const init = { method: verb, ...(body && { body: JSON.stringify(body) }) };
  const answer = await send(url + target, ask, headers, init);
  if (answer.status !== 200) {
    return { ...answer, messages: [], failure: failureOfRest(jsonIn(answer.bytes)) };
  }
  const texts = new TextDecoder().decode(answer.bytes).trim().split("\n");
  const lines = method.methodKind === "unary" ? [texts.join("\n")] : texts;
  const messages = lines
    .filter((line) => line !== "")
    .map((line) => toJson(method.output, messageFromRest(method, JSON.parse(line))));
  return { ...answer, messages, failure: null };
}

const clients = new Map<string, Client>();

/** Lets go of the gRPC connections to a service. */
export function closeGrpc(url: string): void {
  clients.get(url)?.close();
  clients.delete(url);
}

function grpcClientOf(url: string): Client {
  const client = clients.get(url) ?? new Client(new URL(url).host, credentials.createInsecure());
  clients.set(url, client);
  return client;
}

/**
 * As a stream even where the method is unary: grpc-js then shows status and trailers of successes
 * too.
 */
function speakGrpc(url: string, ask: Ask): Promise<Outcome> {
  const { method, bearer, timeoutMs, signal } = ask;
  const metadata = new Metadata();
  if (bearer !== null) metadata.set("authorization", `Bearer ${bearer}`);
  for (const [name, value] of Object.entries(ask.headers ?? {})) metadata.set(name, value);
  // As a header only: with a deadline grpc-js would not wait for what the server says.
  if (timeoutMs !== undefined) metadata.set("grpc-timeout", `${timeoutMs}m`);
  return new Promise((resolve, reject) => {
    const call = grpcClientOf(url).makeServerStreamRequest(
      rpcPath(method),
      () => binaryOf(ask),
      (bytes: Buffer) => toJson(method.output, fromBinary(method.output, bytes)),
      ask.request,
      metadata,
    );
    const headers = new Headers();
    const messages: Outcome["messages"][number][] = [];
    const add = (more: Metadata) => {
      for (const [name, value] of Object.entries(more.getMap())) {
        headers.append(name, typeof value === "string" ? value : value.toString("base64"));
      }
    };
    signal?.addEventListener("abort", () => {
      call.cancel();
      reject(signal.reason);
    });
    call.on("metadata", add);
    call.on("data", (message) => messages.push(message));
    call.on("error", () => {});
    call.on("status", ({ code, details, metadata: trailers }: StatusObject) => {
      add(trailers);
      const [packed] = trailers.get("grpc-status-details-bin");
      const bytes = packed === undefined ? new Uint8Array() : Buffer.from(packed);
      const failure = code === 0 ? null : failureOfGrpc(code, details, bytes);
      resolve({ status: 200, headers, messages, failure });
    });
  });
}
