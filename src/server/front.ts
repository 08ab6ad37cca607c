// The front: what happens to every request before anybody knows what it wants. Nothing that arrives
// may throw out of here: an unauthenticated packet must not end the process.

import type { ServerResponse } from "node:http";
import type { ServerHttp2Stream } from "node:http2";
import { isIPv6 } from "node:net";
import type { Logger } from "pino";
import { clientAddress, type Network } from "../core/address.ts";
import { TapinError } from "../errors.ts";
import { inTrace, readTrace } from "../trace.ts";
import { attempt, type Soon, whenThere } from "../transcoder/soon.ts";
import { allowOrigin, answerPreflight, createOrigins, foreignOrigin, isPreflight } from "./cors.ts";
import {
  answerError,
  type Exchange,
  headerOf,
  mayHaveBody,
  type Outlet,
  type Request,
  type RequestHead,
  type Response,
  type ResponseHead,
} from "./exchange.ts";
import { StreamRequest, StreamResponse } from "./http2-stream.ts";
import { toTapinError } from "./pipeline.ts";
import { recall } from "./recall.ts";
import { requestIdOf } from "./request-id.ts";
import type { Rest } from "./rest.ts";
import type { Rpc } from "./rpc.ts";
import { SECURITY_HEADERS } from "./security-headers.ts";
import { refuseDoubles } from "./single-headers.ts";
import type { SizeSettings } from "./sizes.ts";
import { isUnknownMethod, unknownMethod } from "./unknown-method.ts";
import { refuseCredentials } from "./url-credentials.ts";

/** Where a load balancer asks. */
const HEALTH_PATHS = ["/healthz", "/readyz"];

/** Most unread bytes of a refused body that are read to keep the connection usable. */
const DRAIN_BYTES = 1024 * 1024;

/** A handler for plain HTTP paths that are no operation: health, the sandbox's pages. */
export interface PlainRoute {
  /** A path, or with a final `*` every path below it. */
  readonly path: string;
  handle(exchange: Exchange): void | Promise<void>;
}

/** What the front hands requests to. */
export interface FrontParts {
  readonly rpc: Rpc;
  readonly rest: Rest;
  readonly routes: readonly PlainRoute[];
  /** Proxies whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly Network[];
  readonly sizes: Pick<SizeSettings, "headBytes" | "urlBytes">;
  /** Whether any project has this browser origin. */
  isOrigin(origin: string): Promise<boolean>;
  readonly log: Logger;
}

/** Takes what the listener hears. Nothing in it throws. */
export interface Front {
  request(req: Request, res: Response): void;
  /**
   * Takes a stream of HTTP/2 for the lane; false = it is not for the lane, and nothing has been
   * done with it.
   */
  stream(stream: ServerHttp2Stream, head: Pick<StreamRequest, "headers" | "rawHeaders">): boolean;
}

/** Builds what takes the requests of the listener. */
export function createFront(given: FrontParts): Front {
  const parts = { ...given, isOrigin: createOrigins(given) };
  const addressOf = createAddresses(given.trustedProxies);
  const warnOfProxy = createProxyWarning(given);
  const begin = <Req extends RequestHead, Res extends Outlet>(
    { req, res }: { req: Req; res: Res },
    proceed: (exchange: Exchange<Req, Res>) => Soon<void>,
  ) => {
    warnOfProxy(req);
    const exchange = arrive(req, res, addressOf);
    const trace = readTrace({ get: (name) => headerOf(req, name) });
    const fail = (error: unknown) => {
      const failure = toTapinError(error);
      if (failure.reason === "INTERNAL") {
        parts.log.error({ err: failure.cause, request_id: exchange.requestId }, "request failed");
      }
      void answerError(exchange, failure);
    };
    void inTrace(trace, () => attempt(() => proceed(exchange), fail));
  };
  return {
    request(req, res) {
      res.on("error", ignore);
      req.on("error", ignore);
      if (mayHaveBody(req)) keepConnectionUsable(res);
      begin({ req, res }, (exchange) => dispatch(parts, exchange));
    },
    stream(stream, head) {
      const req = new StreamRequest(stream, head);
      const route = parts.rpc.laneOf(req);
      if (route === null) return false;
      stream.on("error", ignore);
      begin({ req, res: new StreamResponse(stream) }, (exchange) =>
        whenThere(check(parts, exchange), () => route(exchange)),
      );
      return true;
    },
  };
}

/** Says once that a proxy seems to be in front that is not known. */
function createProxyWarning({ trustedProxies, log }: FrontParts): (req: RequestHead) => void {
  let isDone = trustedProxies.length > 0;
  return (req) => {
    if (isDone || headerOf(req, "x-forwarded-for") === null) return;
    isDone = true;
    log.warn(
      { event: "proxy_unknown", address: req.socket?.remoteAddress },
      "X-Forwarded-For came, but TAPIN_TRUSTED_PROXIES is not set: all callers of a proxy count as one address",
    );
  };
}

function ignore(): void {}

function dispatch(parts: FrontParts, exchange: Exchange): Soon<void> {
  return whenThere(check(parts, exchange), (isAllowed) => route(parts, exchange, isAllowed));
}

function route(parts: FrontParts, exchange: Exchange, isAllowed: boolean): Soon<void> {
  const { req, res, path } = exchange;
  if (isUnknownMethod(exchange.method)) throw unknownMethod();
  if (exchange.origin !== null && isPreflight(req)) {
    answerPreflight(res, isAllowed);
    return;
  }
  if (parts.rpc.serves(path)) {
    parts.rpc.handle(exchange);
    return;
  }
  const plain = parts.routes.find((candidate) => matches(candidate.path, path));
  if (plain !== undefined) return plain.handle(exchange);
  if (req.method === "OPTIONS" && path === "*") {
    res.statusCode = 204;
    res.end();
    return;
  }
  return whenThere(parts.rest.handle(exchange), (isFound) => {
    if (!isFound) throw new TapinError("NOT_FOUND");
  });
}

function matches(pattern: string, path: string): boolean {
  return pattern.endsWith("*") ? path.startsWith(pattern.slice(0, -1)) : path === pattern;
}

function createAddresses(trusted: readonly Network[]): (req: RequestHead) => string {
  const peerAddress = recall((peer) => clientAddress(peer, null, trusted));
  return (req) => {
    const peer = req.socket?.remoteAddress ?? "";
    const forwardedFor = trusted.length === 0 ? null : headerOf(req, "x-forwarded-for");
    return forwardedFor === null ? peerAddress(peer) : clientAddress(peer, forwardedFor, trusted);
  };
}

function arrive<Req extends RequestHead, Res extends ResponseHead>(
  req: Req,
  res: Res,
  addressOf: (req: RequestHead) => string,
): Exchange<Req, Res> {
  const requestId = requestIdOf(headerOf(req, "x-request-id") ?? "");
  res.setHeader("x-request-id", requestId);
  for (const [name, value] of SECURITY_HEADERS) res.setHeader(name, value);
  const target = originForm(req.url ?? "/");
  const origin = foreignOrigin(req);
  const mark = target.indexOf("?");
  return {
    req,
    res,
    requestId,
    method: req.method ?? "",
    path: mark < 0 ? target : target.slice(0, mark),
    query: mark < 0 ? "" : target.slice(mark + 1),
    address: addressOf(req),
    origin,
    tell(name, value) {
      if (!res.headersSent) res.setHeader(name, value);
    },
    hideFromPages() {
      if (origin !== null && !res.headersSent) res.removeHeader("access-control-allow-origin");
    },
  };
}

/** A server must also accept the absolute form of a target (RFC 9112 section 3.2.2). */
function originForm(target: string): string {
  if (target.startsWith("/")) return target;
  return target.replace(/^https?:\/\/[^/?#]*/i, "") || "/";
}

function checkTarget(
  { req, path, query }: Exchange<RequestHead, ResponseHead>,
  sizes: FrontParts["sizes"],
): void {
  const host = req.authority || headerOf(req, "host");
  // HTTP/1.0 knows no Host, and some load balancers check health in it.
  const isOldCheck = host === null && req.httpVersion === "1.0" && HEALTH_PATHS.includes(path);
  if (!isOldCheck && (host === null || !isHost(host) || hostCount(req) > 1)) {
    throw new TapinError("VALIDATION_FAILED", { sentence: "The Host header is not valid." });
  }
  refuseDoubles(req);
  // No target has a fragment (RFC 9112 section 3.2); the URL class would cut it off behind our
  // backs.
  if (path.includes("#") || query.includes("#")) {
    throw new TapinError("VALIDATION_FAILED", { sentence: "The URL must not contain #." });
  }
  if (headLength(req) > sizes.headBytes) throw new TapinError("HEADERS_TOO_LARGE");
  if (path.length + query.length > sizes.urlBytes) throw new TapinError("URI_TOO_LONG");
  refuseCredentials({ path, query });
}

/**
 * Two Host lines must be refused (RFC 9112 section 3.2); Node keeps the first and forgets the
 * other.
 */
function hostCount({ rawHeaders }: RequestHead): number {
  let count = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at];
    if (name?.length === 4 && name.toLowerCase() === "host") count += 1;
  }
  return count;
}

/**
 * Over HTTP/2 the limit only holds once the client has seen it in our SETTINGS, so it is checked
 * here too.
 */
function headLength({ rawHeaders }: RequestHead): number {
  let length = 0;
  for (const text of rawHeaders) length += text.length;
  return length;
}

/** RFC 9110 section 7.2; connect-node would throw on what the URL class does not take. */
const isHost = recall((host) => {
  const [, bracketed, name, port = "0"] =
    /^(?:\[([^\]]*)\]|([^[\]:]+))(?::(\d{1,5}))?$/.exec(host) ?? [];
  if (bracketed === undefined && name === undefined) return false;
  if (bracketed !== undefined && !isIPv6(bracketed)) return false;
  if (name !== undefined && !/^[A-Za-z0-9._~%!$&'()*+,;=-]+$/.test(name)) return false;
  return Number(port) <= 65_535 && URL.canParse(`http://${host}`);
});

/**
 * What every request must pass, whichever way it takes. Sets the CORS headers; true when they allow
 * a page to read the answer. Other sites' pages have business with operations only.
 */
function check(parts: FrontParts, exchange: Exchange<RequestHead, ResponseHead>): Soon<boolean> {
  checkTarget(exchange, parts.sizes);
  const { res, path, origin } = exchange;
  res.setHeader("vary", "Origin");
  if (origin === null) return false;
  const isOperation = parts.rpc.serves(path) || path.startsWith("/v1/");
  if (!isOperation) return false;
  return parts.isOrigin(origin).then((isAllowed) => {
    if (isAllowed) allowOrigin(res, origin);
    return isAllowed;
  });
}

/**
 * An early answer leaves a body unread: Deno would reset the kept connection, and the next request
 * on it would die. So the rest is read and thrown away, up to a limit.
 */
function keepConnectionUsable(res: Response): void {
  (res as ServerResponse).on("finish", drain);
}

function drain(this: ServerResponse): void {
  const { req } = this;
  if (req.complete) return;
  let rest = DRAIN_BYTES;
  req.on("data", (chunk: Uint8Array) => {
    rest -= chunk.length;
    if (rest < 0) req.destroy();
  });
  req.resume();
}
