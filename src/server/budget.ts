// A budget: how many times a minute each of many callers may do one thing. Counted in this process's memory;
// with a table behind it, what several processes count is added up there once in a while, so that no call
// waits for the database.

import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";
import type { BudgetTable } from "../core/ports.ts";
import { TapinError } from "../errors.ts";

/** Seconds for which a caller's count is kept, from its first call on. */
export const WINDOW_SECONDS = 60;

/** Milliseconds after which what was counted is added up with the other processes. */
export const SHARE_MS = 1000;

/** Part of a budget after which a process adds up at once: a burst must not use the budget once in each process. */
const SHARE_EARLY = 10;

/** What callers are told of a limit, as header fields. */
export type LimitFields = readonly (readonly [name: string, value: string])[];

/** A budget of each key. */
export interface Budget {
  /** Takes one off the key's budget; fails with `rate_limited` when it is used up. Answers what is left of it. */
  take(key: string): Promise<LimitFields>;
  /** Stops adding up. */
  close(): void;
}

/** What a budget is made of. */
export interface BudgetOptions {
  /** Its name in `RateLimit` fields. */
  readonly name: string;
  /** Most calls a minute for each key; 0 = no limit. */
  readonly perMinute: number;
  /** What a refused caller is told; default: the table of errors. */
  readonly sentence?: string;
  /** Where processes add up; null = each counts for itself. Keys must then be project ids. */
  readonly table?: BudgetTable | null;
}

/** Builds a budget. */
export function createBudget(options: BudgetOptions): Budget {
  const { name, perMinute, sentence, table = null } = options;
  if (perMinute === 0) return { take: async () => [], close: () => {} };
  const counts = new RateLimiterMemory({ points: perMinute, duration: WINDOW_SECONDS });
  const sum = table === null ? null : new SharedSum(counts, table);
  const policy = ["ratelimit-policy", `"${name}";q=${perMinute};w=${WINDOW_SECONDS}`] as const;
  const fieldsOf = ({ remainingPoints, msBeforeNext }: RateLimiterRes): LimitFields => [
    policy,
    ["ratelimit", `"${name}";r=${remainingPoints};t=${secondsOf(msBeforeNext)}`],
  ];
  return {
    async take(key) {
      try {
        const left = await counts.consume(key);
        sum?.add(key);
        return fieldsOf(left);
      } catch (error) {
        if (!(error instanceof RateLimiterRes)) throw error;
        throw new TapinError("RATE_LIMITED", {
          ...(sentence === undefined ? {} : { sentence }),
          retryAfterSeconds: secondsOf(error.msBeforeNext),
          headers: fieldsOf(error),
        });
      }
    },
    close: () => sum?.close(),
  };
}

/** Whole seconds, at least one. */
function secondsOf(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1000));
}

/**
 * Adds this process's counts to the table and takes over the sums. While the database cannot answer, the
 * process counts for itself: nobody is refused for it.
 */
class SharedSum {
  readonly #counts: RateLimiterMemory;
  readonly #table: BudgetTable;
  /** Counted here and not yet in the table. */
  #fresh = new Map<string, number>();
  #timer: ReturnType<typeof setTimeout> | null = null;
  #isAdding = false;
  #isClosed = false;

  constructor(counts: RateLimiterMemory, table: BudgetTable) {
    this.#counts = counts;
    this.#table = table;
  }

  add(key: string): void {
    const fresh = (this.#fresh.get(key) ?? 0) + 1;
    this.#fresh.set(key, fresh);
    if (fresh * SHARE_EARLY >= this.#counts.points) void this.#addUp();
    this.#addUpLater();
  }

  close(): void {
    this.#isClosed = true;
    this.#stopTimer();
  }

  #stopTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #addUpLater(): void {
    if (this.#isClosed) return;
    this.#timer ??= setTimeout(() => void this.#addUp(), SHARE_MS).unref();
  }

  async #addUp(): Promise<void> {
    this.#stopTimer();
    if (this.#isAdding) return;
    this.#isAdding = true;
    const fresh = this.#fresh;
    this.#fresh = new Map();
    try {
      for (const { projectId, used, remainingMs } of await this.#table.add(fresh, WINDOW_SECONDS)) {
        const since = this.#fresh.get(projectId) ?? 0;
        await this.#counts.set(projectId, used + since, remainingMs / 1000);
      }
    } catch {
      // What could not be added is not added later: it would be counted in a minute that it is not of. That
      // the database is away, the calls themselves report.
    } finally {
      this.#isAdding = false;
      // Counted meanwhile. No timer while nobody calls.
      if (this.#fresh.size > 0) this.#addUpLater();
    }
  }
}
