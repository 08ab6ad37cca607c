// Whole JSON answers, good and bad, with the headers every one of them has. Streams are the stream
// body's; which answer is due is decided by the transcoder.

import { Buffer } from "node:buffer";
import type { JsonValue } from "@bufbuild/protobuf";
import { jsonMediaType } from "./content-type.ts";
import type { RestResponse } from "./rest-message.ts";
import { TranscodeError } from "./transcode-error.ts";

/** An error as it is sent. */
export interface RenderedError {
  /** The HTTP status. */
  readonly status: number;
  /**
   * Its headers. Those of a `TranscodeError`, such as `allow`, are added when they are missing
   * here.
   */
  readonly headers: readonly (readonly [string, string])[];
  /** The body. */
  readonly body: JsonValue;
}

type Headers = readonly (readonly [string, string])[];

/**
 * Makes a JSON answer that no cache keeps. HEAD gets the headers of the whole answer, its length
 * included, without the body (RFC 9110 section 9.3.2).
 */
export function jsonResponse(
  answer: { status: number; headers: Headers; text: string },
  method: string,
): RestResponse {
  const { status, text } = answer;
  const own: [string, string][] = [
    ["content-type", jsonMediaType],
    ["content-length", String(Buffer.byteLength(text))],
    ["cache-control", "no-store"],
  ];
  const headers = answer.headers.length === 0 ? own : addMissing(answer.headers, own);
  return { status, headers, body: method === "HEAD" ? null : text };
}

/** Makes the answer for an error out of how it was rendered. */
export function errorResponse(
  rendered: RenderedError,
  error: unknown,
  method: string,
): RestResponse {
  const demanded = error instanceof TranscodeError ? error.headers : [];
  const headers = addMissing(rendered.headers, demanded);
  return jsonResponse(
    { status: rendered.status, headers, text: JSON.stringify(rendered.body) },
    method,
  );
}

function addMissing(headers: Headers, more: Headers): [string, string][] {
  const all = headers.map(([name, value]): [string, string] => [name.toLowerCase(), value]);
  const named = new Set(all.map(([name]) => name));
  for (const [name, value] of more) if (!named.has(name)) all.push([name, value]);
  return all;
}
