// A line lets in so many at a time, first come first served, and lets go of what has waited for too
// long.

import { describe, expect, it } from "vitest";
import { createLine } from "../../src/channels/line.ts";

describe("createLine", () => {
  it("begins work in its order, so much at a time, whatever becomes of it", async () => {
    const line = createLine(2);
    const begun: number[] = [];
    const gates = [1, 2, 3, 4].map(() => Promise.withResolvers<void>());
    const works = gates.map(({ promise }, index) =>
      line(() => {
        begun.push(index);
        return promise;
      }),
    );
    await Promise.resolve();
    expect(begun).toEqual([0, 1]);
    gates[1]?.reject(new Error("refused"));
    await expect(works[1]).rejects.toThrow("refused");
    expect(begun).toEqual([0, 1, 2]);
    gates[0]?.resolve();
    await works[0];
    expect(begun).toEqual([0, 1, 2, 3]);
    gates[2]?.resolve();
    gates[3]?.resolve();
    await Promise.all([works[2], works[3]]);
  });

  it("rejects work that waits for too long, without beginning it, and keeps its place for others", async () => {
    const line = createLine(1, { waitMs: 20, late: () => new Error("too long") });
    const gate = Promise.withResolvers<void>();
    const first = line(() => gate.promise);
    let isBegun = false;
    const second = line(async () => {
      isBegun = true;
    });
    await expect(second).rejects.toThrow("too long");
    gate.resolve();
    await first;
    expect(await line(async () => "third")).toBe("third");
    expect(isBegun).toBe(false);
  });
});
