// The methods of the Bot API about the bot itself: who it is, its commands, how it gets its
// updates. Pushing them to a webhook is in webhook.ts.

import type { ApiArguments } from "./api-arguments.ts";
import { badRequest } from "./api-error.ts";
import type { TelegramState } from "./state.ts";
import type { TelegramUpdate } from "./update-queue.ts";

/** A result with the sentence that the real server adds to it. */
export interface Described {
  readonly result: unknown;
  readonly description?: string;
}

const COMMANDS_LIMIT = 100;
const COMMAND_LISTS_LIMIT = 1000;
const SECRET_LIMIT = 256;
const POLL_LIMIT_SECONDS = 50;
const CERTIFICATE_UNSUPPORTED = "the pretend server takes no certificate";

/** https://core.telegram.org/bots/api#getme */
export function getMe(state: TelegramState): object {
  return {
    ...state.bot,
    can_join_groups: false,
    can_read_all_group_messages: false,
    supports_inline_queries: false,
    can_connect_to_business: false,
    has_main_web_app: false,
  };
}

function allowUpdates(state: TelegramState, args: ApiArguments): void {
  const kinds = args.json("allowed_updates", "can't parse allowed_updates JSON object");
  // Anything that is no list leaves what was remembered, as the real server does.
  if (Array.isArray(kinds)) state.updates.allow(kinds.map(String));
}

/**
 * https://core.telegram.org/bots/api#getupdates. Rejects with 409 while a webhook is set, and when
 * another poll takes the place of this one.
 */
export function getUpdates(
  state: TelegramState,
  args: ApiArguments,
  signal: AbortSignal,
): Promise<readonly TelegramUpdate[]> {
  if (state.webhook.registration.url !== "") {
    const problem =
      "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first";
    return new Promise((_, reject) => state.updates.failConflict(problem, reject));
  }
  const int32 = { min: -(2 ** 31), max: 2 ** 31 - 1 };
  const poll = {
    offset: args.integer("offset", { fallback: 0, ...int32 }),
    limit: args.integer("limit", { fallback: 100, min: 1, max: 100 }),
    timeoutSeconds: args.integer("timeout", { fallback: 0, min: 0, max: POLL_LIMIT_SECONDS }),
    signal,
  };
  allowUpdates(state, args);
  return state.updates.poll(poll);
}

function checkWebhookUrl(url: string): void {
  const absolute = url.includes("://") ? url : `https://${url}`;
  const protocol = URL.canParse(absolute) ? new URL(absolute).protocol : "";
  // Plain http and any port, as the real server allows when it runs with `--local`: everything here
  // is local.
  if (protocol !== "https:" && protocol !== "http:") {
    throw badRequest("invalid webhook URL specified");
  }
}

function checkSecret(secret: string): void {
  if (secret.length > SECRET_LIMIT) throw badRequest("secret token is too long");
  if (/[^A-Za-z0-9_-]/.test(secret)) {
    throw badRequest("secret token contains unallowed characters");
  }
}

function dropPending(state: TelegramState, args: ApiArguments): void {
  if (args.flag("drop_pending_updates")) state.updates.clear();
}

/**
 * https://core.telegram.org/bots/api#setwebhook; an empty URL deletes. A waiting poll ends with
 * 409.
 */
export function setWebhook(state: TelegramState, args: ApiArguments): Described {
  const url = args.text("url");
  if (url === "") return deleteWebhook(state, args);
  checkWebhookUrl(url);
  const secretToken = args.text("secret_token");
  checkSecret(secretToken);
  if (args.text("certificate") !== "") throw badRequest(CERTIFICATE_UNSUPPORTED);
  const maxConnections = args.integer("max_connections", { fallback: 40, min: 1, max: 100 });
  const webhook = { url, secretToken, maxConnections, ipAddress: args.text("ip_address") };
  allowUpdates(state, args);
  dropPending(state, args);
  if (JSON.stringify(webhook) === JSON.stringify(state.webhook.registration)) {
    return { result: true, description: "Webhook is already set" };
  }
  state.updates.interrupt("terminated by setWebhook request");
  state.webhook.set(webhook);
  return { result: true, description: "Webhook was set" };
}

/** https://core.telegram.org/bots/api#deletewebhook */
export function deleteWebhook(state: TelegramState, args: ApiArguments): Described {
  dropPending(state, args);
  const description =
    state.webhook.registration.url === "" ? "Webhook is already deleted" : "Webhook was deleted";
  state.webhook.drop();
  return { result: true, description };
}

/** https://core.telegram.org/bots/api#getwebhookinfo */
export function getWebhookInfo(state: TelegramState): object {
  const { lastError, registration } = state.webhook;
  const { url, maxConnections, ipAddress } = registration;
  const allowed = state.updates.allowed;
  return {
    url,
    has_custom_certificate: false,
    pending_update_count: state.updates.size,
    ...(lastError && { last_error_date: lastError.date, last_error_message: lastError.message }),
    ...(url !== "" && { max_connections: maxConnections, ip_address: ipAddress || "127.0.0.1" }),
    ...(allowed && { allowed_updates: allowed }),
  };
}

function commandsKey(args: ApiArguments): string {
  const language = args.text("language_code");
  if (language !== "" && !/^[a-z]{2}$/.test(language)) {
    throw badRequest("invalid language code specified");
  }
  const scope = args.json("scope", "can't parse BotCommandScope JSON object");
  return JSON.stringify([scope ?? { type: "default" }, language]);
}

function checkCommand(value: unknown): { command: string; description: string } {
  const { command, description } = Object(value) as Readonly<Record<string, unknown>>;
  if (typeof command !== "string" || !/^\/?[a-z0-9_]{1,32}$/.test(command)) {
    throw badRequest("BOT_COMMAND_INVALID");
  }
  if (typeof description !== "string" || description === "" || description.length > 256) {
    throw badRequest("BOT_COMMAND_DESCRIPTION_INVALID");
  }
  return { command: command.replace(/^\//, ""), description };
}

/** https://core.telegram.org/bots/api#setmycommands, one list for each scope and language. */
export function setMyCommands(state: TelegramState, args: ApiArguments): true {
  const commands = args.json("commands", "can't parse commands JSON object") ?? [];
  if (!Array.isArray(commands)) throw badRequest("expected an Array of BotCommand");
  if (commands.length > COMMANDS_LIMIT) throw badRequest("BOT_COMMANDS_TOO_MUCH");
  const checked = commands.map(checkCommand);
  const key = commandsKey(args);
  if (state.commands.size >= COMMAND_LISTS_LIMIT && !state.commands.has(key)) {
    throw badRequest("BOT_COMMANDS_TOO_MUCH");
  }
  state.commands.set(key, checked);
  return true;
}

/**
 * https://core.telegram.org/bots/api#getmycommands; an empty list when none were set for the scope
 * and language.
 */
export function getMyCommands(state: TelegramState, args: ApiArguments): unknown {
  return state.commands.get(commandsKey(args)) ?? [];
}
