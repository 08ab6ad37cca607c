// The shape of an HTTP exchange as the transcoder sees it: plain values that any HTTP server can
// make and serve. No sockets, no server classes, no behaviour live here.

import type { Soon } from "./soon.ts";

/**
 * One HTTP request, as far as a REST call needs it. Implementations are made by the HTTP server.
 */
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
   * Reads the whole body; an absent body is zero bytes. It is called at most once, after `admit`.
   * The implementation bounds the size and rejects with a `TranscodeError` of kind
   * `body_too_large`. One that undoes a `Content-Encoding` must hide that header, because the
   * transcoder refuses it.
   */
  readonly body: () => Soon<Uint8Array>;
}

/** Takes the bytes of a stream, in turn. Nothing in it throws. */
export interface ByteOutflow {
  /**
   * `isBeat` = a sign of life only: a reader that has not taken what came before need not get it.
   */
  write(bytes: Uint8Array, isBeat: boolean): void;
  /** The last call. */
  end(): void;
}

/** The body of a stream. */
export interface LiveBody {
  /** Writes it, from now until its source has ended. To be called once. */
  start(outflow: ByteOutflow): void;
  /** Ends it early, and releases its source. */
  stop(): void;
}

/** One HTTP response, ready to be written. */
export interface RestResponse {
  /** The HTTP status. */
  readonly status: number;
  /** Header names in lower case with their values. `content-length` is there unless it streams. */
  readonly headers: [string, string][];
  /**
   * Text to send as UTF-8, a stream, or null for no body. Whoever does not write a stream must stop
   * it.
   */
  readonly body: string | LiveBody | null;
}
