// What the demo site needs of HTTP, on Node's request and response of either version: reading small
// JSON bodies, the cookie, where a request came from, and answers with the security headers. Routes
// live in demo.ts.

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import type { Html } from "../html.ts";
import type { ProblemStatus } from "../problem.ts";
import type { Lang } from "./texts.ts";
import type { Visitor } from "./visitors.ts";

/** A request of HTTP/1.1 or HTTP/2. */
export type DemoRequest = IncomingMessage | Http2ServerRequest;

/** A response of HTTP/1.1 or HTTP/2. */
export type DemoResponse = ServerResponse | Http2ServerResponse;

/** One request, as the routes see it. */
export interface Call {
  readonly request: DemoRequest;
  /** Path and query; the host in it means nothing. */
  readonly url: URL;
  /** Identifies the request in the answer's `x-request-id` and in what refuses it. */
  readonly requestId: string;
  /** The language to answer in. */
  readonly lang: Lang;
  /** The browser, when its cookie is known. */
  readonly visitor: Visitor | undefined;
}

/** What a route answers; the headers every answer has are added by `sendAnswer`. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

/** A request the site refuses, with the HTTP status to answer. */
export class BadRequest extends Error {
  readonly status: ProblemStatus;

  /** Takes the HTTP status, 400 to 499. */
  constructor(status: ProblemStatus) {
    super(`HTTP ${status}`);
    this.status = status;
  }
}

const bodyLimitBytes = 4096;
const cookieName = "demo_session";
const cookiePattern = /(?:^|;\s*)demo_session=([A-Za-z0-9_-]{43})(?:;|$)/;

const securityHeaders: Readonly<Record<string, string>> = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: https:; " +
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  // The callback URL carries the code, so no address of this site may leave it (RFC 9700 section
  // 4.2.4).
  "referrer-policy": "no-referrer",
};

/** A page, never cached. */
export function pageAnswer(status: number, page: Html): Answer {
  const headers = {
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-store",
    vary: "Accept-Language",
  };
  return { status, headers, body: page.text };
}

/** JSON for the page's script, never cached. */
export function jsonAnswer(status: number, value: unknown): Answer {
  const headers = { "content-type": "application/json", "cache-control": "no-store" };
  return { status, headers, body: JSON.stringify(value) };
}

/** Sends the browser to another page of this site with GET. */
export function redirectAnswer(path: string): Answer {
  return { status: 303, headers: { location: path, "cache-control": "no-store" }, body: "" };
}

/**
 * The answer with the site's cookie set, or removed when the value is undefined. Lax, not Strict:
 * the cookie must come along when the bot's button leads from the messenger to the callback URL.
 */
export function withCookie(answer: Answer, value: string | undefined, secure: boolean): Answer {
  const life = value === undefined ? "; Max-Age=0" : "";
  const flags = `Path=/demo; HttpOnly; SameSite=Lax${secure ? "; Secure" : ""}${life}`;
  return {
    ...answer,
    headers: { ...answer.headers, "set-cookie": `${cookieName}=${value ?? ""}; ${flags}` },
  };
}

/** The value of the site's cookie; undefined when there is none of the right form. */
export function readCookie(request: DemoRequest): string | undefined {
  return cookiePattern.exec(request.headers.cookie ?? "")?.[1];
}

/**
 * True when the site's own page made the request. Browsers say so in Sec-Fetch-Site; those that do
 * not (and all of them on plain http outside loopback) still send Origin, which must be the site's
 * own.
 */
export function isSameOrigin(request: DemoRequest, publicUrl: string): boolean {
  const site = request.headers["sec-fetch-site"];
  if (site !== undefined) return site === "same-origin";
  return request.headers.origin === new URL(publicUrl).origin;
}

/**
 * Reads a JSON object of at most 4 KiB. Throws BadRequest with 415 when the body is not declared as
 * JSON (a form of another site cannot declare that), 413 when it is too long, 400 when it is not a
 * JSON object.
 */
export async function readJson(request: DemoRequest): Promise<Readonly<Record<string, unknown>>> {
  const type = request.headers["content-type"] ?? "";
  if (!/^application\/json\s*(;|$)/i.test(type)) throw new BadRequest(415);
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    length += chunk.length;
    if (length > bodyLimitBytes) throw new BadRequest(413);
    chunks.push(chunk);
  }
  return parseObject(Buffer.concat(chunks).toString("utf8"));
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return { ...value };
  } catch {
    // Falls through to the one refusal there is.
  }
  throw new BadRequest(400);
}

/** Sends the answer; to HEAD, only its headers. */
export function sendAnswer(request: DemoRequest, response: DemoResponse, answer: Answer): void {
  const target: CommonResponse = response;
  target.statusCode = answer.status;
  for (const [name, value] of Object.entries({ ...securityHeaders, ...answer.headers })) {
    target.setHeader(name, value);
  }
  const bytes = typeof answer.body === "string" ? Buffer.from(answer.body) : answer.body;
  target.setHeader("content-length", String(bytes.byteLength));
  if (request.method === "HEAD") target.end();
  else target.end(bytes);
}

/** What both versions of a response have in common; the union of their types cannot be called. */
interface CommonResponse {
  statusCode: number;
  setHeader(name: string, value: string): unknown;
  end(): unknown;
  end(body: Uint8Array): unknown;
}
