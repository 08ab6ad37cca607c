// The sum of what several processes count of a budget. Each counts by itself; what is near the
// limit is added up in the database once in a while, so that no call waits for it and whoever calls
// a little is never written there.

import type { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";
import type { BudgetTable } from "../core/ports.ts";

/** Seconds for which a caller's count is kept, from its first call on. */
export const WINDOW_SECONDS = 60;

/** Milliseconds after which what was counted is added up with the other processes. */
export const SHARE_MS = 1000;

/**
 * Part of a budget that a process counts of a key before it adds up, and again after each such
 * part, at once: a burst must not use the budget once in each process.
 */
const SHARE_PART = 10;

/** Where processes add up. */
export interface Sharing {
  readonly table: Pick<BudgetTable, "add">;
  /**
   * What stands there for a key: the same in every process, and it must not tell the key (it may be
   * an address).
   */
  hide(key: string): string;
}

/**
 * How much of a key's count is in the sum already, and when (`performance.now()`) the count begins
 * anew.
 */
interface Told {
  readonly count: number;
  readonly endsAt: number;
}

/**
 * Adds this process's counts to the table and takes over the sums. While the database cannot
 * answer, the process counts for itself: nobody is refused for it.
 */
export class SharedSum {
  readonly #counts: RateLimiterMemory;
  readonly #sharing: Sharing;
  readonly #told = new Map<string, Told>();
  /** Counts that are higher than what was told. */
  readonly #due = new Map<string, number>();
  #timer: ReturnType<typeof setTimeout> | null = null;
  #isAdding = false;
  #isClosed = false;

  constructor(counts: RateLimiterMemory, sharing: Sharing) {
    this.#counts = counts;
    this.#sharing = sharing;
  }

  /** Hears of a key's count after one more call. */
  note(key: string, { consumedPoints: count, msBeforeNext }: RateLimiterRes): void {
    const last = this.#told.get(key);
    // A count that is not above what was told has begun anew.
    const told = last !== undefined && last.count < count ? last : null;
    const isPart = (count - (told?.count ?? 0)) * SHARE_PART >= this.#counts.points;
    if (told === null && !isPart) return;
    if (told === null) this.#told.set(key, { count: 0, endsAt: performance.now() + msBeforeNext });
    this.#due.set(key, count);
    if (isPart) void this.#addUp();
    this.#addUpLater();
  }

  /** Stops adding up. */
  close(): void {
    this.#isClosed = true;
    this.#stopTimer();
  }

  #stopTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** No timer while nobody calls. */
  #addUpLater(): void {
    if (this.#isClosed || this.#due.size === 0) return;
    this.#timer ??= setTimeout(() => void this.#addUp(), SHARE_MS).unref();
  }

  async #addUp(): Promise<void> {
    this.#stopTimer();
    if (this.#isAdding) return;
    this.#isAdding = true;
    const counts = new Map<string, number>();
    const keys = new Map<string, string>();
    for (const [key, fresh] of this.#takeDue()) {
      const hidden = this.#sharing.hide(key);
      counts.set(hidden, fresh);
      keys.set(hidden, key);
    }
    try {
      for (const { key: hidden, ...sum } of await this.#sharing.table.add(counts, WINDOW_SECONDS)) {
        const key = keys.get(hidden);
        if (key !== undefined) await this.#takeOver(key, sum);
      }
    } catch {
      // What could not be added is not added later: it would be counted in a minute that it is not
      // of. That the database is away, the calls themselves report.
    } finally {
      this.#isAdding = false;
      this.#addUpLater();
    }
  }

  /** What was counted and not told yet, by key; from now on it counts as told. */
  #takeDue(): Map<string, number> {
    const now = performance.now();
    for (const [key, { endsAt }] of this.#told) {
      if (endsAt <= now && !this.#due.has(key)) this.#told.delete(key);
    }
    const fresh = new Map<string, number>();
    for (const [key, count] of this.#due) {
      const { count: told, endsAt } = this.#told.get(key) ?? { count: 0, endsAt: now };
      fresh.set(key, count - told);
      this.#told.set(key, { count, endsAt });
    }
    this.#due.clear();
    return fresh;
  }

  async #takeOver(key: string, sum: { used: number; remainingMs: number }): Promise<void> {
    const { used, remainingMs } = sum;
    const told = this.#told.get(key)?.count ?? used;
    const since = Math.max(0, (this.#due.get(key) ?? told) - told);
    this.#told.set(key, { count: used, endsAt: performance.now() + remainingMs });
    if (since > 0) this.#due.set(key, used + since);
    await this.#counts.set(key, used + since, remainingMs / 1000);
  }
}
