// A budget that several processes share: together they allow about what one would, without asking at every call.

import { describe, expect, it, vi } from "vitest";
import type { BudgetTable } from "../../src/core/ports.ts";
import { TapinError } from "../../src/errors.ts";
import { type Budget, createBudget, SHARE_MS } from "../../src/server/budget.ts";

/** A table in memory that notes how often it was asked. */
function makeTable(): BudgetTable & { asked: number } {
  const used = new Map<string, number>();
  return {
    asked: 0,
    async add(counts) {
      this.asked += 1;
      for (const [id, count] of counts) used.set(id, (used.get(id) ?? 0) + count);
      return [...counts.keys()].map((projectId) => ({
        projectId,
        used: used.get(projectId) ?? 0,
        remainingMs: 60_000,
      }));
    },
  };
}

async function isAllowed(budget: Budget): Promise<boolean> {
  try {
    await budget.take("p");
    return true;
  } catch (error) {
    if (error instanceof TapinError && error.reason === "RATE_LIMITED") return false;
    throw error;
  }
}

/** Calls each of the budgets in turn, `rounds` times; how many were allowed. */
async function callAll(budgets: readonly Budget[], rounds: number): Promise<number> {
  let allowed = 0;
  for (let round = 0; round < rounds; round++) {
    for (const budget of budgets) if (await isAllowed(budget)) allowed += 1;
  }
  return allowed;
}

describe("createBudget with a table", () => {
  it("three processes under a burst allow the budget and at most a tenth of it each beyond", async () => {
    const table = makeTable();
    const budgets = [1, 2, 3].map(() => createBudget({ name: "requests", perMinute: 300, table }));
    const allowed = await callAll(budgets, 400);
    for (const budget of budgets) budget.close();
    expect(allowed).toBeGreaterThanOrEqual(300);
    expect(allowed).toBeLessThanOrEqual(300 + 3 * 30);
    // Not at every call: about once for each tenth of the budget.
    expect(table.asked).toBeLessThanOrEqual(15);
  });

  it("without the table each allows all of it", async () => {
    const budgets = [1, 2, 3].map(() => createBudget({ name: "requests", perMinute: 300 }));
    expect(await callAll(budgets, 400)).toBe(900);
  });

  it("a few calls are added up after a second, and nobody is asked while nobody calls", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const table = makeTable();
      const [one, other] = [1, 2].map(() =>
        createBudget({ name: "requests", perMinute: 100, table }),
      );
      if (one === undefined || other === undefined) throw new Error("no budgets");
      await callAll([one], 9);
      expect(table.asked).toBe(0);
      await vi.advanceTimersByTimeAsync(SHARE_MS);
      expect(table.asked).toBe(1);
      await vi.advanceTimersByTimeAsync(10 * SHARE_MS);
      expect(table.asked).toBe(1);
      await other.take("p");
      await vi.advanceTimersByTimeAsync(SHARE_MS);
      const [, left] = await other.take("p");
      expect(left?.[1]).toMatch(/^"requests";r=89;t=\d+$/);
      one.close();
      other.close();
    } finally {
      vi.useRealTimers();
    }
  });

  it("a table slower than the next round is asked again, with what was counted meanwhile", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const added: number[] = [];
      const table: BudgetTable = {
        async add(counts) {
          added.push(counts.get("p") ?? 0);
          await new Promise((resolve) => setTimeout(resolve, 3 * SHARE_MS));
          return [];
        },
      };
      const budget = createBudget({ name: "requests", perMinute: 1000, table });
      await callAll([budget], 2);
      await vi.advanceTimersByTimeAsync(SHARE_MS);
      await callAll([budget], 3);
      // The round's time is up while the table still works on the one before.
      await vi.advanceTimersByTimeAsync(2 * SHARE_MS);
      await callAll([budget], 4);
      expect(added).toEqual([2]);
      await vi.advanceTimersByTimeAsync(2 * SHARE_MS);
      expect(added).toEqual([2, 7]);
      budget.close();
    } finally {
      vi.useRealTimers();
    }
  });

  it("a database that is away refuses nobody: the process counts for itself", async () => {
    let asked = 0;
    const table: BudgetTable = {
      add: async () => {
        asked += 1;
        throw new TapinError("UNAVAILABLE");
      },
    };
    const budget = createBudget({ name: "requests", perMinute: 100, table });
    expect(await callAll([budget], 150)).toBe(100);
    expect(asked).toBeGreaterThan(0);
    budget.close();
  });

  it("a database that hangs holds no call up", async () => {
    const table: BudgetTable = { add: () => new Promise(() => {}) };
    const budget = createBudget({ name: "requests", perMinute: 100, table });
    expect(await callAll([budget], 150)).toBe(100);
    budget.close();
  });
});
