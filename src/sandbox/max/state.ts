// Everything the pretend MAX remembers, in one place, handed to the methods of its API and to the
// actions of persons alike. Nothing of it outlives the process.

import { randomBytes } from "node:crypto";
import { Faults } from "../faults.ts";
import { findMessage, People } from "../people.ts";
import { RateLimit } from "../rate-limit.ts";
import { Reactions } from "../reactions.ts";
import { tooManyRequests } from "./api-error.ts";
import { type MaxMessage, type MaxPerson, newPerson, userIdOf } from "./person.ts";
import type { MaxRules } from "./rules.ts";
import type { AvatarUrl, MaxUpdate, MaxUser } from "./shapes.ts";
import { MaxSubscriptions } from "./subscriptions.ts";
import { MaxUpdates } from "./updates.ts";

/** A message together with the one in whose dialog it stands. */
export interface FoundMessage {
  readonly person: MaxPerson;
  readonly message: MaxMessage;
}

/** A tap that the bot may answer, any number of times: MAX says nothing of an end. */
export interface Tapped {
  readonly person: MaxPerson;
  readonly messageId: string;
}

/** How many taps are remembered; the oldest is dropped. */
export const TAPS_LIMIT = 10_000;

/** How a pretend MAX remembers. */
export interface MaxStateOptions {
  /** The time in milliseconds. */
  readonly now: () => number;
  readonly rules: MaxRules;
  readonly avatarUrl: AvatarUrl;
}

const CALLS_PER_SECOND = 30;
const DIALOG_CALLS_PER_SECOND = 2;
// As in captured messages: milliseconds and a counter, together above 2^53.
const SEQ_COUNTER_BITS = 16n;

/** The memory of one pretend MAX with its one bot. */
export class MaxState {
  readonly bot: MaxUser;
  readonly rules: MaxRules;
  readonly avatarUrl: AvatarUrl;
  readonly faults = new Faults();
  readonly reactions = new Reactions();
  readonly people: People<MaxPerson>;
  readonly updates: MaxUpdates;
  readonly subscriptions: MaxSubscriptions;
  /** Taps by callback id. */
  readonly taps = new Map<string, Tapped>();
  /** The bot's commands, as it gave them. */
  commands: readonly object[] = [];
  /** The time in milliseconds, as MAX's times are. */
  readonly now: () => number;
  readonly #callLimit: RateLimit;
  readonly #dialogLimit: RateLimit;
  #lastSeq = 0n;

  constructor(bot: MaxUser, { now, rules, avatarUrl }: MaxStateOptions) {
    this.bot = bot;
    this.rules = rules;
    this.avatarUrl = avatarUrl;
    this.now = now;
    this.people = new People((id, profile) => newPerson(id, profile, bot.user_id));
    this.#callLimit = new RateLimit({ limit: CALLS_PER_SECOND, windowMs: 1000, now });
    this.#dialogLimit = new RateLimit({ limit: DIALOG_CALLS_PER_SECOND, windowMs: 1000, now });
    const { faults, reactions } = this;
    this.subscriptions = new MaxSubscriptions({ faults, reactions, rules, now });
    const events = {
      isSubscribed: () => this.subscriptions.size > 0,
      fetched: (places: readonly number[]) => reactions.fetched(places),
      confirmed: (beforePlace: number) => reactions.confirmed(beforePlace),
    };
    this.updates = new MaxUpdates(events, rules);
  }

  /** The person with whom this dialog is, or undefined. */
  findByChat(chatId: number): MaxPerson | undefined {
    return this.people.find(userIdOf(chatId, this.bot.user_id));
  }

  /** The message with this `mid`, or undefined. */
  findByMid(mid: string): FoundMessage | undefined {
    const chatId = Number.parseInt(/^mid\.([0-9a-f]{16})[0-9a-f]{16}$/.exec(mid)?.[1] ?? "", 16);
    const person = Number.isSafeInteger(chatId) ? this.findByChat(chatId) : undefined;
    const message = person && findMessage(person, mid);
    return person && message && { person, message };
  }

  /** A new message for a dialog; it is not put there yet. */
  makeMessage(
    { chatId }: MaxPerson,
    content: Pick<MaxMessage, "from" | "text" | "keyboard">,
  ): MaxMessage {
    const timestamp = this.now();
    const earliest = BigInt(Math.trunc(timestamp)) << SEQ_COUNTER_BITS;
    const seq = earliest > this.#lastSeq ? earliest : this.#lastSeq + 1n;
    this.#lastSeq = seq;
    const id = `mid.${hex(BigInt(chatId))}${hex(seq)}`;
    return { ...content, id, seq, timestamp, keyboardId: newKeyboardId() };
  }

  /** Remembers a tap, and forgets the oldest one when there are too many. */
  rememberTap(callbackId: string, tapped: Tapped): void {
    this.taps.delete(callbackId);
    this.taps.set(callbackId, tapped);
    const oldest = this.taps.keys().next();
    if (this.taps.size > TAPS_LIMIT && !oldest.done) this.taps.delete(oldest.value);
  }

  /**
   * Gives an update to the bot: to every subscription that wants it, or to the pollers when there
   * is none. Returns its number, or undefined when the bot will not see it.
   */
  publish(person: MaxPerson, update: MaxUpdate): number | undefined {
    const copies = this.faults.takeCopies();
    if (this.subscriptions.size === 0) return this.updates.push(update, copies);
    return this.subscriptions.publish(update, { lane: String(person.chatId), copies });
  }

  /** Counts a call of the bot. Throws 429 when it was one too many. */
  countCall(): void {
    if (this.rules.rateLimits && this.#callLimit.take("all") > 0) throw tooManyRequests();
  }

  /** Counts a send, edit or answer in a dialog. Throws 429 when it was one too many. */
  countDialogCall({ chatId }: MaxPerson): void {
    if (this.rules.rateLimits && this.#dialogLimit.take(chatId) > 0) throw tooManyRequests();
  }

  /** Ends every wait of bots and of persons. */
  close(): void {
    this.subscriptions.close();
    this.updates.close();
    this.reactions.close();
  }
}

function hex(value: bigint): string {
  return value.toString(16).padStart(16, "0");
}

/** A new name for a keyboard, or for a tap. */
export function newKeyboardId(): string {
  return `f9LHod${randomBytes(36).toString("base64url")}`;
}
