// A budget: how many times a minute each of many callers may do one thing. Counted in this
// process's memory, and where several processes share one, added up with what they count.

import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";
import { TapinError } from "../errors.ts";
import { SharedSum, type Sharing, WINDOW_SECONDS } from "./shared-sum.ts";

/** What callers are told of a limit, as header fields. */
export type LimitFields = readonly (readonly [name: string, value: string])[];

/** A budget of each key. */
export interface Budget {
  /**
   * Takes one off the key's budget; fails with `rate_limited` when it is used up. Answers what is
   * left of it.
   */
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
  /** Where processes add up; null = each counts for itself. */
  readonly sharing: Sharing | null;
}

/** Builds a budget. */
export function createBudget(options: BudgetOptions): Budget {
  const { name, perMinute, sentence, sharing } = options;
  if (perMinute === 0) return { take: async () => [], close: () => {} };
  const counts = new RateLimiterMemory({ points: perMinute, duration: WINDOW_SECONDS });
  const sum =
    sharing && new SharedSum(counts, { ...sharing, hide: (key) => sharing.hide(`${name} ${key}`) });
  const policy = ["ratelimit-policy", `"${name}";q=${perMinute};w=${WINDOW_SECONDS}`] as const;
  const fieldsOf = ({ remainingPoints, msBeforeNext }: RateLimiterRes): LimitFields => [
    policy,
    ["ratelimit", `"${name}";r=${remainingPoints};t=${secondsOf(msBeforeNext)}`],
  ];
  const refuse = (error: unknown) => {
    if (!(error instanceof RateLimiterRes)) throw error;
    throw new TapinError("RATE_LIMITED", {
      ...(sentence === undefined ? {} : { sentence }),
      retryAfterSeconds: secondsOf(error.msBeforeNext),
      headers: fieldsOf(error),
    });
  };
  return {
    take(key) {
      const onLeft = (left: RateLimiterRes) => {
        sum?.note(key, left);
        return fieldsOf(left);
      };
      return counts.consume(key).then(onLeft, refuse);
    },
    close: () => sum?.close(),
  };
}

/** Whole seconds, at least one. */
function secondsOf(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1000));
}
