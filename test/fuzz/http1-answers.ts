// Reads pipelined HTTP/1.1 answers out of a connection's bytes, trailers included (RFC 9112 section
// 7.1.2).

import type { FuzzAnswer } from "./oracle.ts";

/** An answer and the number of bytes it took. */
export interface TakenAnswer {
  readonly answer: FuzzAnswer;
  readonly length: number;
}

/** The first answer in these bytes; null while it is not whole. Throws on what is no answer. */
export function takeAnswer(bytes: Buffer, method: string): TakenAnswer | null {
  const headEnd = bytes.indexOf("\r\n\r\n");
  if (headEnd < 0) return null;
  const [statusLine = "", ...lines] = bytes.toString("latin1", 0, headEnd).split("\r\n");
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(`${statusLine} `)?.[1]);
  if (Number.isNaN(status)) throw new Error(`not an answer: ${statusLine.slice(0, 80)}`);
  const headers = fieldsOf(lines);
  const start = headEnd + 4;
  const hasBody = method !== "HEAD" && status >= 200 && status !== 204 && status !== 304;
  const rest = hasBody ? takeBody(bytes.subarray(start), headers) : NO_BODY;
  if (rest === null) return null;
  const { body, trailers, length } = rest;
  return { answer: { status, headers: { ...headers, ...trailers }, body }, length: start + length };
}

interface TakenBody {
  readonly body: Buffer;
  readonly trailers: Readonly<Record<string, string>>;
  readonly length: number;
}

const NO_BODY: TakenBody = { body: Buffer.alloc(0), trailers: {}, length: 0 };

function fieldsOf(lines: readonly string[]): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(":");
    fields[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  return fields;
}

function takeBody(bytes: Buffer, headers: Readonly<Record<string, string>>): TakenBody | null {
  if (headers["transfer-encoding"] === "chunked") return takeChunks(bytes);
  const length = Number(headers["content-length"] ?? Number.NaN);
  if (Number.isNaN(length)) throw new Error("an answer without a length");
  if (bytes.length < length) return null;
  return { body: bytes.subarray(0, length), trailers: {}, length };
}

function takeChunks(bytes: Buffer): TakenBody | null {
  const chunks: Buffer[] = [];
  for (let at = 0; ; ) {
    const lineEnd = bytes.indexOf("\r\n", at);
    if (lineEnd < 0) return null;
    const size = Number.parseInt(bytes.toString("latin1", at, lineEnd), 16);
    if (size === 0) return takeTrailers(bytes, { at: lineEnd + 2, body: Buffer.concat(chunks) });
    at = lineEnd + 2 + size + 2;
    if (bytes.length < at) return null;
    chunks.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size));
  }
}

function takeTrailers(bytes: Buffer, { at, body }: { at: number; body: Buffer }): TakenBody | null {
  const lines: string[] = [];
  for (let from = at; ; ) {
    const lineEnd = bytes.indexOf("\r\n", from);
    if (lineEnd < 0) return null;
    if (lineEnd === from) return { body, trailers: fieldsOf(lines), length: lineEnd + 2 };
    lines.push(bytes.toString("latin1", from, lineEnd));
    from = lineEnd + 2;
  }
}
