// Everything the pretend Telegram remembers, in one place, handed to the methods of the Bot API and to the actions of
// persons alike. Nothing of it outlives the process.

import type { Person } from "./people.ts";
import { People } from "./people.ts";
import { Reactions } from "./reactions.ts";
import type { TelegramUser } from "./shapes.ts";
import { CALLBACK_QUERY_LIFE_SECONDS, UpdateQueue } from "./update-queue.ts";

/** A tap that the bot may answer. */
export interface CallbackQuery {
  readonly person: Person;
  /** Unix seconds. */
  readonly tappedAt: number;
  answered: boolean;
}

/** Where a bot's updates go instead of getUpdates. */
export interface WebhookRegistration {
  /** "" when there is none. */
  readonly url: string;
  readonly secretToken: string;
  readonly maxConnections: number;
  readonly ipAddress: string;
}

/** How many callback queries are remembered; the oldest is dropped. */
export const QUERIES_LIMIT = 10_000;

const NO_WEBHOOK: WebhookRegistration = {
  url: "",
  secretToken: "",
  maxConnections: 0,
  ipAddress: "",
};

// Messages count from seconds since this moment, so that after a restart of the sandbox the id of an old message does
// not point at a new one in a bot's database.
const MESSAGE_ID_EPOCH_SECONDS = Date.UTC(2026, 0, 1) / 1000;

/** The memory of one pretend Telegram with its one bot. */
export class TelegramState {
  readonly bot: TelegramUser;
  readonly people = new People();
  readonly reactions = new Reactions();
  readonly updates: UpdateQueue;
  readonly queries = new Map<string, CallbackQuery>();
  /** The bot's commands, by scope and language. */
  readonly commands = new Map<string, unknown>();
  /** Where updates should go. Delivery is not built yet: while a webhook is set, updates wait. */
  webhook: WebhookRegistration = NO_WEBHOOK;
  readonly #now: () => number;
  #nextMessageId: number;

  /** `now` gives the time in milliseconds. */
  constructor(bot: TelegramUser, now: () => number) {
    this.bot = bot;
    this.#now = now;
    this.#nextMessageId = Math.max(1, this.nowSeconds() - MESSAGE_ID_EPOCH_SECONDS);
    const { reactions } = this;
    this.updates = new UpdateQueue(
      {
        fetched: (updateIds) => reactions.fetched(updateIds),
        confirmed: (belowId) => reactions.confirmed(belowId),
      },
      () => this.#now() / 1000,
    );
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
   * True when a query may be answered: once, and for as long as its update lives. Telegram names no number for the
   * answer; this is the most generous one that fits what it says of updates.
   */
  mayAnswer(query: CallbackQuery): boolean {
    return !query.answered && this.nowSeconds() - query.tappedAt <= CALLBACK_QUERY_LIFE_SECONDS;
  }

  /** Removes the webhook. */
  dropWebhook(): void {
    this.webhook = NO_WEBHOOK;
  }

  /** Ends every wait of bots and of persons. */
  close(): void {
    this.updates.close();
    this.reactions.close();
  }
}
