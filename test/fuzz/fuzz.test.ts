// T28: whatever arrives, the process lives, answers 4xx in the form of the dialect or closes the
// connection, and keeps nothing of it. `npm run fuzz` goes on for as long as one likes.

import { afterEach, expect, it } from "vitest";
import { printFigure } from "../support/figure.ts";
import type { Runtime } from "../support/tapin.ts";
import { type Fuzzer, ROUND, type Round, startFuzzer } from "./fuzzer.ts";
import { Tally } from "./tally.ts";

/** Requests each runtime endures. Deno has the same code above its sockets, so it gets a sample. */
const REQUESTS: Readonly<Record<Runtime, number>> = { node: 200_000, deno: 10_000 };

/** Megabytes by which the smallest heap of the last rounds may be above that of the first. */
const HEAP_SLACK = 32;

let fuzzer: Fuzzer | null = null;
afterEach(async () => {
  await fuzzer?.tapin.end("SIGKILL");
  fuzzer = null;
});

const smallestHeap = (rounds: readonly Round[]) =>
  Math.min(...rounds.map(({ census }) => census.heap));

it.each(Object.keys(REQUESTS) as Runtime[])(
  "T28 hostile requests by the hundred thousand change nothing, on %s",
  { timeout: 900_000 },
  async (runtime) => {
    fuzzer = await startFuzzer(Date.now() % 2 ** 31, { runtime });
    const { seed, tapin } = fuzzer;
    const total = new Tally();
    const rounds: Round[] = [];
    const startedAt = performance.now();
    while (total.requests < REQUESTS[runtime] && total.faults.length === 0) {
      const round = await fuzzer.round(Math.min(ROUND, REQUESTS[runtime]));
      rounds.push(round);
      total.merge(round.tally);
    }
    const seconds = Math.round((performance.now() - startedAt) / 1000);
    printFigure(`hostile requests, ${runtime}`, `${total.requests} in ${seconds} s, seed ${seed}`);
    printFigure(`how they ended, ${runtime}`, String(total));
    printFigure(`heap in MB, ${runtime}`, rounds.map(({ census }) => census.heap).join(" "));
    printFigure(`resident MB, ${runtime}`, rounds.map(({ census }) => census.resident).join(" "));
    expect({ seed, faults: total.faults }).toEqual({ seed, faults: [] });
    expect({ seed, complaints: fuzzer.complaints() }).toEqual({ seed, complaints: [] });
    // They must get further than the parser, or they prove nothing.
    for (const ending of [
      "200",
      "400",
      "401",
      "404",
      "405",
      "406",
      "414",
      "415",
      "431",
      "frames",
    ]) {
      expect([ending, (total.endings.get(ending) ?? 0) > 5]).toEqual([ending, true]);
    }
    const growth = smallestHeap(rounds.slice(-3)) - smallestHeap(rounds.slice(0, 3));
    expect(growth).toBeLessThan(HEAP_SLACK);
    await fuzzer.login();
    expect(await tapin.end()).toBe(0);
  },
);
