// The methods of the MAX API about the bot itself: who it is, its commands, its dialogs, how it
// gets its updates.

import { characterCount } from "../typed-text.ts";
import { badRequest, notFound, type SimpleResult } from "./api-error.ts";
import { type MaxCall, readBounded, readInteger, readRequired } from "./call.ts";
import { chatShape } from "./shapes.ts";
import type { SubscriptionRequest, SubscriptionShape } from "./subscriptions.ts";
import type { UpdateList } from "./updates.ts";

const COMMANDS_LIMIT = 32;
const COMMAND_NAME_LIMIT = 64;
const COMMAND_DESCRIPTION_LIMIT = 128;
// Not known of the real one; keeps memory bounded.
const SUBSCRIPTIONS_LIMIT = 20;
const URL_LIMIT = 2048;

type Fields = Readonly<Record<string, unknown>>;

/** https://dev.max.ru/docs-api/methods/GET/me */
export function getMe({ state }: MaxCall): object {
  return { ...state.bot, description: null, commands: state.commands };
}

function checkCommand(value: unknown): object {
  const { name, description = null } = Object(value) as Fields;
  if (typeof name !== "string" || name === "" || characterCount(name) > COMMAND_NAME_LIMIT) {
    throw badRequest(`commands.name: 1 to ${COMMAND_NAME_LIMIT} characters expected`);
  }
  if (description === null) return { name };
  const length = typeof description === "string" ? characterCount(description) : 0;
  if (length < 1 || length > COMMAND_DESCRIPTION_LIMIT) {
    throw badRequest(`commands.description: 1 to ${COMMAND_DESCRIPTION_LIMIT} characters expected`);
  }
  return { name, description };
}

/**
 * https://dev.max.ru/docs-api/methods/PATCH/me/commands: all of them, at most 32; an empty list
 * removes them.
 */
export function setCommands({ state, body }: MaxCall): SimpleResult {
  const { commands } = Object(body) as Fields;
  if (!Array.isArray(commands)) throw badRequest("commands: array expected");
  if (commands.length > COMMANDS_LIMIT) throw badRequest(`commands: at most ${COMMANDS_LIMIT}`);
  state.commands = commands.map(checkCommand);
  return { success: true };
}

/** https://dev.max.ru/docs-api/methods/GET/chats/-chatId-. 404 for a dialog the bot never had. */
export function getChat({ state, pathId }: MaxCall): object {
  const person = state.findByChat(Number(pathId));
  if (person === undefined || person.dialog === "none") throw notFound("Chat not found");
  return chatShape(person, state.avatarUrl);
}

/** https://dev.max.ru/docs-api/methods/GET/updates. 400 for a parameter out of bounds. */
export function getUpdates({ state, query, signal }: MaxCall): Promise<UpdateList> {
  const types = query.get("types") ?? "";
  return state.updates.poll({
    marker: readInteger(query, "marker"),
    limit: readBounded(query, "limit", { fallback: 100, min: 1, max: 1000 }),
    timeoutSeconds: readBounded(query, "timeout", { fallback: 30, min: 0, max: 90 }),
    types: types === "" ? undefined : new Set(types.split(",")),
    signal,
  });
}

/** https://dev.max.ru/docs-api/methods/GET/subscriptions */
export function getSubscriptions({ state }: MaxCall): {
  readonly subscriptions: readonly SubscriptionShape[];
} {
  return { subscriptions: state.subscriptions.list() };
}

function checkWebhookUrl(url: unknown, isAnyTaken: boolean): string {
  if (typeof url !== "string" || url.length > URL_LIMIT || !URL.canParse(url)) {
    throw badRequest("url: URL expected");
  }
  const { protocol } = new URL(url);
  const isHttp = protocol === "https:" || protocol === "http:";
  // A port must not even be written: https://dev.max.ru/docs-api/methods/POST/subscriptions
  const isStrict = /^https:\/\/[^/?#:@]+(?:[/?#]|$)/i.test(url);
  if (!(isAnyTaken ? isHttp : isStrict)) {
    throw badRequest("url: https without a port expected");
  }
  return url;
}

function checkSecret(secret: unknown): string | undefined {
  if (secret === undefined || secret === null) return undefined;
  if (typeof secret !== "string" || !/^[A-Za-z0-9_-]{5,256}$/.test(secret)) {
    throw badRequest("secret: 5 to 256 of A-Z, a-z, 0-9, _ and - expected");
  }
  return secret;
}

function checkUpdateTypes(types: unknown): readonly string[] | undefined {
  if (types === undefined || types === null) return undefined;
  const isList = Array.isArray(types) && types.every((type) => typeof type === "string" && type);
  if (!isList || new Set(types).size !== types.length) {
    throw badRequest("update_types: array of different strings expected");
  }
  // An empty list is as good as none.
  return types.length === 0 ? undefined : types;
}

/**
 * https://dev.max.ru/docs-api/methods/POST/subscriptions: adds to those that are there. 400 for a
 * bad body.
 */
export function subscribe({ state, body }: MaxCall): SimpleResult {
  const { url, secret, update_types: types } = Object(body) as Fields;
  const request: SubscriptionRequest = {
    url: checkWebhookUrl(url, state.rules.webhookUrls === "any"),
    secret: checkSecret(secret),
    updateTypes: checkUpdateTypes(types),
  };
  if (state.subscriptions.size >= SUBSCRIPTIONS_LIMIT) throw badRequest("too many subscriptions");
  state.subscriptions.add(request);
  return { success: true };
}

/**
 * https://dev.max.ru/docs-api/methods/DELETE/subscriptions: `success: false` for a URL that is not
 * subscribed.
 */
export function unsubscribe({ state, query }: MaxCall): SimpleResult {
  const removed = state.subscriptions.remove(readRequired(query, "url"));
  return removed ? { success: true } : { success: false, message: "Subscription not found" };
}
