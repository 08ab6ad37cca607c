// One port for HTTP/1.1 and HTTP/2, in cleartext or over TLS. The HTTP/1.1 server itself listens,
// and the listener of its connections is swapped for one that looks at the first bytes, or with TLS
// at what was agreed on: a front net.Server in its place would lose the header and request timeouts
// on Node, and kept connections on Deno; an http2 server that allows HTTP/1.1 has no timeouts on
// Deno.

import http from "node:http";
import http2 from "node:http2";
import https from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { type AstrayWatch, watchAstray } from "./astray.ts";
import { refuseBrokenRequest } from "./broken-request.ts";
import type { Request, Response } from "./exchange.ts";
import { continueOnceRead } from "./expectation.ts";
import type { StreamRequest } from "./http2-stream.ts";
import { SNIFF_MS, sniff } from "./preface.ts";
import type { SizeSettings } from "./sizes.ts";
import { type UnreadWatch, type Why, watchUnread } from "./unread.ts";

/** Milliseconds a request may take to send its headers. */
export const HEADERS_MS = 10_000;

/** Milliseconds a request may take to arrive whole. */
export const REQUEST_MS = 30_000;

/** Milliseconds a kept connection may be silent: above the 60 s of common proxies. */
export const IDLE_MS = 75_000;

/**
 * Streams that a client may reset at once, and each second from then on; above that its connection
 * is closed.
 */
const RESETS = { streamResetBurst: 200, streamResetRate: 33 };

/** A socket that somebody else has bound to its address and left open for this process. */
export interface OpenSocket {
  readonly fd: number;
}

/** A listening port. */
export interface Listener {
  /** With an open socket, the host is of no account. */
  listen(port: number | OpenSocket, host: string): Promise<AddressInfo>;
  /**
   * Stops accepting at once and resolves when every connection is gone. Requests under way may
   * finish; after `graceMs` what is left is destroyed.
   */
  close(graceMs: number): Promise<void>;
  /**
   * New connections get this certificate; those that are open keep theirs. Does nothing without
   * TLS.
   */
  renew(certificate: Certificate): void;
}

/**
 * What a server proves who it is with: a certificate with its chain, and its private key, as PEM.
 */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** Who takes what a listener hears; nothing in it may throw. */
export interface Hearer {
  request(req: Request, res: Response): void;
  /** Takes a stream of HTTP/2; false = it shall become a request first. */
  stream(
    stream: http2.ServerHttp2Stream,
    head: Pick<StreamRequest, "headers" | "rawHeaders">,
  ): boolean;
}

/** How a listener serves. */
export interface ListenerOptions {
  /** With a certificate TLS only, with null cleartext only. */
  readonly certificate: Certificate | null;
  readonly sizes: Pick<SizeSettings, "headBytes" | "connectionStreams">;
  /** Hears that a reader was let go that took nothing. Default: nobody. */
  readonly onUnread?: () => void;
}

/** Builds the listener. */
export function createListener(hearer: Hearer, options: ListenerOptions): Listener {
  const h1 = createHttp1(hearer, options);
  const sessions = new Set<http2.ServerHttp2Session>();
  const unread = watchUnread();
  const astray = watchAstray();
  const letGo = createLetGo(options);
  const h2 = createHttp2({ sessions, unread, letGo, astray, ...options }, hearer);
  const sockets = new Set<Socket>();
  if (h1 instanceof https.Server) chooseByAlpn(h1, { h2, unread, letGo });
  else chooseByPreface(h1, h2);
  // Last, or it would be taken for a listener of HTTP/1.1 and know of no other connection.
  trackSockets(h1, { sockets, unread, letGo });
  return {
    renew: (renewed) => {
      if (h1 instanceof https.Server) h1.setSecureContext(renewed);
    },
    listen: (port, host) =>
      new Promise((resolve, reject) => {
        h1.once("error", reject);
        h1.listen(typeof port === "number" ? { port, host } : port, () => {
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
          unread.stop();
          astray.stop();
          resolve();
        });
        for (const session of sessions) session.close();
        // A connection that has sent nothing yet (browsers open spare ones) has nothing to lose.
        for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
      }),
  };
}

function createHttp1(
  hearer: Hearer,
  { certificate, sizes }: ListenerOptions,
): http.Server | https.Server {
  const latest = new WeakMap<object, http.ServerResponse>();
  const onRequest = (req: http.IncomingMessage, res: http.ServerResponse) => {
    latest.set(req.socket, res);
    hearer.request(req, res);
  };
  const options = {
    headersTimeout: HEADERS_MS,
    requestTimeout: REQUEST_MS,
    keepAliveTimeout: IDLE_MS,
    connectionsCheckingInterval: 1000,
    maxHeaderSize: sizes.headBytes,
    // The front refuses a missing Host itself, in the envelope.
    requireHostHeader: false,
  };
  const secure = { handshakeTimeout: SNIFF_MS, ALPNProtocols: ["h2", "http/1.1"] };
  const h1 =
    certificate === null
      ? http.createServer(options, onRequest)
      : https.createServer({ ...options, ...secure, ...certificate }, onRequest);
  // An expectation that is not known may be ignored (RFC 9110 section 10.1.1); Node would send a
  // bare 417.
  h1.on("checkExpectation", onRequest);
  h1.on("checkContinue", (req, res) => {
    continueOnceRead(req, res);
    onRequest(req, res);
  });
  h1.on("clientError", (error, socket: Socket) => {
    refuseBrokenRequest(error, { socket, latest: latest.get(socket) ?? null });
  });
  return h1;
}

/** Lets go of whom `unread.ts` says so. */
function createLetGo({ onUnread = () => {} }: Pick<ListenerOptions, "onUnread">) {
  return {
    stream(stream: http2.ServerHttp2Stream, why: Why): void {
      if (why === "unread") onUnread();
      stream.close(http2.constants.NGHTTP2_CANCEL);
    },
    socket(socket: Socket, why: Why): void {
      if (why === "unread") onUnread();
      socket.destroy();
    },
  };
}

type LetGo = ReturnType<typeof createLetGo>;

interface Http2Parts extends ListenerOptions {
  readonly sessions: Set<http2.ServerHttp2Session>;
  readonly unread: UnreadWatch;
  readonly letGo: LetGo;
  readonly astray: AstrayWatch;
}

function createHttp2(
  { sessions, unread, letGo, astray, sizes }: Http2Parts,
  hearer: Hearer,
): http2.Http2Server {
  const settings = {
    maxConcurrentStreams: sizes.connectionStreams,
    maxHeaderListSize: sizes.headBytes,
  };
  const onRequest = (req: http2.Http2ServerRequest, res: http2.Http2ServerResponse) =>
    hearer.request(req, res);
  const h2 = http2.createServer({ settings, ...RESETS }, onRequest);
  // What makes requests of streams, which costs as much as all the rest of a small call.
  const toRequest = h2.listeners("stream");
  h2.removeAllListeners("stream");
  h2.on("stream", (stream: http2.ServerHttp2Stream, headers, flags, rawHeaders: string[]) => {
    // What `requestTimeout` does for HTTP/1.1: a body that does not arrive in time ends its stream.
    const arriveMs = stream.endAfterHeaders ? null : REQUEST_MS;
    unread.add(stream, letGo.stream, { arriveMs });
    if (hearer.stream(stream, { headers, rawHeaders })) return;
    for (const listener of toRequest) listener.call(h2, stream, headers, flags, rawHeaders);
  });
  h2.on("checkExpectation", onRequest);
  h2.on("checkContinue", (req, res) => {
    continueOnceRead(req, res);
    onRequest(req, res);
  });
  h2.on("session", (session) => {
    sessions.add(session);
    astray.add(session);
    session.on("close", () => sessions.delete(session));
    session.on("error", () => session.destroy());
    session.setTimeout(IDLE_MS, () => session.close());
    // Half a head is no stream yet, so nothing else would notice who never asks for anything.
    const unasked = setTimeout(() => session.destroy(), REQUEST_MS);
    for (const event of ["stream", "close"]) session.once(event, () => clearTimeout(unasked));
  });
  h2.on("sessionError", () => {});
  return h2;
}

function giveUp(this: Socket): void {
  this.destroy();
}

function trackSockets(
  h1: http.Server,
  { sockets, unread, letGo }: { sockets: Set<Socket>; unread: UnreadWatch; letGo: LetGo },
): void {
  function forget(this: Socket): void {
    sockets.delete(this);
  }
  h1.prependListener("connection", (socket: Socket) => {
    sockets.add(socket);
    unread.add(socket, letGo.socket);
    socket.on("close", forget);
    socket.on("error", giveUp);
  });
}

function chooseByPreface(h1: http.Server, h2: http2.Http2Server): void {
  const choose = swapListeners(h1, h2, "connection");
  h1.on("connection", (socket: Socket) => sniff(socket, (isHttp2) => choose(socket, isHttp2)));
}

/** Over TLS the client has said what it speaks: RFC 7301. Who says nothing gets HTTP/1.1. */
function chooseByAlpn(
  h1: https.Server,
  { h2, unread, letGo }: { h2: http2.Http2Server; unread: UnreadWatch; letGo: LetGo },
): void {
  const choose = swapListeners(h1, h2, "secureConnection");
  h1.on("secureConnection", (socket: TLSSocket) => {
    socket.on("error", giveUp);
    unread.add(socket, letGo.socket);
    choose(socket, socket.alpnProtocol === "h2");
  });
}

/**
 * Takes the listeners that HTTP/1.1 has for the event; the answer hands a connection to either
 * protocol.
 */
function swapListeners(
  h1: http.Server,
  h2: http2.Http2Server,
  event: string,
): (socket: Socket, isHttp2: boolean) => void {
  const toHttp1 = h1.listeners(event);
  for (const listener of toHttp1) h1.off(event, listener as () => void);
  return (socket, isHttp2) => {
    if (!isHttp2) {
      for (const listener of toHttp1) listener.call(h1, socket);
      return;
    }
    // An http.Server's sockets may stay half open, and HTTP/2 would never learn of a peer that is
    // gone.
    socket.allowHalfOpen = false;
    // Deno does not set it for the sockets of an http.Server, and the end of an answer would wait
    // for the client's ACK.
    socket.setNoDelay(true);
    h2.emit("connection", socket);
  };
}
