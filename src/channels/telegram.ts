// The Telegram bot: Telegram's side of what messenger-bot.ts brings to life. The parts are in the
// other telegram-*.ts files.

import type { Api } from "grammy/web";
import type { BotAccount } from "../core/bot-ports.ts";
import { BOT_TIMING, type Bot, type BotOptions, ownWebhookUrl, secretsOf } from "./bot.ts";
import { reportTo } from "./call-report.ts";
import type { ErrorReader } from "./failure.ts";
import { type ApiFetch, apiSignal, createApi } from "./grammy.ts";
import { lightFetch } from "./light-fetch.ts";
import { commandsOf, LANGUAGES } from "./messages.ts";
import { createMessengerBot } from "./messenger-bot.ts";
import type { MessengerSide } from "./messenger-side.ts";
import { type Fetch, withTrace } from "./runtime-fetch.ts";
import { readTelegramAvatar } from "./telegram-avatars.ts";
import { telegramErrors } from "./telegram-errors.ts";
import { LONG_POLL_SECONDS, pollTelegram } from "./telegram-poller.ts";
import { createTelegramSender } from "./telegram-sender.ts";
import { readKeyedUpdate } from "./telegram-updates.ts";
import { telegramWebhooks } from "./telegram-webhook.ts";

const DEFAULT_API_URL = "https://api.telegram.org";

/** Longest wait for an answer of the Bot API, in seconds. */
const CALL_SECONDS = 15;

/** The header in which Telegram sends a webhook's secret, in lower case. */
export const TELEGRAM_SECRET_HEADER = "x-telegram-bot-api-secret-token";

/**
 * Makes a bot; nothing happens before start(). `token` is the one from @BotFather, `apiUrl` null =
 * https://api.telegram.org.
 */
export function createTelegramBot(options: BotOptions): Bot {
  const timing = { ...BOT_TIMING, ...options.timing };
  const { token, log, updates, tokenAdvice } = options;
  const advice = tokenAdvice === undefined ? {} : { tokenAdvice };
  const calls = reportTo("telegram", options.onCall);
  const apiRoot = apiRootOf(options);
  const traced = apiRoot === DEFAULT_API_URL ? (plain: Fetch) => plain : withTrace;
  const api = createApi(token, {
    apiRoot,
    fetch: traced(lightFetch) as ApiFetch,
    timeoutSeconds: CALL_SECONDS,
    ...calls,
  });
  const errors = telegramErrors(token, ...secretsOf(updates));
  const webhooks = telegramWebhooks(api);
  const pollApi = createApi(token, {
    apiRoot,
    timeoutSeconds: LONG_POLL_SECONDS + 10,
    ...calls,
  });
  const side: MessengerSide = {
    channel: "telegram",
    name: "Telegram",
    errors,
    messenger: createTelegramSender({ api, name: "Telegram", errors, log }),
    webhooks,
    read: readKeyedUpdate,
    readAvatar: (userId, signal) =>
      readTelegramAvatar({ api, token, apiRoot, fetch: traced(fetch), log }, userId, signal),
    askAccount: (signal) => askAccount(api, signal),
    fatal: (error) => fatalSentence(errors, error),
    setCommands: (signal) => setCommands(api, signal),
    poll: (inbox, signal) =>
      pollTelegram(
        {
          api: pollApi,
          webhooks,
          ownWebhookUrl: ownWebhookUrl(updates),
          inbox,
          timing,
          log,
          errors,
          ...advice,
        },
        signal,
      ),
  };
  return createMessengerBot(side, options, timing);
}

// grammY refuses a root that ends with a slash.
function apiRootOf({ apiUrl }: Pick<BotOptions, "apiUrl">): string {
  return (apiUrl ?? DEFAULT_API_URL).replace(/\/+$/, "");
}

async function askAccount(api: Api, signal: AbortSignal): Promise<BotAccount> {
  const { id, username } = await api.getMe(apiSignal(signal));
  return { messengerBotId: String(id), username };
}

function fatalSentence(errors: ErrorReader, error: unknown): string | null {
  if (errors.failureOf(error) !== "wrong_token") return null;
  return (
    "Telegram refuses the bot token. Copy it again from @BotFather, and check the address of the Bot API if " +
    "you set one"
  );
}

async function setCommands(api: Api, signal: AbortSignal): Promise<void> {
  for (const lang of LANGUAGES) {
    // English is for everybody whose language has no list of its own.
    const scope = lang === "en" ? {} : { language_code: lang };
    await api.setMyCommands(commandsOf(lang), scope, apiSignal(signal));
  }
}
