// The front of the room: serves google.api.http annotations of any services as JSON over HTTP. It
// routes, negotiates, binds, invokes and writes. What a method does, who may call it and how errors
// look is handed in; sockets are the HTTP server's.

import type { DescMethod, DescService, Message, Registry } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import { negotiate } from "./accept.ts";
import { announcesBody, jsonMediaType, requireJson } from "./content-type.ts";
import { type HttpBinding, readHttpBindings, rpcName } from "./http-rule.ts";
import { JsonInput } from "./json-input.ts";
import { JsonOutput } from "./json-output.ts";
import { errorResponse, jsonResponse, type RenderedError } from "./json-response.ts";
import { RequestBinder } from "./request-binding.ts";
import type { RestRequest, RestResponse } from "./rest-message.ts";
import { type PathMatch, RouteTable } from "./route-table.ts";
import { type Scalar, scalarToJson } from "./scalar-value.ts";
import { attempt, type Soon, whenThere } from "./soon.ts";
import { type MessageSource, StreamBody } from "./stream-body.ts";
import {
  eventStreamFraming,
  eventStreamMediaType,
  jsonLinesFraming,
  jsonLinesMediaType,
  type MessageText,
  type NewFraming,
} from "./stream-framing.ts";
import { resolveStream, type StreamOptions, type StreamSetup } from "./stream-setup.ts";
import { TranscodeError } from "./transcode-error.ts";

/** What a call is besides its method and message. */
export interface CallInfo {
  /** True for HEAD: the answer's body is not sent, so nothing may be delivered or used up by it. */
  readonly head: boolean;
}

/**
 * Carries out a method: a promise for a unary one, a source of messages for a server stream, which
 * breaks silence with heartbeats if it likes. The context is what `handle` was given, untouched.
 */
export type Invoke<C> = (
  method: DescMethod,
  request: Message,
  context: C,
  info: CallInfo,
) => Promise<Message> | MessageSource;

/** What a transcoder is made of. */
export interface TranscoderOptions<C> {
  /** Services to serve; methods without an annotation are not. */
  readonly services: readonly DescService[];
  /** Carries out a method. */
  readonly invoke: Invoke<C>;
  /** Turns any error, a `TranscodeError` or what `admit` and `invoke` threw, into what is sent. */
  readonly renderError: (error: unknown, context: C) => RenderedError;
  /** Runs after routing and negotiation and before the body is read; throws to refuse the call. */
  readonly admit?: (method: DescMethod, context: C, info: CallInfo) => Soon<void>;
  /**
   * Options of server streams by `package.Service/Method`; others have no ids and cannot resume.
   */
  readonly streams?: Readonly<Record<string, StreamOptions>>;
  /** Types that may appear in google.protobuf.Any. */
  readonly registry?: Registry;
}

/** One served route, for documentation. */
export interface ServedRoute {
  /** HTTP method; `*` for any. */
  readonly method: string;
  /** The path template as annotated. */
  readonly template: string;
  /** `package.Service/Method`. */
  readonly rpc: string;
}

/** Serves annotated services as REST. */
export interface Transcoder<C> {
  /**
   * Answers a request; null when no route has its path, whatever the method, and a 404 is due.
   * Errors are answers too, made by `renderError`; it fails only when `renderError` throws.
   */
  handle(request: RestRequest, context: C): Soon<RestResponse | null>;
  /** All routes, in the order of the services. */
  readonly routes: readonly ServedRoute[];
}

interface Route extends HttpBinding {
  readonly binder: RequestBinder;
  readonly text: MessageText;
  /** Undefined for unary methods. */
  readonly stream: RouteStream | undefined;
}

interface RouteStream extends StreamSetup {
  /** How its streams look, by media type. */
  readonly framings: ReadonlyMap<string, NewFraming>;
}

interface Call<C> {
  readonly route: Route;
  readonly message: Message;
  readonly mediaType: string;
  readonly request: RestRequest;
  readonly context: C;
  readonly info: CallInfo;
}

const noStore: [string, string] = ["cache-control", "no-store"];

/**
 * Reads the annotations of the services and makes a transcoder. Throws an Error that names the RPC
 * when an annotation or a stream option could not be served, or when two routes conflict.
 */
export function createTranscoder<C>(options: TranscoderOptions<C>): Transcoder<C> {
  const routes = compileRoutes(options);
  const table = new RouteTable<Route>();
  for (const route of routes) table.add(route);
  return {
    handle(request, context) {
      const match = table.match(request.path);
      if (match === null) return null;
      return attempt(
        () => {
          const found = match.find(request.method);
          return found === undefined
            ? refuseMethod(request, match)
            : serve(options, { ...found, request, context });
        },
        (error) => errorResponse(options.renderError(error, context), error, request.method),
      );
    },
    routes: routes.map(({ method, template, rpc }) => ({ method, template: template.text, rpc })),
  };
}

/** What a path answers to a method that it does not have. */
function refuseMethod({ method }: RestRequest, { allow: methods }: PathMatch<Route>): RestResponse {
  const allow: [string, string] = ["allow", methods.join(", ")];
  if (method === "OPTIONS") return { status: 204, headers: [allow, noStore], body: null };
  const sentence = `${method} is not allowed here.`;
  throw new TranscodeError("method_not_allowed", sentence, { headers: [allow] });
}

function compileRoutes<C>({ services, streams = {}, registry }: TranscoderOptions<C>): Route[] {
  const input = new JsonInput(registry);
  const output = new JsonOutput(registry);
  const methods = services.flatMap((service) => service.methods);
  const names = new Set(methods.map(rpcName));
  for (const rpc of Object.keys(streams)) {
    if (!names.has(rpc)) throw new Error(`${rpc}: is not a method of the services`);
  }
  return methods.flatMap((method) => {
    const streamOptions = streams[rpcName(method)];
    const isStream = method.methodKind === "server_streaming" || streamOptions !== undefined;
    const setup = isStream ? resolveStream(method, streamOptions) : undefined;
    return readHttpBindings(method).map((binding) => {
      const text = messageText(binding, output, setup);
      const binder = new RequestBinder(binding, input, setup?.resumeField);
      const stream = setup && { ...setup, framings: framingsOf(text, setup) };
      return { ...binding, stream, binder, text };
    });
  });
}

function messageText(
  { descriptor, responseField }: HttpBinding,
  output: JsonOutput,
  stream: StreamSetup | undefined,
): MessageText {
  const desc = descriptor.output;
  const write =
    responseField === undefined ? output.message(desc) : output.fieldValue(responseField);
  const idField = stream?.idField;
  return {
    json: (message) => JSON.stringify(write(reflect(desc, message))),
    id: (message) => idField && String(scalarToJson(reflect(desc, message).get(idField) as Scalar)),
  };
}

function serve<C>(
  options: TranscoderOptions<C>,
  found: { route: Route; captures: readonly string[]; request: RestRequest; context: C },
): Soon<RestResponse> {
  const { route, captures, request, context } = found;
  const info: CallInfo = { head: request.method === "HEAD" };
  const mediaType = chooseMediaType(route, request);
  // A body that announces itself is refused before anybody pays for reading it.
  if (route.body !== undefined && announcesBody(request.headers)) requireJson(request);
  const answer = (body: Uint8Array) => {
    if (route.body !== undefined && body.length > 0) requireJson(request);
    const lastEventId = request.headers.get("last-event-id");
    const message = route.binder.bind({ captures, query: request.query, body, lastEventId });
    const call: Call<C> = { route, message, mediaType, request, context, info };
    return route.stream === undefined
      ? answerUnary(options, call)
      : answerStream(options, call, route.stream);
  };
  const admitted = options.admit?.(route.descriptor, context, info);
  return whenThere(admitted, () => whenThere(request.body(), answer));
}

function chooseMediaType(route: Route, request: RestRequest): string {
  const offers =
    route.stream === undefined ? [jsonMediaType] : [eventStreamMediaType, jsonLinesMediaType];
  const mediaType = negotiate(request.headers.get("accept"), offers);
  if (mediaType !== null) return mediaType;
  throw new TranscodeError(
    "not_acceptable",
    `This method answers with ${offers.join(" or ")} only.`,
  );
}

function answerUnary<C>(options: TranscoderOptions<C>, call: Call<C>): Soon<RestResponse> {
  const { route, message, context, info } = call;
  const answer = options.invoke(route.descriptor, message, context, info);
  if (typeof answer === "function") throw new TypeError(`${route.rpc}: a unary method streamed`);
  return whenThere(answer, (said) =>
    jsonResponse({ status: 200, headers: [], text: route.text.json(said) }, call.request.method),
  );
}

async function answerStream<C>(
  options: TranscoderOptions<C>,
  call: Call<C>,
  stream: RouteStream,
): Promise<RestResponse> {
  const { route, message, mediaType, context, info } = call;
  const source = options.invoke(route.descriptor, message, context, info);
  if (typeof source !== "function") {
    await source; // its own error, if it has one, says more
    throw new TypeError(`${route.rpc}: a stream did not stream`);
  }
  const framing = stream.framings.get(mediaType)?.(seenIdOf(message, stream));
  if (framing === undefined) throw new TypeError(`${route.rpc}: nothing frames ${mediaType}`);
  // An error before the first message still has a status of its own, so the head waits for it.
  const body = await StreamBody.open(source, {
    framing,
    renderFailure: (error) => options.renderError(error, context).body,
  });
  const headers: [string, string][] = [
    ["content-type", contentTypeOf(mediaType)],
    noStore,
    ["x-accel-buffering", "no"], // nginx holds back small chunks unless told not to
  ];
  if (!info.head) return { status: 200, headers, body };
  body.stop();
  return { status: 200, headers, body: null };
}

function contentTypeOf(mediaType: string): string {
  return mediaType === eventStreamMediaType ? `${mediaType}; charset=utf-8` : mediaType;
}

/** The id the reader resumes from, as its messages carry it; undefined when it starts anew. */
function seenIdOf(request: Message, { resumeField }: StreamSetup): string | undefined {
  if (resumeField === undefined || !reflect(resumeField.parent, request).isSet(resumeField)) {
    return undefined;
  }
  return String(reflect(resumeField.parent, request).get(resumeField));
}

function framingsOf(text: MessageText, setup: StreamSetup): ReadonlyMap<string, NewFraming> {
  return new Map([
    [eventStreamMediaType, eventStreamFraming(text, setup)],
    [jsonLinesMediaType, jsonLinesFraming(text)],
  ]);
}
