// The judge of a soak: flat figures pass, each that grows is found.

import { describe, expect, test } from "vitest";
import { ALLOWED_GROWTH, checkSoak, type SoakSample } from "./check-soak.ts";

/** Sixty samples; `change` says what differs from a process that holds the same all the time. */
function samples(change: (index: number) => Partial<SoakSample>): readonly SoakSample[] {
  return Array.from({ length: 60 }, (_, index) => ({
    seconds: index * 10,
    rss: 150,
    // A heap fills up and is collected.
    heap: 30 + (index % 7) * 5,
    external: 5,
    resources: 40 + (index % 3),
    descriptors: 60,
    connections: 10,
    watchers: 20 - (index % 5),
    ...change(index),
  }));
}

describe("checkSoak", () => {
  test("figures that waver and do not grow are fine, and so is a warm-up", () => {
    expect(checkSoak(samples(() => ({})))).toEqual([]);
    expect(checkSoak(samples((index) => (index < 15 ? { rss: 90, heap: 10 } : {})))).toEqual([]);
  });

  test.each(Object.entries(ALLOWED_GROWTH))("finds that %s grows", (name, allowed) => {
    const grown = samples((index) => ({ [name]: 100 + index * (allowed / 20) }));
    expect(checkSoak(grown)).toEqual([expect.stringMatching(`^${name} grew from 1`)]);
  });

  test("resident memory that is given back for a while is fine", () => {
    const shrunk = samples((index) => (index > 18 && index < 25 ? { rss: 90 } : { rss: 150 }));
    expect(checkSoak(shrunk)).toEqual([]);
  });

  test("does not judge a handful of samples", () => {
    expect(checkSoak(samples(() => ({})).slice(0, 5))).toEqual(["5 samples are too few to judge"]);
  });
});
