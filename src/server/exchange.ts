// An exchange: one HTTP request and its response, over HTTP/1.1 or HTTP/2, as the front hands it around.

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import type { TapinError } from "../errors.ts";
import type { Arrival } from "./call.ts";
import { toRestError } from "./error-envelope.ts";

/** Request of either HTTP version. */
export type Request = IncomingMessage | Http2ServerRequest;

/** Response of either HTTP version. */
export type Response = ServerResponse | Http2ServerResponse;

/** One request and its response. */
export interface Exchange extends Arrival {
  readonly req: Request;
  readonly res: Response;
  readonly method: string;
  /** Path as sent, undecoded, without the query. */
  readonly path: string;
  /** Query as sent, without `?`. */
  readonly query: string;
}

/** The value of a request header; several values are joined as RFC 9110 section 5.3 says. */
export function headerOf(req: Request, name: string): string | null {
  const value = req.headers[name.toLowerCase()];
  if (value === undefined) return null;
  return Array.isArray(value) ? value.join(", ") : value;
}

/** Answers with an error in the contract's envelope. */
export function answerError(exchange: Exchange, error: TapinError): void {
  const { status, headers, body } = toRestError(error, exchange.requestId);
  answerJson(exchange, { status, headers, body });
}

/** Answers with JSON. HEAD gets the same headers and no body. */
export function answerJson(
  { req, res }: Pick<Exchange, "req" | "res">,
  answer: {
    status: number;
    headers?: readonly (readonly [string, string])[];
    body: unknown;
  },
): void {
  if (res.headersSent) {
    res.destroy();
    return;
  }
  const bytes = Buffer.from(JSON.stringify(answer.body));
  res.statusCode = answer.status;
  for (const [name, value] of answer.headers ?? []) res.setHeader(name, value);
  res.setHeader("content-type", "application/json");
  res.setHeader("content-length", String(bytes.length));
  res.setHeader("cache-control", "no-store");
  // Both kinds of response have the same `end`, which the union type hides.
  if (req.method === "HEAD") res.end();
  else (res as ServerResponse).end(bytes);
}
