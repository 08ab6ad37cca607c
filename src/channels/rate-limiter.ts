// Keeps calls within what a messenger allows: so many in any stretch of time for the whole bot, and a pause
// between two calls about one chat. Callers wait their turn, first come first served.

import { pause } from "./pause.ts";

/** Lets so many through in any stretch of time. */
export interface RateLimiter {
  /** Resolves when it is the caller's turn. */
  turn(): Promise<void>;
}

/** Makes a limiter: at most `limit` turns in any `windowMs` milliseconds. */
export function createRateLimiter({
  limit,
  windowMs,
}: {
  limit: number;
  windowMs: number;
}): RateLimiter {
  // When the latest turns were or will be given, oldest first.
  const turns: number[] = [];
  return {
    async turn() {
      const now = performance.now();
      const oldest = turns.length < limit ? null : (turns.shift() ?? null);
      const at = oldest === null ? now : Math.max(now, oldest + windowMs);
      turns.push(at);
      if (at > now) await pause(at - now);
    },
  };
}

/** Keeps two calls with one key apart. Calls with one key must not overlap. */
export interface Spacer {
  /** Makes the call, at the earliest so long after the last one with this key has ended. Settles like the call. */
  run<T>(key: string, call: () => Promise<T>): Promise<T>;
}

/** How many keys are remembered before those long past are forgotten. */
const KEYS_LIMIT = 1000;

/** Makes a spacer. */
export function createSpacer(spacingMs: number): Spacer {
  const ended = new Map<string, number>();
  const forgetPast = () => {
    const past = performance.now() - spacingMs;
    for (const [key, at] of ended) if (at < past) ended.delete(key);
  };
  return {
    async run(key, call) {
      const wait = (ended.get(key) ?? Number.NEGATIVE_INFINITY) + spacingMs - performance.now();
      if (wait > 0) await pause(wait);
      try {
        return await call();
      } finally {
        if (ended.size >= KEYS_LIMIT) forgetPast();
        ended.set(key, performance.now());
      }
    },
  };
}
