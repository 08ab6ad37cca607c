// The life of a bot, the same in every messenger: finds out who it is, gets updates by polling or
// by webhook, answers people, and stops. What a messenger's API looks like is behind the
// MessengerSide interface.

import type { Avatar } from "../core/avatar.ts";
import type { BotAccount } from "../core/bot-ports.ts";
import { inTrace } from "../trace.ts";
import { type Bot, type BotOptions, type BotTiming, TOKEN_ADVICE, type UpdateMode } from "./bot.ts";
import type { BotLog } from "./bot-log.ts";
import { type Conversation, createConversation } from "./conversation.ts";
import { handlersInTurn } from "./handlers-in-turn.ts";
import { createInbox, type Inbox } from "./inbox.ts";
import { inspectBot } from "./inspect-bot.ts";
import type { MessengerSide } from "./messenger-side.ts";
import { pause, waitAtMost } from "./pause.ts";
import { workUnderLease } from "./polling-lease.ts";
import { keepWebhook, removeWebhooks } from "./webhook-registration.ts";

/** A bot while it lives. */
interface LivingBot {
  readonly side: MessengerSide;
  readonly updates: UpdateMode;
  readonly timing: BotTiming;
  readonly log: BotLog;
  readonly conversation: Conversation;
  readonly inbox: Inbox;
  readonly tokenAdvice: string;
  account: BotAccount | null;
  tokenRefused: boolean;
  leaseHeld: boolean;
}

/** Makes a bot of a messenger's side; nothing happens before start(). */
export function createMessengerBot(
  side: MessengerSide,
  options: BotOptions,
  timing: BotTiming,
): Bot {
  const bot = assemble(side, options, timing);
  const stopping = new AbortController();
  let running: Promise<unknown> = Promise.resolve();
  const end = async (last: () => Promise<void>) => {
    stopping.abort();
    // Last, or it might be registered once more.
    const ended = running.then(last);
    await Promise.all([ended, waitAtMost(bot.inbox.idle(), timing.drainMs)]);
  };
  return {
    channel: side.channel,
    get username() {
      return bot.account?.username ?? null;
    },
    get messengerBotId() {
      return bot.account?.messengerBotId ?? null;
    },
    get tokenRefused() {
      return bot.tokenRefused;
    },
    async start() {
      const first = AbortSignal.timeout(timing.firstCallMs);
      try {
        await identify(bot, AbortSignal.any([stopping.signal, first]));
      } finally {
        // It goes on after the request that may have brought the bot.
        running = inTrace(null, () => run(bot, stopping.signal));
      }
    },
    stop: () => end(async () => {}),
    leave: () => end(() => unregister(bot)),
    settle: (prompt) => bot.conversation.settle(prompt),
    async receive(update) {
      if (stopping.signal.aborted) throw new Error("this bot has been stopped");
      // Notes are kept by the bot's id: under no id the same update would be taken for two.
      if (bot.account === null) throw new Error("the messenger has not told yet who this bot is");
      await bot.inbox.take(update);
    },
    avatar: (userId) => readAvatar(bot, userId, stopping.signal),
    async inspect() {
      const report = await inspectBot(bot);
      if (report.tokenValid !== null) bot.tokenRefused = !report.tokenValid;
      return report;
    },
  };
}

function assemble(side: MessengerSide, options: BotOptions, timing: BotTiming): LivingBot {
  const { log, updates } = options;
  const handlers = handlersInTurn(options.handlers);
  const { errors, messenger, completePerson, knownPerson } = side;
  const conversation = createConversation({
    handlers,
    messenger,
    log,
    describe: errors.describe,
    ...(completePerson === undefined ? {} : { completePerson }),
  });
  const inbox = createInbox({
    handlers,
    read: (update) => side.read(update, bot.account?.username ?? null),
    handle: (event, spoken) => conversation.handle(event, spoken),
    ...(knownPerson === undefined ? {} : { knownPerson }),
    timing,
    log,
    errors,
  });
  const bot: LivingBot = {
    side,
    updates,
    timing,
    log,
    conversation,
    inbox,
    tokenAdvice: options.tokenAdvice ?? TOKEN_ADVICE,
    account: null,
    tokenRefused: false,
    leaseHeld: false,
  };
  return bot;
}

/**
 * Asks who the bot is. Throws a sentence when only the operator can help; other failures are
 * logged.
 */
async function identify(bot: LivingBot, signal: AbortSignal): Promise<void> {
  const { side, log } = bot;
  try {
    await askAccount(bot, signal);
  } catch (error) {
    const sentence = side.fatal(error);
    // No cause: it would carry the token into whichever log prints it.
    if (sentence !== null) throw new Error(`${sentence} (${side.errors.describe(error)})`);
    if (signal.aborted && signal.reason?.name !== "TimeoutError") return;
    const fields = { error: side.errors.describe(error) };
    log.warn(fields, `${side.name} cannot be reached; trying again`);
  }
}

/**
 * Asks who the bot is, which tells whether its token is accepted. Rejects as the messenger's side
 * does.
 */
async function askAccount(bot: LivingBot, signal: AbortSignal): Promise<void> {
  try {
    bot.account = await bot.side.askAccount(signal);
    bot.tokenRefused = false;
  } catch (error) {
    if (bot.side.errors.failureOf(error) === "wrong_token") bot.tokenRefused = true;
    throw error;
  }
}

async function run(bot: LivingBot, signal: AbortSignal): Promise<void> {
  await identifyUntilKnown(bot, signal);
  if (signal.aborted) return;
  const { side, log } = bot;
  log.info({ username: bot.account?.username }, `the ${side.name} bot is known`);
  await Promise.all([
    setCommands(bot, signal),
    bot.inbox.sweep(signal),
    getUpdates(bot, signal),
    watchToken(bot, signal),
  ]);
}

// A process that does not poll, or gets updates by webhook, would not learn otherwise that its
// token was revoked.
async function watchToken(bot: LivingBot, signal: AbortSignal): Promise<void> {
  const { side, timing, updates, log, tokenAdvice } = bot;
  for (;;) {
    await pause(timing.tokenCheckMs, signal);
    if (signal.aborted) return;
    const before = bot.tokenRefused;
    // A messenger out of reach says nothing about the token, and whoever needs it says so.
    await askAccount(bot, signal).catch(() => {});
    if (bot.tokenRefused === before) continue;
    if (!bot.tokenRefused) log.info({}, `${side.name} accepts the bot token again`);
    // Whoever polls says it too, and sooner.
    else if (updates.kind === "webhook") {
      log.error({}, `${side.name} no longer accepts the bot token: ${tokenAdvice}`);
    }
  }
}

async function getUpdates(bot: LivingBot, signal: AbortSignal): Promise<void> {
  const { side, updates, timing, log } = bot;
  const { name, errors, webhooks } = side;
  if (updates.kind === "webhook") {
    return await keepWebhook({ name, calls: webhooks, log, errors, timing }, updates, signal);
  }
  await workUnderLease({
    lease: updates.lease,
    signal,
    retryMs: timing.leaseRetryMs,
    log,
    describe: errors.describe,
    work: async (workSignal) => {
      bot.leaseHeld = true;
      await side.poll(bot.inbox, workSignal);
      bot.leaseHeld = false;
    },
  });
}

/**
 * With a token that is refused, or a messenger that cannot be reached, it stays: deliveries to it
 * find nothing.
 */
async function unregister({ side, updates, timing, log, account }: LivingBot): Promise<void> {
  if (updates.kind !== "webhook" || account === null) return;
  const signal = AbortSignal.timeout(timing.firstCallMs);
  try {
    await removeWebhooks(side.webhooks, updates.url, signal);
    log.info({}, `${side.name} delivers to the webhook no more`);
  } catch (error) {
    log.info({ error: side.errors.describe(error) }, "the webhook could not be removed");
  }
}

async function identifyUntilKnown(bot: LivingBot, signal: AbortSignal): Promise<void> {
  const { firstBackoffMs, longestBackoffMs } = bot.timing;
  let told = "";
  for (let waitMs = firstBackoffMs; bot.account === null && !signal.aborted; waitMs *= 2) {
    await pause(Math.min(waitMs, longestBackoffMs), signal);
    if (signal.aborted) return;
    try {
      await identify(bot, signal);
      told = "";
    } catch (error) {
      const reason = bot.side.errors.describe(error);
      if (reason !== told)
        bot.log.error({ error: reason }, `the ${bot.side.name} bot cannot start`);
      told = reason;
      waitMs = longestBackoffMs;
    }
  }
}

/** Longest time for the whole picture, in milliseconds. */
const AVATAR_MS = 5000;

async function readAvatar(
  { side, log }: LivingBot,
  userId: string,
  stopping: AbortSignal,
): Promise<Avatar | null> {
  if (side.readAvatar === undefined) return null;
  const signal = AbortSignal.any([stopping, AbortSignal.timeout(AVATAR_MS)]);
  try {
    return await side.readAvatar(userId, signal);
  } catch (error) {
    const described = side.errors.describe(error);
    log.warn({ error: described }, "a picture could not be read");
    // No cause: it would carry the token into whichever log prints it.
    throw new Error(described);
  }
}

/** A bot without its menu works just as well. */
async function setCommands({ side, log }: LivingBot, signal: AbortSignal): Promise<void> {
  try {
    await side.setCommands(signal);
  } catch (error) {
    if (signal.aborted) return;
    log.info({ error: side.errors.describe(error) }, "the menu of the bot could not be set");
  }
}
