// How a bot is doing, for the operator: asks its messenger, compares with what should be, and says
// what to do.

import type { BotAccount } from "../core/bot-ports.ts";
import type { BotReport, UpdateMode, WebhookReport } from "./bot.ts";
import type { MessengerSide } from "./messenger-side.ts";
import { isOwn, originOf, type WebhookState } from "./webhook-registration.ts";

/** Longest wait for the messenger, in milliseconds. */
const ASK_MS = 5000;

/** A bot, as far as it is inspected. */
interface LivingBot {
  readonly side: MessengerSide;
  readonly updates: UpdateMode;
  readonly account: BotAccount | null;
  readonly leaseHeld: boolean;
  readonly tokenAdvice: string;
}

/** Inspects a bot. Never rejects; the report holds no token and no secret. */
export async function inspectBot(bot: LivingBot): Promise<BotReport> {
  const { side, updates } = bot;
  const problems: string[] = [];
  const refusal = `${side.name}: the bot token is refused: ${bot.tokenAdvice}`;
  const account = await ask(bot, { problems, refusal }, (signal) => side.askAccount(signal));
  const state =
    account === null
      ? null
      : await ask(bot, { problems, refusal }, (signal) => side.webhooks.state(signal));
  const webhook = state && describeWebhook(bot, state);
  if (state !== null) problems.push(...webhookProblems(bot, state));
  const { username, messengerBotId } = account ?? bot.account ?? NOBODY;
  return {
    channel: side.channel,
    tokenValid: account !== null ? true : problems.includes(refusal) ? false : null,
    username,
    messengerBotId,
    mode: updates.kind,
    leaseHeld: updates.kind === "polling" ? bot.leaseHeld : null,
    webhook,
    problems,
  };
}

const NOBODY: { readonly [Key in keyof BotAccount]: null } = {
  username: null,
  messengerBotId: null,
};

async function ask<T>(
  { side }: LivingBot,
  { problems, refusal }: { problems: string[]; refusal: string },
  question: (signal: AbortSignal) => Promise<T>,
): Promise<T | null> {
  try {
    return await question(AbortSignal.timeout(ASK_MS));
  } catch (error) {
    const isRefused = side.errors.failureOf(error) === "wrong_token";
    const [reason] = side.errors.describe(error).split("\n");
    const unreached =
      side.fatal(error) ?? `${side.name} cannot be asked: check the network (${reason})`;
    problems.push(isRefused ? refusal : unreached);
    return null;
  }
}

function describeWebhook({ updates, side }: LivingBot, state: WebhookState): WebhookReport {
  const wanted = updates.kind === "webhook" ? updates.url : null;
  const { registrations, lastError, pendingUpdates } = state;
  return {
    expectedOrigin: wanted === null ? null : originOf(wanted),
    registeredOrigins: registrations.map(({ url }) => originOf(url)),
    registered: registrations.some(({ url, intact }) => url === wanted && intact),
    lastError: lastError === null ? null : side.errors.describe(lastError),
    pendingUpdates,
  };
}

function webhookProblems(bot: LivingBot, state: WebhookState): string[] {
  const { side, updates } = bot;
  const report = describeWebhook(bot, state);
  const own = updates.kind === "webhook" ? updates.url : (updates.ownWebhookUrl ?? null);
  const foreign = state.registrations.filter(({ url }) => own === null || !isOwn(url, own));
  const problems = foreign.map(
    ({ url }) =>
      `${side.name}: updates go to a webhook at ${originOf(url)}, which is not this Tapin's. ` +
      `If nothing needs it, remove it with ${side.webhooks.removal}; else use another bot here`,
  );
  if (updates.kind === "webhook" && !report.registered && foreign.length === 0) {
    problems.push(
      `${side.name}: the webhook is not registered yet. Check that the public URL is reachable by https; ` +
        "Tapin registers it again by itself",
    );
  }
  if (updates.kind === "webhook" && report.lastError !== null) {
    problems.push(`${side.name}: a delivery to the webhook has failed (${report.lastError})`);
  }
  return problems;
}
