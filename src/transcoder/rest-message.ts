// The shape of an HTTP exchange as the transcoder sees it: plain values that any HTTP server can make
// and serve. No sockets, no server classes, no behaviour live here.

import type { Soon } from "./soon.ts";

/** One HTTP request, as far as a REST call needs it. Implementations are made by the HTTP server. */
export interface RestRequest {
  /** The HTTP method, case-sensitive as on the wire (RFC 9110 section 9.1). */
  readonly method: string;
  /** The raw path of the request target, still percent-encoded, without `?` and the query. */
  readonly path: string;
  /** The raw query without its `?`; empty when there is none. */
  readonly query: string;
  /** Request headers. Names are given in lower case; several values arrive joined with `, `. */
  readonly headers: { get(name: string): string | null };
  /**
   * Reads the whole body; an absent body is zero bytes. It is called at most once, after `admit`. The
   * implementation bounds the size and rejects with a `TranscodeError` of kind `body_too_large`. One
   * that undoes a `Content-Encoding` must hide that header, because the transcoder refuses it.
   */
  readonly body: () => Soon<Uint8Array>;
  /** Aborts when the caller of the request is gone. A stream then ends and releases its source. */
  readonly signal: AbortSignal;
}

/** One HTTP response, ready to be written. */
export interface RestResponse {
  /** The HTTP status. */
  readonly status: number;
  /** Header names in lower case with their values. `content-length` is there unless it streams. */
  readonly headers: [string, string][];
  /**
   * Text to send as UTF-8, a stream of chunks to flush one by one, or null for no body. Whoever stops reading a
   * stream early must call its iterator's `return()`.
   */
  readonly body: string | AsyncIterable<Uint8Array> | null;
}
