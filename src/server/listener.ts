// One port for HTTP/1.1 and cleartext HTTP/2. The http.Server itself listens, and its `connection` listener
// is swapped for one that looks at the first bytes: a front net.Server in its place would lose the header
// and request timeouts on Node, and kept connections on Deno.

import http from "node:http";
import http2 from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import type { Request, Response } from "./exchange.ts";

/** Milliseconds a connection may take to send its first bytes. */
export const SNIFF_MS = 10_000;

/** Milliseconds a request may take to send its headers. */
export const HEADERS_MS = 10_000;

/** Milliseconds a request may take to arrive whole. */
export const REQUEST_MS = 30_000;

/** Milliseconds a kept connection may be silent: above the 60 s of common proxies. */
export const IDLE_MS = 75_000;

/** Largest request head, in bytes. */
export const MAX_HEADER_BYTES = 16 * 1024;

const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

/** A listening port. */
export interface Listener {
  listen(port: number, host: string): Promise<AddressInfo>;
  /**
   * Stops accepting at once and resolves when every connection is gone. Requests under way may finish;
   * after `graceMs` what is left is destroyed.
   */
  close(graceMs: number): Promise<void>;
}

/** Builds the listener. `handle` must not throw. */
export function createListener(handle: (req: Request, res: Response) => void): Listener {
  const h1 = http.createServer(
    {
      headersTimeout: HEADERS_MS,
      requestTimeout: REQUEST_MS,
      keepAliveTimeout: IDLE_MS,
      connectionsCheckingInterval: 1000,
      maxHeaderSize: MAX_HEADER_BYTES,
    },
    handle,
  );
  const sessions = new Set<http2.ServerHttp2Session>();
  const h2 = createHttp2(sessions, handle);
  const sockets = new Set<Socket>();
  swapConnectionListener(h1, h2, sockets);
  h1.on("clientError", answerBrokenRequest);
  return {
    listen: (port, host) =>
      new Promise((resolve, reject) => {
        h1.once("error", reject);
        h1.listen(port, host, () => {
          h1.off("error", reject);
          resolve(h1.address() as AddressInfo);
        });
      }),
    close: (graceMs) =>
      new Promise((resolve) => {
        const force = setTimeout(() => {
          for (const session of sessions) session.destroy();
          for (const socket of sockets) socket.destroy();
        }, graceMs);
        // Connections that fall idle only after their last answer are not closed by `close` itself.
        const sweep = setInterval(() => h1.closeIdleConnections(), 50);
        h1.close(() => {
          clearTimeout(force);
          clearInterval(sweep);
          resolve();
        });
        for (const session of sessions) session.close();
      }),
  };
}

function createHttp2(
  sessions: Set<http2.ServerHttp2Session>,
  handle: (req: Request, res: Response) => void,
): http2.Http2Server {
  const settings = { maxConcurrentStreams: 100, maxHeaderListSize: MAX_HEADER_BYTES };
  const h2 = http2.createServer({ settings }, handle);
  h2.on("session", (session) => {
    sessions.add(session);
    session.on("close", () => sessions.delete(session));
    session.on("error", () => session.destroy());
    session.setTimeout(IDLE_MS, () => session.close());
  });
  h2.on("sessionError", () => {});
  return h2;
}

function swapConnectionListener(
  h1: http.Server,
  h2: http2.Http2Server,
  sockets: Set<Socket>,
): void {
  const toHttp1 = h1.listeners("connection");
  h1.removeAllListeners("connection");
  h1.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    sniff(socket, (isHttp2) => {
      if (isHttp2) h2.emit("connection", socket);
      else for (const listener of toHttp1) listener.call(h1, socket);
    });
  });
}

/** Tells HTTP/2 from HTTP/1.1 by the preface (RFC 9113 section 3.4), and puts the bytes back. */
function sniff(socket: Socket, decide: (isHttp2: boolean) => void): void {
  let seen = Buffer.alloc(0);
  const timer = setTimeout(() => socket.destroy(), SNIFF_MS);
  socket.once("close", () => clearTimeout(timer));
  // `readable` and read(): with `data`, pause() and unshift() the bytes come back in another order on Deno.
  const onReadable = () => {
    const chunk: Buffer | null = socket.read();
    if (chunk === null) return;
    seen = Buffer.concat([seen, chunk]);
    const length = Math.min(seen.length, PREFACE.length);
    const same = PREFACE.compare(seen, 0, length, 0, length) === 0;
    if (same && length < PREFACE.length) return;
    socket.off("readable", onReadable);
    clearTimeout(timer);
    socket.unshift(seen);
    decide(same);
  };
  socket.on("readable", onReadable);
}

const BROKEN: Readonly<Record<string, readonly [string, string, string]>> = {
  HPE_HEADER_OVERFLOW: [
    "431 Request Header Fields Too Large",
    "headers_too_large",
    "The headers are too large.",
  ],
  ERR_HTTP_REQUEST_TIMEOUT: [
    "408 Request Timeout",
    "deadline_exceeded",
    "The request took too long to arrive.",
  ],
};

/** Answers what is no HTTP/1.1 request; no Request object exists for it. */
function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === "ECONNRESET") {
    socket.destroy();
    return;
  }
  const [status, code, sentence] = BROKEN[error.code ?? ""] ?? [
    "400 Bad Request",
    "validation_failed",
    "This is not a valid HTTP request.",
  ];
  const body = JSON.stringify({
    error: sentence,
    code,
    retryable: false,
    request_id: crypto.randomUUID(),
  });
  socket.end(
    `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
