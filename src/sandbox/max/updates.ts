// The updates that wait for a poller, and the poll that fetches them.
// https://dev.max.ru/docs-api/methods/GET/updates A marker is the place of the next update expected
// and commits all before it. Several polls may wait at once: nothing says that one ends another.

import { WaitingPolls } from "../waiting-polls.ts";
import { MaxApiError } from "./api-error.ts";
import type { MaxRules } from "./rules.ts";
import type { MaxUpdate } from "./shapes.ts";

/** One GET /updates. */
export interface MaxPoll {
  /**
   * Place of the first update wanted; all before it are committed and gone. Undefined: the rules
   * say.
   */
  readonly marker: number | undefined;
  /** How many at most, 1-1000. */
  readonly limit: number;
  /** How long to wait for the first one, in seconds, 0-90. */
  readonly timeoutSeconds: number;
  /** Only these kinds; undefined: all. */
  readonly types: ReadonlySet<string> | undefined;
  /** Aborted when the poller leaves. */
  readonly signal: AbortSignal;
}

/** What a poll gets. */
export interface UpdateList {
  readonly updates: readonly MaxUpdate[];
  readonly marker: number;
}

/** What the queue asks and reports while it is used. */
export interface MaxQueueEvents {
  /** True while a subscription takes the updates: polls get nothing then. */
  readonly isSubscribed: () => boolean;
  /** These places were handed to a poller (again, perhaps). */
  readonly fetched: (places: readonly number[]) => void;
  /** A poller committed every place before this one. */
  readonly confirmed: (beforePlace: number) => void;
}

interface Entry {
  readonly place: number;
  readonly update: MaxUpdate;
}

/**
 * How many updates wait at most; the oldest are dropped. Keeps memory bounded when no bot polls.
 */
export const QUEUE_LIMIT = 10_000;

// Places count from milliseconds since this moment, so that a marker kept across a restart of the
// sandbox lies before what comes after it.
const PLACE_EPOCH_MS = Date.UTC(2026, 0, 1);

function closed(): MaxApiError {
  return new MaxApiError(503, "service.unavailable", "Service is going down");
}

/** The queue of one bot. */
export class MaxUpdates {
  readonly #events: MaxQueueEvents;
  readonly #rules: MaxRules;
  readonly #polls = new WaitingPolls<UpdateList>();
  #entries: readonly Entry[] = [];
  #next = Date.now() - PLACE_EPOCH_MS;
  #closed = false;

  constructor(events: MaxQueueEvents, rules: MaxRules) {
    this.#events = events;
    this.#rules = rules;
  }

  /**
   * Adds an update, `copies` times at places of their own, and wakes the pollers. Returns the place
   * of the first.
   */
  push(update: MaxUpdate, copies: number): number {
    const place = this.#next;
    for (let copy = 0; copy < copies; copy += 1) {
      this.#entries = [...this.#entries, { place: this.#next++, update }].slice(-QUEUE_LIMIT);
    }
    // Not at once: who pushes gets to know the place before the update can be fetched.
    queueMicrotask(() => this.#polls.wake());
    return place;
  }

  /** Fetches updates. Rejects with 503 when the queue is closed. */
  poll(poll: MaxPoll): Promise<UpdateList> {
    if (this.#closed) return Promise.reject(closed());
    const from = this.#settleMarker(poll.marker);
    const take = (): UpdateList | undefined => this.#take(poll, from);
    const empty = (): UpdateList => ({
      updates: [],
      marker: this.#events.isSubscribed() ? from : this.#next,
    });
    const ready = take();
    if (ready !== undefined) return Promise.resolve(ready);
    if (poll.timeoutSeconds === 0) return Promise.resolve(empty());
    return this.#polls.wait({ seconds: poll.timeoutSeconds, signal: poll.signal, take, empty });
  }

  /** Ends every poll with 503 and refuses new ones. */
  close(): void {
    this.#closed = true;
    this.#polls.fail(closed());
  }

  #settleMarker(marker: number | undefined): number {
    if (marker === undefined) {
      const wanted = this.#rules.pollWithoutMarker === "latest" ? -1 : 0;
      return this.#entries.at(wanted)?.place ?? this.#next;
    }
    const from = Math.min(marker, this.#next);
    this.#entries = this.#entries.filter(({ place }) => place >= from);
    this.#events.confirmed(from);
    return from;
  }

  #take({ limit, types }: MaxPoll, from: number): UpdateList | undefined {
    if (this.#events.isSubscribed()) return undefined;
    const taken = this.#entries
      .filter(({ place }) => place >= from)
      .filter(({ update }) => types === undefined || types.has(update.update_type))
      .slice(0, limit);
    const last = taken.at(-1);
    if (last === undefined) return undefined;
    this.#events.fetched(taken.map(({ place }) => place));
    return { updates: taken.map(({ update }) => update), marker: last.place + 1 };
  }
}
