// An exchange: one HTTP request and its response, over HTTP/1.1 or HTTP/2, as the front hands it
// around.

import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import type { TapinError } from "../errors.ts";
import type { Soon } from "../transcoder/soon.ts";
import type { Arrival } from "./call.ts";
import { toRestError } from "./error-envelope.ts";
import type { StreamRequest, StreamResponse } from "./http2-stream.ts";
import { tellTaken } from "./unread.ts";

/** Request of either HTTP version. */
export type Request = IncomingMessage | Http2ServerRequest;

/** Response of either HTTP version. */
export type Response = ServerResponse | Http2ServerResponse;

/** The head of a request, whatever object stands for it. */
export interface RequestHead {
  readonly headers: IncomingHttpHeaders;
  /** Names and values in turn, as sent. */
  readonly rawHeaders: readonly string[];
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly httpVersion: string;
  /** Of HTTP/2 only. */
  readonly authority?: string | undefined;
  readonly socket: { readonly remoteAddress?: string | undefined } | undefined;
}

/** The head of a response until it is sent. */
export interface ResponseHead {
  readonly headersSent: boolean;
  setHeader(name: string, value: string): unknown;
  removeHeader(name: string): void;
}

/** What answers are written to. */
export type Outlet = Response | StreamResponse;

/** One request and its response. */
export interface Exchange<Req extends RequestHead = Request, Res extends ResponseHead = Response>
  extends Arrival {
  readonly req: Req;
  readonly res: Res;
  readonly method: string;
  /** Path as sent, undecoded, without the query. */
  readonly path: string;
  /** Query as sent, without `?`. */
  readonly query: string;
}

/** The value of a request header; several values are joined as RFC 9110 section 5.3 says. */
export function headerOf(req: Pick<RequestHead, "headers">, name: string): string | null {
  const value = req.headers[name.toLowerCase()];
  if (value === undefined) return null;
  return Array.isArray(value) ? value.join(", ") : value;
}

/**
 * Bytes of an answer that are written at once. What waits for its reader is told by whole writes,
 * so that one large write would make a slow reader look like one that has stopped.
 */
export const PIECE_BYTES = 16 * 1024;

/** Most bytes that a UTF-16 code unit has in UTF-8. */
const MOST_UTF8_BYTES = 3;

/** An answer in bytes. */
export interface BytesAnswer {
  /** Default 200. */
  readonly status?: number;
  /** Its media type. */
  readonly type: string;
  readonly bytes: Uint8Array;
  readonly headers?: readonly (readonly [name: string, value: string])[];
}

/** What is needed to answer. */
export interface Answerable {
  readonly req: Pick<RequestHead, "method">;
  readonly res: Outlet;
}

/** Answers with an error in the contract's envelope. */
export function answerError(
  exchange: Answerable & Pick<Arrival, "requestId">,
  error: TapinError,
): Promise<void> {
  const { status, headers, body } = toRestError(error, exchange.requestId);
  return answerJson(exchange, { status, headers, body });
}

/** Answers with JSON that no cache keeps, as {@link answerBytes} does. */
export function answerJson(
  exchange: Answerable,
  answer: {
    status: number;
    headers?: readonly (readonly [string, string])[];
    body: unknown;
  },
): Promise<void> {
  return answerBytes(exchange, {
    status: answer.status,
    type: "application/json",
    bytes: Buffer.from(JSON.stringify(answer.body)),
    headers: [...(answer.headers ?? []), ["cache-control", "no-store"]],
  });
}

/**
 * Answers with bytes. HEAD gets the same headers and no body. Resolves when all is written or the
 * reader is gone, and never rejects. An answer that has begun already is broken off.
 */
export async function answerBytes(
  { req, res }: Answerable,
  { status = 200, type, bytes, headers = [] }: BytesAnswer,
): Promise<void> {
  if (res.headersSent) {
    res.destroy();
    return;
  }
  res.statusCode = status;
  for (const [name, value] of headers) res.setHeader(name, value);
  res.setHeader("content-type", type);
  res.setHeader("content-length", String(bytes.byteLength));
  // All kinds of response have the same `end`, which the union type hides.
  if (req.method === "HEAD") (res as ServerResponse).end();
  else await writeBytes(res, bytes);
}

/**
 * Writes the text as UTF-8, as {@link writeBytes} does. A short one goes out in one piece with the
 * head before it.
 */
export function writeText(res: Outlet, text: string): Soon<void> {
  if (text.length * MOST_UTF8_BYTES > PIECE_BYTES) return writeBytes(res, Buffer.from(text));
  (res as ServerResponse).end(text);
}

/** Writes the bytes as the rest of the answer, at the pace of their reader, and ends it. */
export async function writeBytes(res: Outlet, bytes: Uint8Array): Promise<void> {
  const lastAt = Math.max(0, bytes.byteLength - PIECE_BYTES);
  let at = 0;
  for (; at < lastAt; at += PIECE_BYTES) {
    if (!(await writePiece(res, bytes.subarray(at, at + PIECE_BYTES)))) return;
  }
  (res as ServerResponse).end(bytes.subarray(at));
}

/** Writes and waits until the reader keeps up; false when it is gone. */
export async function writePiece(res: Outlet, piece: Uint8Array): Promise<boolean> {
  if (isGone(res)) return false;
  const outlet = "stream" in res ? res.stream : res.req.socket;
  return await new Promise((resolve) => {
    const onClose = () => resolve(false);
    res.once("close", onClose);
    (res as ServerResponse).write(piece, (error) => {
      res.off("close", onClose);
      if (!error) tellTaken(outlet);
      resolve(!error);
    });
  });
}

/**
 * Whether the request may have a body. Over HTTP/1.1 its head says so (RFC 9112 section 6.3), over
 * HTTP/2 it need not.
 */
export function mayHaveBody({ headers, httpVersion }: RequestHead): boolean {
  if (httpVersion === "2.0") return true;
  return headers["content-length"] !== undefined || headers["transfer-encoding"] !== undefined;
}

/**
 * Forgets the head of a request whose answer streams, credentials and all: Node keeps a request of
 * HTTP/1.1 until its answer ends, and nobody asks for it any more.
 */
export function forgetHead(req: Request | StreamRequest): void {
  if ("stream" in req) return;
  req.headers = {};
  req.rawHeaders = [];
}

/** Whether it came over HTTP/1.1. */
export function isHttp1(exchange: Exchange): exchange is Exchange<IncomingMessage, ServerResponse> {
  return !("stream" in exchange.req);
}

/** Whether the connection of the response, or its stream, has closed. */
export function isGone(res: Outlet): boolean {
  return "stream" in res ? res.stream?.destroyed !== false : res.destroyed;
}
