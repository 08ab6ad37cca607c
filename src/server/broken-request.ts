// What is no HTTP/1.1 request: no Request object exists for it, so it is answered on the socket
// itself, and never in the place of another request's answer.

import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { TapinError } from "../errors.ts";
import { toRestError } from "./error-envelope.ts";
import { SECURITY_HEADERS } from "./security-headers.ts";
import { type ParseFailure, stoppedAtMethod, unknownMethod } from "./unknown-method.ts";

/** Milliseconds a connection may stay half open after the answer to a broken request. */
export const LINGER_MS = 1000;

type Refusal = readonly [statusLine: string, error: TapinError];

const MALFORMED: Refusal = [
  "400 Bad Request",
  new TapinError("VALIDATION_FAILED", { sentence: "This is not a valid HTTP request." }),
];

const UNKNOWN_METHOD: Refusal = ["501 Not Implemented", unknownMethod()];

const BROKEN: Readonly<Record<string, Refusal>> = {
  HPE_HEADER_OVERFLOW: ["431 Request Header Fields Too Large", new TapinError("HEADERS_TOO_LARGE")],
  ERR_HTTP_REQUEST_TIMEOUT: [
    "408 Request Timeout",
    new TapinError("DEADLINE_EXCEEDED", { sentence: "The request took too long to arrive." }),
  ],
};

/** Where a request broke off. */
export interface BrokenRequest {
  readonly socket: Socket;
  /**
   * The answer to the latest request on the connection that was whole at least in its head; null =
   * none yet.
   */
  readonly latest: ServerResponse | null;
}

/** Connections that have been refused already: what follows a broken request is broken too. */
const refused = new WeakSet<Socket>();

/** Refuses it in the envelope, once the answers before it are out, and closes the connection. */
export function refuseBrokenRequest(error: ParseFailure, { socket, latest }: BrokenRequest): void {
  if (error.code === "ECONNRESET") socket.destroy();
  if (socket.destroyed || refused.has(socket)) return;
  refused.add(socket);
  const refuse = () => answerBrokenRequest(error, socket);
  if (latest === null || latest.writableFinished) refuse();
  // A stream would get the refusal into its midst.
  else if (latest.headersSent && !latest.writableEnded) socket.destroy();
  // Pipelined requests before it are under way, and their answers come first.
  else if (latest.req.complete) latest.once("finish", refuse);
  // It broke within the body of the latest one: too late when that is answered, too early when it
  // waits for its turn (it has no socket yet), which the refusal would take.
  else if (latest.headersSent || latest.socket === null) socket.destroy();
  else refuse();
}

function refusalOf(error: ParseFailure): Refusal {
  if (stoppedAtMethod(error)) return UNKNOWN_METHOD;
  return BROKEN[error.code ?? ""] ?? MALFORMED;
}

function answerBrokenRequest(error: ParseFailure, socket: Socket): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const [statusLine, failure] = refusalOf(error);
  const requestId = crypto.randomUUID();
  const body = JSON.stringify(toRestError(failure, requestId).body);
  const secure = SECURITY_HEADERS.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  socket.end(
    `HTTP/1.1 ${statusLine}\r\nConnection: close\r\nX-Request-Id: ${requestId}\r\n` +
      `${secure}Cache-Control: no-store\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once("close", () => clearTimeout(timer));
}
