// What went wrong with a call to the Telegram Bot API, and how to tell it in a log without telling
// secrets: the bot token stands in every URL of the API, and its error texts repeat button URLs,
// which carry codes.

import type { ErrorReader, Failure } from "./failure.ts";
import { isRefusal, isUnreached } from "./grammy.ts";
import { messagesOf, rawErrorText, withoutSecrets } from "./redact.ts";

const BY_STATUS: ReadonlyMap<number, Failure> = new Map([
  [401, "wrong_token"],
  [403, "blocked"],
  [404, "wrong_token"],
  [409, "conflict"],
  [429, "too_many"],
]);

// Error texts as the server words them: github.com/tdlib/telegram-bot-api, Client.cpp, and tdlib's
// ReplyMarkup.cpp.
const BY_TEXT: readonly (readonly [RegExp, Failure])[] = [
  [/message is not modified/i, "unchanged"],
  [/message to edit not found|message can't be edited|MESSAGE_ID_INVALID/i, "gone"],
  [/BUTTON_URL_INVALID|inline keyboard button URL/i, "link_refused"],
  [/query is too old|query ID is invalid|QUERY_ID_INVALID/i, "late"],
];

/** Which kind of failure it is; null when the error did not come from calling the Bot API. */
export function telegramFailure(error: unknown): Failure | null {
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

/**
 * The error as a text for the log, without these secrets (the bot token first) and without the
 * query of any URL.
 */
export function describeError(error: unknown, ...secrets: readonly string[]): string {
  return withoutSecrets(rawText(error), ...secrets);
}

/** Reads the errors of the Bot API's client; texts for the log are without these secrets. */
export function telegramErrors(...secrets: readonly string[]): ErrorReader {
  return {
    failureOf: telegramFailure,
    retryAfterSeconds,
    describe: (error) => describeError(error, ...secrets),
  };
}

// Not the error itself: a GrammyError carries the whole message it failed to send, and with it the
// code.
function rawText(error: unknown): string {
  if (isRefusal(error)) return `${error.method}: ${error.error_code} ${error.description}`;
  if (isUnreached(error)) return `${error.message} ${messagesOf(error.error)}`;
  return rawErrorText(error);
}
