// CORS (Fetch standard): the project's own origin, nobody else (T16). One list of methods and
// headers for all dialects. Browser credentials are watch tokens, so credentials mode (cookies) is
// never allowed.

import { cors as connectCors } from "@connectrpc/connect";
import type { Logger } from "pino";
import type { RequestHead, Response, ResponseHead } from "./exchange.ts";
import { headerOf } from "./exchange.ts";

/** Methods a page may use. */
export const CORS_METHODS = ["GET", "HEAD", "POST", "DELETE"] as const;

/** Request headers a page may send. */
export const CORS_REQUEST_HEADERS = [
  ...connectCors.allowedHeaders,
  "Authorization",
  "Accept",
  "Idempotency-Key",
  "Last-Event-ID",
  "X-Request-Id",
] as const;

/** Response headers a page may read. */
export const CORS_RESPONSE_HEADERS = [
  ...connectCors.exposedHeaders,
  "X-Request-Id",
  "Retry-After",
  "RateLimit",
  "RateLimit-Policy",
  "WWW-Authenticate",
] as const;

/** Seconds a browser may remember a preflight; short, so that a changed origin takes effect. */
export const PREFLIGHT_SECONDS = 600;

/** The page's origin when it is another than this server's own; null for everybody else. */
export function foreignOrigin(req: RequestHead): string | null {
  const origin = headerOf(req, "origin");
  if (origin === null) return null;
  const host = req.authority || headerOf(req, "host");
  if (URL.canParse(origin) && new URL(origin).host === host?.toLowerCase()) return null;
  return origin;
}

/** Longest origin that is looked up, in characters: a host name has at most 253 (RFC 1035). */
const MAX_ORIGIN_LENGTH = 512;

/** What origins are looked up with. */
export interface OriginParts {
  /** Whether any project has this browser origin. */
  isOrigin(origin: string): Promise<boolean>;
  readonly log: Logger;
}

/**
 * Whether any project has this browser origin, as the database said a moment ago. Never rejects:
 * while it cannot answer, no origin is allowed, and what needs no database still works.
 */
export function createOrigins({
  isOrigin,
  log,
}: OriginParts): (origin: string) => Promise<boolean> {
  return async (origin) => {
    if (origin.length > MAX_ORIGIN_LENGTH) return false;
    try {
      return await isOrigin(origin);
    } catch (err) {
      log.warn({ event: "origin_unknown", err }, "the origin of a page cannot be looked up");
      return false;
    }
  };
}

/** Whether the request asks if a later one would be allowed. */
export function isPreflight(req: RequestHead): boolean {
  return req.method === "OPTIONS" && headerOf(req, "access-control-request-method") !== null;
}

/** Allows the page to read the answer. */
export function allowOrigin(res: ResponseHead, origin: string): void {
  res.setHeader("access-control-allow-origin", origin);
  res.setHeader("access-control-expose-headers", CORS_RESPONSE_HEADERS.join(", "));
}

/** Answers a preflight. A page of an unknown origin gets no permission, and learns nothing else. */
export function answerPreflight(res: Response, allowed: boolean): void {
  if (allowed) {
    res.setHeader("access-control-allow-methods", CORS_METHODS.join(", "));
    res.setHeader("access-control-allow-headers", CORS_REQUEST_HEADERS.join(", "));
    res.setHeader("access-control-max-age", String(PREFLIGHT_SECONDS));
  }
  res.statusCode = 204;
  res.end();
}
