// Requests byte by byte, and what an answer to them says, whichever RPC protocol it is in.

import { create, type MessageInitShape, toBinary, toJsonString } from "@bufbuild/protobuf";
import { status } from "@grpc/grpc-js";
import { type Answer, ask, askHttp2, dropHttp2, openHttp2 } from "../server/raw-http.ts";
import { RequestSchema } from "./gen/tapin/conformance/v1/conformance_pb.ts";
import { pathTo } from "./grpc-js-caller.ts";

/** A request as it is to go over the wire. */
export interface WireRequest {
  /** Default: Unary. */
  readonly rpc?: string;
  /** Default: POST. */
  readonly verb?: string;
  /** Content type; null = none is sent. */
  readonly type: string | null;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** Without the question mark. */
  readonly query?: string;
}

type Plan = MessageInitShape<typeof RequestSchema>;

/** A request message in binary. */
export const proto = (plan: Plan = {}) => toBinary(RequestSchema, create(RequestSchema, plan));

/** A request message in JSON. */
export const json = (plan: Plan = {}) => toJsonString(RequestSchema, create(RequestSchema, plan));

/** A message in the envelope of gRPC and of Connect's streams: flags and length before it. */
export function envelope(message: Uint8Array | string, flags = 0, length?: number): Buffer {
  const bytes = Buffer.from(message as Uint8Array);
  const prefix = Buffer.alloc(5);
  prefix.writeUInt8(flags);
  prefix.writeUInt32BE(length ?? bytes.length, 1);
  return Buffer.concat([prefix, bytes]);
}

/** Sends a request over HTTP/1.1 or, by prior knowledge, HTTP/2. */
export async function send(url: string, http: 1 | 2, request: WireRequest): Promise<Answer> {
  const { rpc = "Unary", verb = "POST", type, headers = {}, body, query } = request;
  const path = pathTo(rpc) + (query === undefined ? "" : `?${query}`);
  const question = {
    method: verb,
    headers: { ...(type === null ? {} : { "content-type": type }), ...headers },
    ...(body === undefined ? {} : { body }),
  };
  if (http === 1) return await ask(url + path, question);
  const session = await openHttp2(url);
  try {
    return await askHttp2(session, path, question);
  } finally {
    dropHttp2(session);
  }
}

/** The RPC code an answer tells: `ok`, such as `not_found`, or `HTTP 415` when it is below RPC. */
export function codeOf(answer: Answer, type: string | null): string {
  const [kind] = /^application\/(grpc|connect)/i.exec(type ?? "") ?? [];
  if (kind === undefined) return unaryCode(answer);
  if (answer.status !== 200) return `HTTP ${answer.status}`;
  return kind.toLowerCase().endsWith("grpc") ? grpcCode(answer) : endCode(answer);
}

function unaryCode({ status: http, text }: Answer): string {
  if (http === 200) return "ok";
  // What no RPC saw has no details.
  if (!text.includes('"details"')) return `HTTP ${http}`;
  return (JSON.parse(text) as { code: string }).code;
}

/** By the trailers, which are part of the body in gRPC-Web. */
function grpcCode({ headers, text }: Answer): string {
  const told = headers["grpc-status"] ?? /grpc-status: ?(\d+)/.exec(text)?.[1];
  if (told === undefined) return "no status";
  if (told === "0") return "ok";
  return told === "1" ? "canceled" : (status[Number(told)] ?? told).toLowerCase();
}

/** By the message that ends a Connect stream. */
function endCode({ text }: Answer): string {
  const [, end] = /(\{(?:"error"|"metadata"|\}).*)$/s.exec(text) ?? [];
  if (end === undefined) return "no end";
  return (JSON.parse(end) as { error?: { code: string } }).error?.code ?? "ok";
}
