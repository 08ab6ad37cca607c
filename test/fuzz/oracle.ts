// What an answer to a hostile request may look like: refused in the form of its dialect, or
// answered because it was valid after all. Never a failure of ours.

import type { HostileRequest } from "./hostile-request.ts";

/** An answer, with what came after its body. */
export interface FuzzAnswer {
  readonly status: number;
  /** Headers and trailers, by lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** Codes of gRPC that are failures of the server: unknown, internal, unavailable, data loss. */
const GRPC_FAILURES = [2, 13, 14, 15];
const CONNECT_FAILURES = ["unknown", "internal", "unavailable", "data_loss"];

const ENVELOPE_KEYS = ["code", "error", "request_id", "retryable", "violations"];

/** What is wrong with the answer; null when nothing is. */
export function faultOf(request: HostileRequest, answer: FuzzAnswer): string | null {
  const { status, headers, body } = answer;
  if (!isStatus(request, answer)) return `status ${status}`;
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(headers["x-request-id"] ?? "")) return "no x-request-id";
  if (headers["x-content-type-options"] !== "nosniff") return "no x-content-type-options";
  const type = headers["content-type"] ?? "";
  if (saysCompressed(request)) return null;
  if (type.startsWith("application/grpc-web")) return grpcFault(webTrailers(body));
  if (type.startsWith("application/grpc")) return grpcFault(headers["grpc-status"]);
  if (type.startsWith("application/connect+")) return connectStreamFault(body);
  if (status < 400 || request.method === "HEAD") return null;
  return envelopeFault(headers, body);
}

/** The one INTERNAL that is the caller's fault (gRPC over HTTP/2, "Compressed-Flag"). */
function saysCompressed({ body }: HostileRequest): boolean {
  return body[0] === 1;
}

function isStatus({ fields }: HostileRequest, { status, body }: FuzzAnswer): boolean {
  if (status >= 200 && status < 500) return true;
  // What the Connect protocol says for what is not there, such as a compression, or HTTP/2 where it
  // is needed.
  if (status === 501) return parseObject(body)?.code === "unimplemented";
  return status === 504 && fields.some(([name]) => name.includes("timeout"));
}

function grpcFault(status: string | undefined): string | null {
  if (!/^\d{1,2}$/.test(status ?? "")) return `grpc-status ${status}`;
  return GRPC_FAILURES.includes(Number(status)) ? `grpc-status ${status}` : null;
}

/** `grpc-status` in the last frame of a gRPC-Web body. */
function webTrailers(body: Buffer): string | undefined {
  return lastEnvelope(body, 0x80)?.match(/grpc-status: ?(\d+)/i)?.[1];
}

function connectStreamFault(body: Buffer): string | null {
  const end = lastEnvelope(body, 2);
  if (end === null) return "the stream has no end";
  const { error } = JSON.parse(end) as { error?: { code?: string } };
  if (error === undefined) return null;
  const isFailure = CONNECT_FAILURES.includes(error.code ?? "unknown");
  return isFailure ? `the stream ended with ${error.code}` : null;
}

/** The last message in a body of envelopes, when it has this flag. */
function lastEnvelope(body: Buffer, flag: number): string | null {
  for (let at = 0; at + 5 <= body.length; at += 5 + body.readUInt32BE(at + 1)) {
    const end = at + 5 + body.readUInt32BE(at + 1);
    if (((body[at] ?? 0) & flag) !== 0 && end === body.length) return body.toString("utf8", at + 5);
  }
  return null;
}

/** The envelope of the contract, or the error of a unary Connect call. */
function envelopeFault(headers: FuzzAnswer["headers"], body: Buffer): string | null {
  const parsed = parseObject(body);
  if (parsed === null) return `not the envelope: ${body.toString("utf8", 0, 200)}`;
  if (typeof parsed.code !== "string" || CONNECT_FAILURES.includes(parsed.code)) {
    return `code ${parsed.code}`;
  }
  if (parsed.error === undefined) return typeof parsed.message === "string" ? null : "no message";
  const isEnvelope =
    Object.keys(parsed).every((key) => ENVELOPE_KEYS.includes(key)) &&
    typeof parsed.error === "string" &&
    typeof parsed.retryable === "boolean" &&
    parsed.request_id === headers["x-request-id"];
  return isEnvelope ? null : `not the envelope: ${body.toString("utf8", 0, 200)}`;
}

function parseObject(body: Buffer): Record<string, unknown> | null {
  try {
    return JSON.parse(body.toString()) as Record<string, unknown>;
  } catch {
    return null;
  }
}
