// The HTTP side of the Bot API: `/bot<TOKEN>/<method>` in, `{"ok":...}` out.
// https://core.telegram.org/bots/api#making-requests What each method does lives in
// message-methods.ts and bot-methods.ts.

import { timingSafeEqual } from "node:crypto";
import { STATUS_CODES } from "node:http";
import { answerFallible } from "../faults.ts";
import {
  type Answer,
  type Incoming,
  jsonAnswer,
  leaveSignal,
  type Outgoing,
  readBody,
} from "../http-exchange.ts";
import type { BotCall } from "../reactions.ts";
import type { WebhookAnswer } from "../webhook-delivery.ts";
import { type ApiArguments, readArguments } from "./api-arguments.ts";
import { TelegramApiError } from "./api-error.ts";
import * as bot from "./bot-methods.ts";
import * as messages from "./message-methods.ts";
import * as photos from "./profile-photo.ts";
import { tooManyRequests } from "./send-limits.ts";
import type { TelegramState } from "./state.ts";

const NEVER = new AbortController().signal;

interface Call {
  readonly state: TelegramState;
  readonly args: ApiArguments;
  readonly signal: AbortSignal;
}

interface Method {
  readonly run: (call: Call) => unknown;
  /** True when `run` returns the result with a description. */
  readonly described?: true;
  /** What the call can be in answer to something a person did. */
  readonly reaction?: BotCall["kind"];
}

// Method names are not case-sensitive: https://core.telegram.org/bots/api#making-requests
const METHODS: ReadonlyMap<string, Method> = new Map(
  Object.entries<Method>({
    getme: { run: ({ state }) => bot.getMe(state) },
    getupdates: { run: ({ state, args, signal }) => bot.getUpdates(state, args, signal) },
    setwebhook: { run: ({ state, args }) => bot.setWebhook(state, args), described: true },
    deletewebhook: { run: ({ state, args }) => bot.deleteWebhook(state, args), described: true },
    getwebhookinfo: { run: ({ state }) => bot.getWebhookInfo(state) },
    setmycommands: { run: ({ state, args }) => bot.setMyCommands(state, args) },
    getmycommands: { run: ({ state, args }) => bot.getMyCommands(state, args) },
    getchat: { run: ({ state, args }) => messages.getChat(state, args) },
    getuserprofilephotos: { run: ({ state, args }) => photos.getUserProfilePhotos(state, args) },
    getfile: { run: ({ state, args }) => photos.getFile(state, args) },
    sendmessage: { run: ({ state, args }) => messages.sendMessage(state, args), reaction: "send" },
    editmessagetext: {
      run: ({ state, args }) => messages.editMessageText(state, args),
      reaction: "edit",
    },
    editmessagereplymarkup: {
      run: ({ state, args }) => messages.editMessageReplyMarkup(state, args),
      reaction: "edit",
    },
    deletemessage: {
      run: ({ state, args }) => messages.deleteMessage(state, args),
      reaction: "edit",
    },
    answercallbackquery: {
      run: ({ state, args }) => messages.answerCallbackQuery(state, args),
      reaction: "answer",
    },
  }),
);

function refusal({ errorCode, message, parameters }: TelegramApiError): Answer {
  const told = { ok: false, error_code: errorCode, description: message };
  return jsonAnswer(errorCode, parameters === undefined ? told : { ...told, parameters });
}

function noteReaction({ state, args }: Call, kind: BotCall["kind"]): void {
  if (kind !== "answer") {
    state.reactions.called(Number(args.text("chat_id")), { kind });
    return;
  }
  const queryId = args.text("callback_query_id");
  const query = state.queries.get(queryId);
  if (query !== undefined) state.reactions.called(query.person.id, { kind, queryId });
}

function comesBack(error: unknown): boolean {
  return error instanceof TelegramApiError && error.errorCode === 429;
}

async function runMethod(method: Method, call: Call): Promise<Answer> {
  const note = (): void => {
    if (method.reaction !== undefined) noteReaction(call, method.reaction);
  };
  try {
    const outcome = await method.run(call);
    const described = method.described ? (outcome as bot.Described) : { result: outcome };
    note();
    return jsonAnswer(200, { ok: true, ...described });
  } catch (error) {
    // The bot will try again: it has not reacted yet.
    if (!comesBack(error)) note();
    throw error;
  }
}

function isToken(given: string, token: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(token)];
  return a.byteLength === b.byteLength && timingSafeEqual(a, b);
}

function findMethod(path: string, token: string): Method {
  const match = /^\/bot([^/]*)\/([^/]+)$/.exec(path);
  if (match === null) throw new TelegramApiError(404, "Not Found");
  const given = match[1] ?? "";
  if (!/^[1-9]\d*:./.test(given)) {
    throw new TelegramApiError(401, "Unauthorized: invalid token specified");
  }
  if (!isToken(given, token)) throw new TelegramApiError(401, "Unauthorized");
  const method = METHODS.get((match[2] ?? "").toLowerCase());
  if (method === undefined) throw new TelegramApiError(404, "Not Found");
  return method;
}

/** The Bot API of one bot. */
export interface ApiEndpoint {
  readonly state: TelegramState;
  /** The bot's token. */
  readonly token: string;
}

async function answerCall(
  { state, token }: ApiEndpoint,
  { req, url, signal }: { req: Incoming; url: URL; signal: AbortSignal },
): Promise<Answer> {
  if (req.method !== "GET" && req.method !== "POST") {
    throw new TelegramApiError(501, "Not Implemented");
  }
  // The body is read before the first refusal, so that the connection can be used again.
  const body = await readBody(req);
  const method = findMethod(url.pathname, token);
  if (body.kind === "tooLarge") {
    const description = `Request Entity Too Large: content length is ${body.size}`;
    throw new TelegramApiError(413, description);
  }
  const contentType = String(req.headers["content-type"] ?? "");
  const args = readArguments(url.searchParams, { text: body.text, contentType });
  return runMethod(method, { state, args, signal });
}

async function answerOrRefuse(
  endpoint: ApiEndpoint,
  call: { req: Incoming; url: URL; signal: AbortSignal },
): Promise<Answer> {
  try {
    return await answerCall(endpoint, call);
  } catch (error) {
    const known = error instanceof TelegramApiError;
    return refusal(known ? error : new TelegramApiError(500, "Internal Server Error"));
  }
}

function scriptedRefusal(status: number, retryAfterSeconds?: number): Answer {
  if (retryAfterSeconds !== undefined) return refusal(tooManyRequests(retryAfterSeconds));
  return refusal(new TelegramApiError(status, STATUS_CODES[status] ?? "Internal Server Error"));
}

/**
 * Answers one call of the Bot API. `url` holds what comes after the API root:
 * `/bot<TOKEN>/<method>?...`. 401 for a wrong token, 404 for anything but a known method, 413 for a
 * body over 256 KB, 501 for HTTP methods other than GET and POST. Never rejects.
 */
export async function handleApiCall(
  endpoint: ApiEndpoint,
  { req, res, url }: { req: Incoming; res: Outgoing; url: URL },
): Promise<void> {
  const signal = leaveSignal(res);
  const fault = endpoint.state.faults.takeCallFault(url.pathname.split("/").at(-1) ?? "");
  await answerFallible({ req, res, fault, refuse: scriptedRefusal }, () =>
    answerOrRefuse(endpoint, { req, url, signal }),
  );
}

/**
 * Answers a download: `/file/bot<TOKEN>/<file_path>`. 404 for a wrong token and for a path that
 * getFile did not tell; to faults, every download is a call named `file`. Never rejects.
 * https://core.telegram.org/bots/api#getfile
 */
export async function handleDownload(
  { state, token }: ApiEndpoint,
  { req, res, url }: { req: Incoming; res: Outgoing; url: URL },
): Promise<void> {
  const fault = state.faults.takeCallFault("file");
  await answerFallible({ req, res, fault, refuse: scriptedRefusal }, async () => {
    await readBody(req);
    const [, given = "", path = ""] = /^\/file\/bot([^/]*)\/(.+)$/.exec(url.pathname) ?? [];
    if (!isToken(given, token)) return refusal(new TelegramApiError(404, "Not Found"));
    return photos.fileAnswer(state, path);
  });
}

/**
 * Does what the answer to a webhook delivery asks for: one call of the Bot API, named by `method`
 * in a JSON body or a form; the bot is never told how it went.
 * https://core.telegram.org/bots/api#making-requests-when-getting-updates Anything else is no call.
 * Never rejects.
 */
export async function runWebhookAnswer(
  state: TelegramState,
  { contentType, body }: WebhookAnswer,
): Promise<void> {
  try {
    const args = readArguments(new URLSearchParams(), { text: body, contentType });
    const method = METHODS.get(args.text("method").toLowerCase());
    if (method !== undefined) await runMethod(method, { state, args, signal: NEVER });
  } catch {
    // As in the real one: whoever answers in this way learns nothing of it.
  }
}
