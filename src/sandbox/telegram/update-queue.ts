// The updates that wait for the bot, and the long poll that fetches them. Follows the real server's
// queue (tdlib/td TQueue, telegram-bot-api Client::do_get_updates): an offset confirms all below
// it, one poller at a time. Not emulated: the real server slows identical short polls down to one
// in 3 s.

import { randomInt } from "node:crypto";
import { WaitingPolls } from "../waiting-polls.ts";
import { conflict, restarting, type TelegramApiError } from "./api-error.ts";

/** The kinds of update the pretend messenger makes. */
export type UpdateKind = "message" | "callback_query" | "my_chat_member";

/** An update as the Bot API writes it: its id, and the content under the name of its kind. */
export interface TelegramUpdate extends Readonly<Partial<Record<UpdateKind, object>>> {
  readonly update_id: number;
}

/** One getUpdates call. */
export interface Poll {
  /**
   * First update wanted; all below it are confirmed and gone. Negative: keep only so many of the
   * newest. 0: the oldest.
   */
  readonly offset: number;
  /** How many at most, 1-100. */
  readonly limit: number;
  /** How long to wait for the first one, in seconds, 0-50. */
  readonly timeoutSeconds: number;
  /** Aborted when the poller leaves; it then no longer stands in the way of the next one. */
  readonly signal: AbortSignal;
}

/** What the queue reports while it is used. */
export interface QueueEvents {
  /** These updates were handed to a poller (again, perhaps). */
  readonly fetched: (updateIds: readonly number[]) => void;
  /** A poller confirmed every update below this id. */
  readonly confirmed: (belowId: number) => void;
  /** This update was added. Told after push has returned its id. */
  readonly added?: (update: TelegramUpdate) => void;
}

interface Entry {
  readonly update: TelegramUpdate;
  readonly expiresAt: number;
}

/**
 * How long a callback query waits to be fetched, in seconds (tdlib/telegram-bot-api,
 * `add_update(..., 150, ...)`).
 */
export const CALLBACK_QUERY_LIFE_SECONDS = 150;

/**
 * How long any other update waits, in seconds. https://core.telegram.org/bots/api#getting-updates
 */
export const UPDATE_LIFE_SECONDS = 24 * 60 * 60;

/**
 * How many updates wait at most; the oldest are dropped. Keeps memory bounded when no bot polls.
 */
export const QUEUE_LIMIT = 10_000;

// Beyond the newest id by more than this, the real server takes an offset for a mistake and starts
// from the oldest.
const FUTURE_OFFSET_TOLERANCE = 10;
const CONFLICT_DELAY_SECONDS = 3;
const OTHER_POLLER =
  "terminated by other getUpdates request; make sure that only one bot instance is running";

/** The queue of one bot. */
export class UpdateQueue {
  readonly #events: QueueEvents;
  readonly #now: () => number;
  readonly #polls = new WaitingPolls<readonly TelegramUpdate[]>();
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #delayedConflicts = new Set<(error: TelegramApiError) => void>();
  #entries: Entry[] = [];
  // Random, as with the real server after a silent week: a bot that dedupes by id across a restart
  // of the sandbox must not take a new update for an old one.
  #nextId = randomInt(100_000_000, 1_000_000_000);
  #lastConflictAt = Number.NEGATIVE_INFINITY;
  #allowed: ReadonlySet<string> | undefined;
  #closed = false;

  /** `now` gives the time in seconds. */
  constructor(events: QueueEvents, now: () => number) {
    this.#events = events;
    this.#now = now;
  }

  /** How many updates wait. */
  get size(): number {
    this.#dropExpired();
    return this.#entries.length;
  }

  /** The kinds the bot asked for, as it named them; undefined when it never did. */
  get allowed(): readonly string[] | undefined {
    return this.#allowed && [...this.#allowed];
  }

  /**
   * Remembers which kinds of update the bot wants; an empty list means the default, which has all
   * three.
   */
  allow(kinds: readonly string[]): void {
    this.#allowed = kinds.length === 0 ? undefined : new Set(kinds);
  }

  /**
   * Adds an update, `copies` times under the same id (default 1), and wakes the waiting poller.
   * Returns its id, or undefined when the bot does not want the kind.
   */
  push(kind: UpdateKind, content: object, copies = 1): number | undefined {
    if (this.#allowed !== undefined && !this.#allowed.has(kind)) return undefined;
    const life = kind === "callback_query" ? CALLBACK_QUERY_LIFE_SECONDS : UPDATE_LIFE_SECONDS;
    const id = this.#nextId++;
    const update = { update_id: id, [kind]: content };
    const entry = { update, expiresAt: this.#now() + life };
    this.#entries.push(...Array<Entry>(copies).fill(entry));
    if (this.#entries.length > QUEUE_LIMIT) this.#entries.shift();
    // Not at once: who pushes gets to know the id before the update can be fetched.
    queueMicrotask(() => {
      this.#polls.wake();
      for (let copy = 0; copy < copies; copy += 1) this.#events.added?.(update);
    });
    return id;
  }

  /**
   * Fetches updates. Rejects with 409 when, before the first update comes, another poll begins or a
   * webhook is set, and with 500 when the queue is closed.
   */
  poll(poll: Poll): Promise<readonly TelegramUpdate[]> {
    if (this.#closed) return Promise.reject(restarting());
    this.#dropExpired();
    const from = this.#settleOffset(poll.offset);
    const ready = this.#take(from, poll.limit);
    if (ready.length > 0 || poll.timeoutSeconds === 0) return Promise.resolve(ready);
    this.interrupt(OTHER_POLLER);
    return this.#polls.wait({
      seconds: poll.timeoutSeconds,
      signal: poll.signal,
      empty: () => [],
      take: () => {
        const updates = this.#take(from, poll.limit);
        return updates.length > 0 ? updates : undefined;
      },
    });
  }

  /** Ends the waiting poll, if there is one, with 409 `Conflict: <problem>`. */
  interrupt(problem: string): void {
    for (const settle of this.#polls.detach()) this.failConflict(problem, settle);
  }

  /**
   * Gives a 409 to `fail`: at once, or after 3 s when the last one is less than 3 s ago, so that
   * two pollers fighting for the updates do not spin (telegram-bot-api `fail_query_conflict`).
   */
  failConflict(problem: string, fail: (error: TelegramApiError) => void): void {
    if (this.#now() >= this.#lastConflictAt + CONFLICT_DELAY_SECONDS) {
      this.#lastConflictAt = this.#now();
      fail(conflict(problem));
      return;
    }
    this.#delayedConflicts.add(fail);
    this.#later(CONFLICT_DELAY_SECONDS, () => {
      this.#delayedConflicts.delete(fail);
      fail(conflict(problem));
    });
  }

  /** The updates that wait, oldest first. */
  waiting(): readonly TelegramUpdate[] {
    this.#dropExpired();
    return this.#entries.map(({ update }) => update);
  }

  /** True while the update waits. */
  has(updateId: number): boolean {
    return this.waiting().some((update) => update.update_id === updateId);
  }

  /**
   * Forgets one update, of two copies one: the bot has taken it. Returns how many copies still
   * wait.
   */
  remove(updateId: number): number {
    const at = this.#entries.findIndex(({ update }) => update.update_id === updateId);
    if (at !== -1) this.#entries = this.#entries.toSpliced(at, 1);
    return this.waiting().filter((update) => update.update_id === updateId).length;
  }

  /** Forgets every waiting update. */
  clear(): void {
    this.#entries = [];
  }

  /** Ends every poll with 500 and refuses new ones. */
  close(): void {
    this.#closed = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    for (const fail of this.#delayedConflicts) fail(restarting());
    this.#delayedConflicts.clear();
    this.#polls.fail(restarting());
  }

  #settleOffset(offset: number): number {
    const head = (): number => this.#entries[0]?.update.update_id ?? this.#nextId;
    if (offset < 0) {
      this.#entries = this.#entries.slice(offset);
      this.#events.confirmed(head());
    }
    const inFuture = offset > this.#nextId - 1 + FUTURE_OFFSET_TOLERANCE;
    if (offset <= 0 || inFuture) return head();
    this.#entries = this.#entries.filter((entry) => entry.update.update_id >= offset);
    this.#events.confirmed(offset);
    return Math.max(offset, head());
  }

  #take(from: number, limit: number): readonly TelegramUpdate[] {
    const updates = this.#entries
      .filter((entry) => entry.update.update_id >= from)
      .slice(0, limit)
      .map((entry) => entry.update);
    if (updates.length > 0) this.#events.fetched(updates.map((update) => update.update_id));
    return updates;
  }

  #dropExpired(): void {
    const now = this.#now();
    this.#entries = this.#entries.filter((entry) => entry.expiresAt > now);
  }

  #later(seconds: number, run: () => void): NodeJS.Timeout {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      run();
    }, seconds * 1000);
    this.#timers.add(timer);
    return timer;
  }
}
