// Methods that nobody here knows: 501, for every path (RFC 9110 sections 9.1 and 15.6.2). The
// parser of HTTP/1.1 knows most of them as little, and refuses the request before there is one;
// over HTTP/2 any method arrives.

import { TapinError } from "../errors.ts";

/** Methods of RFC 9110 section 9.3 and RFC 5789: known, though no path takes all of them (405). */
const KNOWN = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"];

/** What a request with an unknown method is told. */
export function unknownMethod(): TapinError {
  return new TapinError("UNIMPLEMENTED", { sentence: "This method is not known here." });
}

/** Whether a request has such a method. */
export function isUnknownMethod(method: string): boolean {
  return !KNOWN.includes(method);
}

/**
 * What the parser of HTTP/1.1 says of what it cannot read: the bytes it was given, and where it
 * stopped.
 */
export interface ParseFailure extends NodeJS.ErrnoException {
  readonly rawPacket?: Buffer;
  readonly bytesParsed?: number;
}

/**
 * An end of lines before the request line, and what may come before that: nothing, or another
 * request's empty line.
 */
const LINE_START = /(?:^|\n\r?\n)(?:\r?\n)*[!#$%&'*+.^`|~\w-]{1,64}$/;
const LINE_REST = /^[!#$%&'*+.^`|~\w-]{0,64} \S+ HTTP\/1\.[01]\r?\n/;

/**
 * Whether the parser stopped within the method of an otherwise proper request line. Its code does
 * not tell: on Deno it has one for everything. A line whose bytes came apart, or behind a body, is
 * not recognised.
 */
export function stoppedAtMethod({ rawPacket, bytesParsed = 0 }: ParseFailure): boolean {
  if (rawPacket === undefined) return false;
  // One byte further: the one it stopped at may be the first of the method.
  const at = bytesParsed + 1;
  const before = rawPacket.toString("latin1", Math.max(0, at - 80), at);
  return LINE_START.test(before) && LINE_REST.test(rawPacket.toString("latin1", at));
}
