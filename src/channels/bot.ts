// A bot, whichever messenger it lives in: what the gateway may do with it, and what it is made of.
// The bots themselves are in telegram.ts and max.ts; what both have in common is in
// messenger-bot.ts.

import type { Avatar } from "../core/avatar.ts";
import type { BotHandlers } from "../core/bot-ports.ts";
import type { MessengerCall } from "../core/observer.ts";
import type { StalePrompt } from "../core/prompt.ts";
import type { Channel } from "../core/subscriber.ts";
import type { BotLog } from "./bot-log.ts";
import type { PollingLease } from "./polling-lease.ts";

/** A bot. */
export interface Bot {
  readonly channel: Channel;
  /** The bot's username without `@`; null until the messenger has told it. */
  readonly username: string | null;
  /** The messenger's id of the account, as text; null until the messenger has told it. */
  readonly messengerBotId: string | null;
  /**
   * Whether the messenger refused the token when it was asked last: the bot can answer nobody.
   * Looked at every `tokenCheckMs`; a messenger out of reach says nothing about it.
   */
  readonly tokenRefused: boolean;
  /**
   * Starts the bot. Rejects with a sentence when the token is refused or the CA file cannot be
   * used; resolves when the messenger cannot be reached. It goes on trying in any case, until
   * `stop`. Call it once.
   */
  start(): Promise<void>;
  /**
   * Ends the bot: polling at once, running handlers within 5 s. What is unfinished then, another
   * process takes up.
   */
  stop(): Promise<void>;
  /**
   * Ends the bot for good: as `stop`, and the messenger is told to deliver to its webhook no more,
   * within 5 s and if it can be reached. A webhook of somebody else stays. Never rejects.
   */
  leave(): Promise<void>;
  /**
   * Edits a prompt that is over to what became of it, without the buttons it had (see
   * Conversation). Does nothing while it is live. False when the edit failed and is worth another
   * try. Works after `stop` too. Never rejects.
   */
  settle(prompt: StalePrompt): Promise<boolean>;
  /**
   * One update as the messenger delivered it to the webhook, authenticated and parsed already.
   * Resolves once it is noted, so that the delivery may be confirmed; it is handled after that, of
   * one person in order. Rejects when it could not be noted: the messenger must deliver it again.
   */
  receive(update: unknown): Promise<void>;
  /**
   * The person's picture; null when they have none that the bot may see, or when the messenger has
   * an address for it that anybody may know. Rejects, without secrets, when the messenger cannot be
   * asked or takes longer than 5 s.
   */
  avatar(userId: string): Promise<Avatar | null>;
  /**
   * How the bot is doing, asked of the messenger now. Never rejects; holds no token and no secret.
   */
  inspect(): Promise<BotReport>;
}

/** How updates come. */
export type UpdateMode = PollingMode | WebhookMode;

/** This process asks for them, while it holds the lease. */
export interface PollingMode {
  readonly kind: "polling";
  readonly lease: PollingLease;
  /**
   * Where this Tapin would have updates delivered, were it set to webhooks. A webhook at exactly
   * this URL is its own from before and is removed; every other one is left alone. Default null:
   * every webhook is left alone.
   */
  readonly ownWebhookUrl?: string | null;
}

/** The messenger delivers them. */
export interface WebhookMode {
  readonly kind: "webhook";
  /**
   * Where to: https, except to an emulator. Webhooks in the same folder (everything up to the last
   * slash) count as this Tapin's own and are replaced; a foreign one is not.
   */
  readonly url: string;
  /** What the messenger sends along in a header: 5-256 of `A-Za-z0-9_-`. */
  readonly secret: string;
}

/** The webhook a polling bot may remove; null = none. */
export function ownWebhookUrl(updates: UpdateMode): string | null {
  return updates.kind === "polling" ? (updates.ownWebhookUrl ?? null) : null;
}

/**
 * What a log must not show about how updates come: the secret, and the path that nobody can guess.
 */
export function secretsOf(updates: UpdateMode): readonly string[] {
  const url = updates.kind === "webhook" ? updates.url : (updates.ownWebhookUrl ?? "");
  const path = URL.canParse(url) ? (new URL(url).pathname.split("/").at(-1) ?? "") : "";
  return updates.kind === "webhook" ? [updates.secret, path] : [path];
}

/** What a bot of any messenger is made of. */
export interface BotOptions {
  readonly token: string;
  /** Root of the messenger's API, such as that of an emulator; null = the real one. */
  readonly apiUrl: string | null;
  readonly handlers: BotHandlers;
  readonly updates: UpdateMode;
  readonly log: BotLog;
  /** Hears of every call to the messenger. Default: nobody. */
  readonly onCall?: (call: MessengerCall) => void;
  /** What the operator does about a refused token. Default: {@link TOKEN_ADVICE}. */
  readonly tokenAdvice?: string;
  /** Pauses; what is left out keeps its default. */
  readonly timing?: Partial<BotTiming>;
}

/** What to do about a refused token that comes from the settings. */
export const TOKEN_ADVICE = "set a valid one and restart";

/** Pauses of a bot, in milliseconds. The defaults are what production needs; tests shorten them. */
export interface BotTiming {
  /** How long start() waits for the first answer. Default 5000. */
  readonly firstCallMs: number;
  /** After the first failure in a row; doubles with each. Default 1000. */
  readonly firstBackoffMs: number;
  /**
   * Longest pause after failures; also while a foreign webhook is set or the token is wrong.
   * Default 30 000.
   */
  readonly longestBackoffMs: number;
  /** How long running handlers may go on after the end. Default 5000. */
  readonly drainMs: number;
  /** Until the next try for a lease another process has. Default 3000. */
  readonly leaseRetryMs: number;
  /** How long one update may take before the same person's next one is begun. Default 60 000. */
  readonly handlerMs: number;
  /**
   * Between two looks at the webhook's registration. Default 600 000: MAX drops it after 8 h of
   * failures.
   */
  readonly reconcileMs: number;
  /** Between two looks whether the token is still accepted. Default 60 000. */
  readonly tokenCheckMs: number;
  /** Between two looks for updates that a dead process left. Default 3000. */
  readonly sweepMs: number;
  /**
   * How old what a person did may be, when MAX is asked for updates for the first time and may send
   * old ones once more. Default 300 000; the life of a session is right.
   */
  readonly replayMs: number;
}

/** The defaults. */
export const BOT_TIMING: BotTiming = {
  firstCallMs: 5000,
  firstBackoffMs: 1000,
  longestBackoffMs: 30_000,
  drainMs: 5000,
  leaseRetryMs: 3000,
  handlerMs: 60_000,
  reconcileMs: 600_000,
  tokenCheckMs: 60_000,
  sweepMs: 3000,
  replayMs: 300_000,
};

/** How a bot is doing. */
export interface BotReport {
  readonly channel: Channel;
  /** Null when the messenger could not be asked. */
  readonly tokenValid: boolean | null;
  readonly username: string | null;
  readonly messengerBotId: string | null;
  readonly mode: UpdateMode["kind"];
  /** Whether this process is the one that polls; null with webhooks. */
  readonly leaseHeld: boolean | null;
  /** Null when the messenger could not be asked. */
  readonly webhook: WebhookReport | null;
  /** What is wrong and what to do about it, a sentence each; empty when all is well. */
  readonly problems: readonly string[];
}

/**
 * What a messenger knows of a bot's webhooks. Of every URL only the origin is told: the path is a
 * secret.
 */
export interface WebhookReport {
  /** Where updates should go; null when polling. */
  readonly expectedOrigin: string | null;
  /** Where updates go. */
  readonly registeredOrigins: readonly string[];
  /** Whether the expected one is registered, with the right kinds of update. */
  readonly registered: boolean;
  /** What went wrong with a delivery last; null when nothing did or the messenger does not tell. */
  readonly lastError: string | null;
  /** How many updates wait; null when the messenger does not tell. */
  readonly pendingUpdates: number | null;
}
