// Everything the pretend Telegram remembers, in one place, handed to the methods of the Bot API and
// to the actions of persons alike. Nothing of it outlives the process.

import { Faults } from "../faults.ts";
import { People } from "../people.ts";
import { Reactions } from "../reactions.ts";
import { newPerson, type Person } from "./person.ts";
import type { TelegramRules } from "./rules.ts";
import { SendLimits } from "./send-limits.ts";
import type { TelegramUser } from "./shapes.ts";
import { ToldPaths } from "./told-paths.ts";
import { CALLBACK_QUERY_LIFE_SECONDS, UpdateQueue } from "./update-queue.ts";
import { TelegramWebhook } from "./webhook.ts";

/** A tap that the bot may answer. */
export interface CallbackQuery {
  readonly person: Person;
  /** Unix seconds. */
  readonly tappedAt: number;
  answered: boolean;
}

/** How many callback queries are remembered; the oldest is dropped. */
export const QUERIES_LIMIT = 10_000;

// Messages count from seconds since this moment, so that after a restart of the sandbox the id of
// an old message does not point at a new one in a bot's database.
const MESSAGE_ID_EPOCH_SECONDS = Date.UTC(2026, 0, 1) / 1000;

/** The memory of one pretend Telegram with its one bot. */
export class TelegramState {
  readonly bot: TelegramUser;
  readonly rules: TelegramRules;
  readonly faults = new Faults();
  readonly people = new People<Person>(newPerson);
  readonly reactions = new Reactions();
  readonly updates: UpdateQueue;
  readonly queries = new Map<string, CallbackQuery>();
  /** The bot's commands, by scope and language. */
  readonly commands = new Map<string, unknown>();
  /** Paths of files that the bot may download. */
  readonly paths = new ToldPaths();
  readonly webhook: TelegramWebhook;
  readonly limits: SendLimits;
  readonly #now: () => number;
  #nextMessageId: number;

  /** `now` gives the time in milliseconds. */
  constructor(bot: TelegramUser, { now, rules }: { now: () => number; rules: TelegramRules }) {
    this.bot = bot;
    this.rules = rules;
    this.#now = now;
    this.limits = new SendLimits(now);
    this.#nextMessageId = Math.max(1, this.nowSeconds() - MESSAGE_ID_EPOCH_SECONDS);
    const { reactions, faults } = this;
    this.updates = new UpdateQueue(
      {
        fetched: (updateIds) => reactions.fetched(updateIds),
        confirmed: (belowId) => reactions.confirmed(belowId),
        added: (update) => this.webhook.offer(update),
      },
      () => this.#now() / 1000,
    );
    this.webhook = new TelegramWebhook({
      updates: this.updates,
      reactions,
      faults,
      rules,
      now: () => this.nowSeconds(),
    });
  }

  /** The time in whole seconds, as Telegram's dates are. */
  nowSeconds(): number {
    return Math.floor(this.#now() / 1000);
  }

  /** The id of the next message, of either side; it only rises. */
  takeMessageId(): number {
    return this.#nextMessageId++;
  }

  /** Remembers a tap, and forgets the oldest one when there are too many. */
  rememberQuery(id: string, query: CallbackQuery): void {
    this.queries.set(id, query);
    const oldest = this.queries.keys().next();
    if (this.queries.size > QUERIES_LIMIT && !oldest.done) this.queries.delete(oldest.value);
  }

  /**
   * True when a query may be answered: once, and for as long as its update lives. Telegram names no
   * number for the answer; this is the most generous one that fits what it says of updates.
   */
  mayAnswer(query: CallbackQuery): boolean {
    return !query.answered && this.nowSeconds() - query.tappedAt <= CALLBACK_QUERY_LIFE_SECONDS;
  }

  /** Ends every wait of bots and of persons. */
  close(): void {
    this.webhook.drop();
    this.updates.close();
    this.reactions.close();
  }
}
