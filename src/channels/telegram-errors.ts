// What went wrong with a call to the Telegram Bot API, and how to tell it in a log without telling secrets: the
// bot token stands in every URL of the API, and its error texts repeat button URLs, which carry codes.

import { isRefusal, isUnreached } from "./grammy.ts";

/**
 * Kinds of failure. `blocked`: the person does not want to hear from the bot (403). `unchanged`: the edit would
 * change nothing. `gone`: the message cannot be edited any more. `link_refused`: it does not like a button's URL.
 * `late`: too late to acknowledge a tap. `too_many`: 429. `unreached`: network error, or 5xx. `conflict`: another
 * poller, or a webhook. `wrong_token`: 401, 404. `refused`: any other no.
 */
export type TelegramFailure =
  | "blocked"
  | "unchanged"
  | "gone"
  | "link_refused"
  | "late"
  | "too_many"
  | "unreached"
  | "conflict"
  | "wrong_token"
  | "refused";

const BY_STATUS: ReadonlyMap<number, TelegramFailure> = new Map([
  [401, "wrong_token"],
  [403, "blocked"],
  [404, "wrong_token"],
  [409, "conflict"],
  [429, "too_many"],
]);

// Error texts as the server words them: github.com/tdlib/telegram-bot-api, Client.cpp, and tdlib's ReplyMarkup.cpp.
const BY_TEXT: readonly (readonly [RegExp, TelegramFailure])[] = [
  [/message is not modified/i, "unchanged"],
  [/message to edit not found|message can't be edited|MESSAGE_ID_INVALID/i, "gone"],
  [/BUTTON_URL_INVALID|inline keyboard button URL/i, "link_refused"],
  [/query is too old|query ID is invalid|QUERY_ID_INVALID/i, "late"],
];

/** Which kind of failure it is; null when the error did not come from calling the Bot API. */
export function telegramFailure(error: unknown): TelegramFailure | null {
  if (isUnreached(error)) return "unreached";
  if (!isRefusal(error)) return null;
  if (error.error_code >= 500) return "unreached";
  const byStatus = BY_STATUS.get(error.error_code);
  if (byStatus !== undefined) return byStatus;
  return BY_TEXT.find(([text]) => text.test(error.description))?.[1] ?? "refused";
}

/** Seconds the Bot API asks to wait; null when it does not. */
export function retryAfterSeconds(error: unknown): number | null {
  if (!isRefusal(error) || error.error_code !== 429) return null;
  return error.parameters.retry_after ?? 1;
}

/** The error as a text for the log, without the bot token and without the query of any URL. */
export function describeError(error: unknown, token: string): string {
  return withoutSecrets(rawText(error), token);
}

/** The text without the bot token, whatever it is part of, and without the query of any URL. */
export function withoutSecrets(text: string, token: string): string {
  return text
    .replaceAll(token, "<token>")
    .replaceAll(encodeURIComponent(token), "<token>")
    .replace(/\/bot\d+:[\w-]+/g, "/bot<token>")
    .replace(/(\b[a-z][a-z0-9+.-]*:\/\/[^\s'"?]*)\?[^\s'"]*/gi, "$1?<query>");
}

// Not the error itself: a GrammyError carries the whole message it failed to send, and with it the code.
function rawText(error: unknown): string {
  if (isRefusal(error)) return `${error.method}: ${error.error_code} ${error.description}`;
  if (isUnreached(error)) return `${error.message} ${causes(error.error)}`;
  return error instanceof Error ? (error.stack ?? "") + causesOf(error) : String(error);
}

function causes(error: unknown): string {
  return error instanceof Error ? `${error.message}${causesOf(error)}` : String(error);
}

function causesOf(error: Error): string {
  return error.cause === undefined ? "" : ` <- ${causes(error.cause)}`;
}
