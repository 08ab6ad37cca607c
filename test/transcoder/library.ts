// The library service behind a transcoder, for tests: a client that calls it in process, with every
// call recorded. What a test wants a method to answer it says itself.

import type { DescMethod, JsonValue, Message, Registry } from "@bufbuild/protobuf";
import { create, createRegistry } from "@bufbuild/protobuf";
import { DurationSchema } from "@bufbuild/protobuf/wkt";
import type { RestRequest, RestResponse } from "../../src/transcoder/rest-message.ts";
import type { MessageSource } from "../../src/transcoder/stream-body.ts";
import { TranscodeError } from "../../src/transcoder/transcode-error.ts";
import {
  type CallInfo,
  createTranscoder,
  type TranscoderOptions,
} from "../../src/transcoder/transcoder.ts";
import { file_library_v1_library, LibraryService } from "./gen/library/v1/library_pb.ts";
import { chunksOf, sourceOf } from "./live.ts";

/** What a method answers; the request itself by default, when the types are the same. */
export type Answers = Record<
  string,
  (request: Message, info: CallInfo) => Promise<Message> | AsyncIterable<Message> | MessageSource
>;

/** One recorded call. */
export interface RecordedCall {
  readonly method: string;
  readonly request: Message;
  readonly context: string;
  readonly info: CallInfo;
}

/** A whole response, read. */
export interface ReadResponse {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly text: string;
  readonly json: JsonValue;
}

/** What a request has besides method and target. */
export interface RequestExtras {
  readonly headers?: Record<string, string>;
  readonly body?: string | Uint8Array | (() => Promise<Uint8Array>);
}

const noBody = new Uint8Array();

/** Types the library's Any fields may hold. */
export const libraryRegistry: Registry = createRegistry(file_library_v1_library, DurationSchema);

/** Makes a request out of a method and a raw target. */
export function restRequest(
  method: string,
  target: string,
  { headers = {}, body }: RequestExtras = {},
): RestRequest {
  const [path = "", query = ""] = target.split("?", 2);
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  const isJson = bytes !== undefined && headers["content-type"] === undefined;
  const all: Record<string, string> = {
    ...(isJson ? { "content-type": "application/json" } : {}),
    ...headers,
  };
  return {
    method,
    path,
    query,
    headers: { get: (name) => all[name] ?? null },
    body: typeof bytes === "function" ? bytes : async () => bytes ?? noBody,
  };
}

/** Reads a response whole. */
export async function readResponse(response: RestResponse): Promise<ReadResponse> {
  const { status, headers, body } = response;
  const decoder = new TextDecoder();
  let text = "";
  if (typeof body === "string") text = body;
  else if (body !== null) for await (const chunk of chunksOf(body)) text += decoder.decode(chunk);
  const isJson = text !== "" && headers.some(([, value]) => value === "application/json");
  return {
    status,
    headers: Object.fromEntries(headers),
    text,
    json: isJson ? (JSON.parse(text) as JsonValue) : null,
  };
}

/** The library behind a transcoder. */
export function openLibrary(
  answers: Answers = {},
  overrides: Partial<TranscoderOptions<string>> = {},
) {
  const calls: RecordedCall[] = [];
  const invoke = (method: DescMethod, request: Message, context: string, info: CallInfo) => {
    calls.push({ method: method.name, request, context, info });
    const answer = answers[method.name];
    if (answer !== undefined) {
      const given = answer(request, info);
      return Symbol.asyncIterator in given ? sourceOf(given) : given;
    }
    const isEcho = method.input.typeName === method.output.typeName;
    return Promise.resolve(isEcho ? request : create(method.output));
  };
  const transcoder = createTranscoder<string>({
    services: [LibraryService],
    invoke,
    registry: libraryRegistry,
    renderError: (error) => ({
      status: error instanceof TranscodeError ? error.status : 500,
      headers: [],
      body: renderBody(error),
    }),
    ...overrides,
  });
  const send = async (method: string, target: string, extras?: RequestExtras) =>
    transcoder.handle(restRequest(method, target, extras), "context");
  const call = async (method: string, target: string, extras?: RequestExtras) => {
    const response = await send(method, target, extras);
    if (response === null) throw new Error(`no route has the path of ${target}`);
    return readResponse(response);
  };
  return { transcoder, calls, send, call };
}

function renderBody(error: unknown): JsonValue {
  const sentence = error instanceof Error ? error.message : String(error);
  if (!(error instanceof TranscodeError)) return { error: sentence };
  const violations = error.violations.map(({ field, message }) => ({ field, message }));
  return { error: sentence, kind: error.kind, violations };
}
