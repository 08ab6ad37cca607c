// The Telegram bot: finds out who it is, polls while this process holds the lease, and answers people through
// the handlers it was given. The parts are in the other telegram-*.ts files and in conversation.ts.

import type { Api } from "grammy/web";
import type { BotHandlers } from "../core/ports.ts";
import type { Prompt } from "../core/prompt.ts";
import type { BotLog } from "./bot-log.ts";
import { type Conversation, createConversation } from "./conversation.ts";
import { apiSignal, createApi } from "./grammy.ts";
import { commandsOf, LANGUAGES } from "./messages.ts";
import { pause, waitAtMost } from "./pause.ts";
import { type PollingLease, workUnderLease } from "./polling-lease.ts";
import { createSerialQueue } from "./serial-queue.ts";
import { describeError, telegramFailure } from "./telegram-errors.ts";
import { LONG_POLL_SECONDS, POLL_TIMING, type PollTiming, pollUpdates } from "./telegram-poller.ts";
import { createTelegramSender } from "./telegram-sender.ts";
import { readUpdate } from "./telegram-updates.ts";

/** A running Telegram bot. */
export interface TelegramBot {
  /** The bot's username without `@`; null until the Bot API has told it. */
  readonly username: string | null;
  /**
   * Starts the bot. Rejects with a sentence when the token is refused. When the Bot API cannot be reached it
   * resolves all the same and goes on trying. Call it once.
   */
  start(): Promise<void>;
  /** Ends the bot: polling at once, running handlers within 5 s. */
  stop(): Promise<void>;
  /** Edits a prompt that is over to what became of it, without buttons. Does nothing while it is live. Never rejects. */
  settle(prompt: Prompt): Promise<void>;
}

/** What a bot is made of. */
export interface TelegramBotOptions {
  /** The bot token from @BotFather. */
  readonly token: string;
  /** Root of the Bot API, such as that of a local server; null = https://api.telegram.org. */
  readonly apiUrl: string | null;
  readonly handlers: BotHandlers;
  /** Only the process that holds it polls. */
  readonly lease: PollingLease;
  readonly log: BotLog;
  /** Pauses; what is left out keeps its default. */
  readonly timing?: Partial<TelegramTiming>;
}

/** Pauses of a bot, in milliseconds. */
export interface TelegramTiming extends PollTiming {
  /** Until the next try for a lease another process has. Default 3000. */
  readonly leaseRetryMs: number;
  /** How long one update may take before it is given up and confirmed. Default 60 000. */
  readonly handlerMs: number;
}

const DEFAULT_API_URL = "https://api.telegram.org";

/** Longest wait for an answer of the Bot API, in seconds. */
const CALL_SECONDS = 15;

/** How long start() waits for the first answer of the Bot API, in milliseconds. */
const FIRST_CALL_MS = 5000;

/** Makes a bot; nothing happens before start(). */
export function createTelegramBot(options: TelegramBotOptions): TelegramBot {
  const bot = assemble(options);
  const stopping = new AbortController();
  let running: Promise<void> = Promise.resolve();
  return {
    get username() {
      return bot.username;
    },
    async start() {
      await identify(bot, AbortSignal.any([stopping.signal, AbortSignal.timeout(FIRST_CALL_MS)]));
      running = run(bot, stopping.signal);
    },
    async stop() {
      stopping.abort();
      await running;
    },
    settle: (prompt) => bot.conversation.settle(prompt),
  };
}

interface Assembled {
  readonly api: Api;
  /** Waits longer than the server holds a request for updates open. */
  readonly pollApi: Api;
  readonly conversation: Conversation;
  readonly options: TelegramBotOptions;
  readonly timing: TelegramTiming;
  readonly describe: (error: unknown) => string;
  username: string | null;
}

function assemble(options: TelegramBotOptions): Assembled {
  const { token, handlers, log } = options;
  const apiRoot = (options.apiUrl ?? DEFAULT_API_URL).replace(/\/+$/, "");
  const api = createApi(token, { apiRoot, timeoutSeconds: CALL_SECONDS });
  const describe = (error: unknown) => describeError(error, token);
  const messenger = createTelegramSender({ api, log, describe });
  return {
    api,
    pollApi: createApi(token, { apiRoot, timeoutSeconds: LONG_POLL_SECONDS + 10 }),
    conversation: createConversation({ handlers, messenger, log, describe }),
    options,
    timing: { ...POLL_TIMING, leaseRetryMs: 3000, handlerMs: 60_000, ...options.timing },
    describe,
    username: null,
  };
}

/** Asks who the bot is. Throws when the token is refused; other failures are logged and can be tried again. */
async function identify(bot: Assembled, signal: AbortSignal): Promise<void> {
  try {
    const me = await bot.api.getMe(apiSignal(signal));
    bot.username = me.username;
  } catch (error) {
    if (telegramFailure(error) === "wrong_token") {
      // No cause: it would carry the token into whichever log prints it.
      throw new Error(
        "Telegram refuses the bot token. Copy it again from @BotFather, and check the address of the " +
          `Bot API if you set one (${bot.describe(error)}).`,
      );
    }
    if (signal.aborted && signal.reason?.name !== "TimeoutError") return;
    bot.options.log.warn(
      { error: bot.describe(error) },
      "Telegram cannot be reached; trying again",
    );
  }
}

async function run(bot: Assembled, signal: AbortSignal): Promise<void> {
  await identifyUntilKnown(bot, signal);
  if (signal.aborted) return;
  bot.options.log.info({ username: bot.username }, "the Telegram bot is known");
  const handle = createUpdateHandler(bot);
  const commands = setCommands(bot, signal);
  await workUnderLease({
    lease: bot.options.lease,
    signal,
    retryMs: bot.timing.leaseRetryMs,
    log: bot.options.log,
    describe: bot.describe,
    work: (workSignal) =>
      pollUpdates(
        {
          api: bot.pollApi,
          handle,
          timing: bot.timing,
          log: bot.options.log,
          describe: bot.describe,
        },
        workSignal,
      ),
  });
  await commands;
}

async function identifyUntilKnown(bot: Assembled, signal: AbortSignal): Promise<void> {
  const { firstBackoffMs, longestBackoffMs } = bot.timing;
  for (let waitMs = firstBackoffMs; bot.username === null && !signal.aborted; waitMs *= 2) {
    await pause(Math.min(waitMs, longestBackoffMs), signal);
    if (signal.aborted) return;
    try {
      await identify(bot, signal);
    } catch (error) {
      bot.options.log.error({ error: bot.describe(error) }, "the Telegram bot cannot start");
      waitMs = longestBackoffMs;
    }
  }
}

/** What the menu of the chat offers. A bot without it works just as well. */
async function setCommands(bot: Assembled, signal: AbortSignal): Promise<void> {
  try {
    for (const lang of LANGUAGES) {
      // English is for everybody whose language has no list of its own.
      const scope = lang === "en" ? {} : { language_code: lang };
      await bot.api.setMyCommands(commandsOf(lang), scope, apiSignal(signal));
    }
  } catch (error) {
    if (signal.aborted) return;
    bot.options.log.info({ error: bot.describe(error) }, "the menu of the bot could not be set");
  }
}

// One queue for each person: what somebody does takes effect in the order they did it, and nobody waits for others.
function createUpdateHandler(bot: Assembled): Parameters<typeof pollUpdates>[0]["handle"] {
  const people = createSerialQueue();
  return async (update) => {
    const event = readUpdate(update, bot.username);
    if (event === null) return;
    await people.run(event.person.userId, async () => {
      const outcome = await waitAtMost(bot.conversation.handle(event), bot.timing.handlerMs);
      if (outcome === "late")
        bot.options.log.error({ event: event.kind }, "an update took too long");
    });
  };
}
