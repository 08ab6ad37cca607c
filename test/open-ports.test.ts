// Random bytes as the ports hand them out.

import { describe, expect, it } from "vitest";
import { pooled } from "../src/open-ports.ts";

describe("pooled", () => {
  it("gives out every byte of its source once and in order, and asks it seldom", () => {
    let asked = 0;
    let next = 0;
    const counting = pooled((count) => {
      asked += 1;
      return Uint8Array.from({ length: count }, () => next++ % 251);
    });
    const pieces = Array.from({ length: 500 }, () => counting(16));
    expect(asked).toBe(2);
    const given = pieces.flatMap((piece) => [...piece]);
    expect(given).toEqual(given.map((_, index) => index % 251));
    expect(counting(100_000)).toHaveLength(100_000);
  });
});
