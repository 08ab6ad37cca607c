// Keeps calls within what a messenger allows: so many in any stretch of time for the whole bot, and
// a pause between two calls about one chat. Callers wait their turn, first come first served in
// each of two lines.

import { pause } from "./pause.ts";

/** Lets so many through in any stretch of time. */
export interface RateLimiter {
  /**
   * Resolves when it is the caller's turn. `short` is the line for what somebody waits for, such as
   * the answer to a tap: it goes first, except that at least every fourth turn is the long line's.
   * Default `long`.
   */
  turn(line?: "short" | "long"): Promise<void>;
}

/** Which turn is the long line's even when somebody stands in the short one. */
const LONG_LINE_TURN = 4;

/** Makes a limiter: at most `limit` turns in any `windowMs` milliseconds. */
export function createRateLimiter({
  limit,
  windowMs,
}: {
  limit: number;
  windowMs: number;
}): RateLimiter {
  const lines = { short: [] as (() => void)[], long: [] as (() => void)[] };
  // When the latest turns were given, oldest first.
  const given: number[] = [];
  let count = 0;
  let isServing = false;
  const next = () => {
    const { short, long } = lines;
    count += 1;
    return (
      (count % LONG_LINE_TURN === 0 ? long.shift() : undefined) ?? short.shift() ?? long.shift()
    );
  };
  const serve = async () => {
    isServing = true;
    while (lines.short.length + lines.long.length > 0) {
      const oldest = given.length < limit ? undefined : given.shift();
      // Who is next is known only when the turn has come: somebody may have joined the short line
      // meanwhile.
      if (oldest !== undefined) await pauseUntil(oldest + windowMs);
      given.push(performance.now());
      next()?.();
    }
    isServing = false;
  };
  return {
    turn: (line = "long") =>
      new Promise((resolve) => {
        lines[line].push(resolve);
        if (!isServing) void serve();
      }),
  };
}

/** Timers may fire a little early, so the clock has the last word. */
async function pauseUntil(at: number): Promise<void> {
  for (let now = performance.now(); now < at; now = performance.now()) await pause(at - now);
}

/** Keeps two calls with one key apart. Calls with one key must not overlap. */
export interface Spacer {
  /**
   * Makes the call, at the earliest so long after the last one with this key has ended. Settles
   * like the call.
   */
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
