// The HTTP side of the MAX API: which path leads to which method, the token, the limit of calls,
// and how answers and refusals are written. https://dev.max.ru/docs-api. What each method does
// lives in message-methods.ts and bot-methods.ts.

import { timingSafeEqual } from "node:crypto";
import { answerFallible } from "../faults.ts";
import {
  type Answer,
  type Incoming,
  jsonTextAnswer,
  leaveSignal,
  type Outgoing,
  readBody,
} from "../http-exchange.ts";
import type { BotCall } from "../reactions.ts";
import { badRequest, MaxApiError, notFound, tooManyRequests } from "./api-error.ts";
import * as bot from "./bot-methods.ts";
import type { MaxCall } from "./call.ts";
import { jsonText } from "./json-text.ts";
import * as messages from "./message-methods.ts";
import type { MaxPerson } from "./person.ts";
import type { MaxState } from "./state.ts";

type Method = (call: MaxCall) => unknown;

const METHODS: ReadonlyMap<string, Method> = new Map<string, Method>([
  ["GET /me", bot.getMe],
  ["PATCH /me/commands", bot.setCommands],
  ["GET /chats/{chat_id}", bot.getChat],
  ["POST /messages", messages.sendMessage],
  ["PUT /messages", messages.editMessage],
  ["DELETE /messages", messages.deleteMessage],
  ["POST /answers", messages.answerCallback],
  ["GET /updates", bot.getUpdates],
  ["GET /subscriptions", bot.getSubscriptions],
  ["POST /subscriptions", bot.subscribe],
  ["DELETE /subscriptions", bot.unsubscribe],
]);

const PATHS: ReadonlySet<string> = new Set(
  [...METHODS.keys()].map((name) => name.slice(name.indexOf(" ") + 1)),
);

interface Route {
  /** HTTP method and path, as in the documentation. */
  readonly name: string;
  readonly path: string;
  readonly pathId: string;
}

function routeOf(req: Incoming, url: URL): Route {
  const chatId = /^\/chats\/(-?\d{1,16})$/.exec(url.pathname)?.[1];
  const path = chatId === undefined ? url.pathname : "/chats/{chat_id}";
  return { name: `${req.method ?? "GET"} ${path}`, path, pathId: chatId ?? "" };
}

function answer(status: number, content: unknown): Answer {
  return jsonTextAnswer(status, jsonText(content));
}

function refusal({ status, code, message }: MaxApiError): Answer {
  return answer(status, { code, message });
}

function scriptedRefusal(status: number, retryAfterSeconds?: number): Answer {
  if (retryAfterSeconds === undefined) {
    return refusal(new MaxApiError(status, "internal.error", "Internal server error"));
  }
  const refused = refusal(tooManyRequests());
  return { ...refused, headers: { ...refused.headers, "retry-after": String(retryAfterSeconds) } };
}

function checkToken(req: Incoming, url: URL, token: string): void {
  if (url.searchParams.has("access_token")) {
    const message = "Passing the token in the query is not supported, use the header Authorization";
    throw new MaxApiError(403, "deprecated.token", message);
  }
  const given = Buffer.from(String(req.headers.authorization ?? ""));
  const expected = Buffer.from(token);
  if (given.byteLength !== expected.byteLength || !timingSafeEqual(given, expected)) {
    throw new MaxApiError(401, "verify.token", "Invalid access_token");
  }
}

function findMethod({ name, path }: Route): Method {
  const method = METHODS.get(name);
  if (method !== undefined) return method;
  if (PATHS.has(path)) throw new MaxApiError(405, "method.not.allowed", "Method not allowed");
  throw notFound("Not found");
}

function parseBody(text: string): unknown {
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw badRequest("JSON expected");
  }
}

/**
 * Runs a method, and lets whoever waits for the bot know of it; not of a 429, for the bot will try
 * again.
 */
async function runMethod(method: Method, call: Omit<MaxCall, "concerns">): Promise<unknown> {
  let note = (): void => undefined;
  const concerns = (person: MaxPerson, ...calls: readonly BotCall[]): void => {
    note = () => {
      for (const each of calls) call.state.reactions.called(person.chatId, each);
    };
  };
  try {
    const result = await method({ ...call, concerns });
    note();
    return result;
  } catch (error) {
    if (!(error instanceof MaxApiError && error.status === 429)) note();
    throw error;
  }
}

/** The MAX API of one bot. */
export interface MaxEndpoint {
  readonly state: MaxState;
  /** The bot's token. */
  readonly token: string;
}

interface Exchange {
  readonly req: Incoming;
  readonly url: URL;
  readonly signal: AbortSignal;
}

async function answerCall(
  { state, token }: MaxEndpoint,
  { req, url, signal }: Exchange,
): Promise<Answer> {
  const route = routeOf(req, url);
  // The body is read before the first refusal, so that the connection can be used again.
  const body = await readBody(req);
  checkToken(req, url, token);
  state.countCall();
  const method = findMethod(route);
  if (body.kind === "tooLarge") throw new MaxApiError(413, "proto.payload", "Body is too large");
  const { pathId } = route;
  const call = { state, query: url.searchParams, pathId, body: parseBody(body.text), signal };
  return answer(200, await runMethod(method, call));
}

async function answerOrRefuse(endpoint: MaxEndpoint, exchange: Exchange): Promise<Answer> {
  try {
    return await answerCall(endpoint, exchange);
  } catch (error) {
    const known = error instanceof MaxApiError;
    return known ? refusal(error) : scriptedRefusal(500);
  }
}

/**
 * Answers one call of the MAX API. `url` holds what comes after the API root. 403 for a token in
 * the query, 401 for a wrong one, 429 for over 30 calls a second, 404 and 405 for anything but a
 * known method, 413 for a body over 256 KB. Never rejects.
 */
export async function handleMaxCall(
  endpoint: MaxEndpoint,
  { req, res, url }: { req: Incoming; res: Outgoing; url: URL },
): Promise<void> {
  const signal = leaveSignal(res);
  const fault = endpoint.state.faults.takeCallFault(routeOf(req, url).name);
  await answerFallible({ req, res, fault, refuse: scriptedRefusal }, () =>
    answerOrRefuse(endpoint, { req, url, signal }),
  );
}
