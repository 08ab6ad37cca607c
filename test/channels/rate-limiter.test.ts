// In which order callers get their turn, and how many of them in a stretch of time.

import { expect, it } from "vitest";
import { createRateLimiter } from "../../src/channels/rate-limiter.ts";

it("createRateLimiter: the short line goes first, and every fourth turn is the long line's", async () => {
  const limiter = createRateLimiter({ limit: 1, windowMs: 5 });
  const order: string[] = [];
  const take = async (name: string, line?: "short" | "long") => {
    await limiter.turn(line);
    order.push(name);
  };
  const long = ["prompt 1", "prompt 2", "prompt 3", "prompt 4"].map((name) => take(name));
  const short = ["tap 1", "tap 2", "tap 3", "tap 4"].map((name) => take(name, "short"));
  await Promise.all([...long, ...short]);
  const first = ["prompt 1", "tap 1", "tap 2", "prompt 2", "tap 3", "tap 4"];
  expect(order).toEqual([...first, "prompt 3", "prompt 4"]);
});

it("createRateLimiter: no stretch of time has more turns than the limit", async () => {
  const limiter = createRateLimiter({ limit: 3, windowMs: 60 });
  const at: number[] = [];
  await Promise.all(
    Array.from({ length: 10 }, async () => {
      await limiter.turn();
      at.push(performance.now());
    }),
  );
  at.slice(3).forEach((time, index) => {
    // A turn is told of a moment after it was given.
    expect(time - (at[index] ?? 0)).toBeGreaterThan(55);
  });
});
