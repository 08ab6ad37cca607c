// A budget that several processes share: together they allow about what one would, without asking
// at every call.

import { describe, expect, it, vi } from "vitest";
import { TapinError } from "../../src/errors.ts";
import { type Budget, type BudgetOptions, createBudget } from "../../src/server/budget.ts";
import type { Identity } from "../../src/server/call.ts";
import { createLimits } from "../../src/server/limit.ts";
import { SHARE_MS, type Sharing } from "../../src/server/shared-sum.ts";
import { NO_LIMITS } from "../support/test-ports.ts";

/** A table in memory that notes how often it was asked, and for which keys. */
function makeTable() {
  const used = new Map<string, number>();
  const table = {
    asked: 0,
    used,
    async add(counts: ReadonlyMap<string, number>) {
      table.asked += 1;
      for (const [key, count] of counts) used.set(key, (used.get(key) ?? 0) + count);
      return [...counts.keys()].map((key) => ({
        key,
        used: used.get(key) ?? 0,
        remainingMs: 60_000,
      }));
    },
  };
  return table;
}

const over = (table: Sharing["table"]): Sharing => ({ table, hide: (key) => `hidden ${key}` });

function makeBudget(perMinute: number, table: Sharing["table"] | null): Budget {
  const options: BudgetOptions = {
    name: "requests",
    perMinute,
    sharing: table && over(table),
  };
  return createBudget(options);
}

async function isAllowed(call: Promise<unknown>): Promise<boolean> {
  try {
    await call;
    return true;
  } catch (error) {
    if (error instanceof TapinError && error.reason === "RATE_LIMITED") return false;
    throw error;
  }
}

/** Calls each of them in turn, `rounds` times; how many calls were allowed. */
async function callAll(
  callers: readonly (() => Promise<unknown>)[],
  rounds: number,
): Promise<number> {
  let allowed = 0;
  for (let round = 0; round < rounds; round++) {
    for (const call of callers) if (await isAllowed(call())) allowed += 1;
  }
  return allowed;
}

const takers = (...budgets: readonly Budget[]) => budgets.map((budget) => () => budget.take("p"));

describe("createBudget over a table", () => {
  it("three processes under a burst allow the budget and at most a tenth of it each beyond", async () => {
    const table = makeTable();
    const budgets = [1, 2, 3].map(() => makeBudget(300, table));
    const allowed = await callAll(takers(...budgets), 400);
    for (const budget of budgets) budget.close();
    expect(allowed).toBeGreaterThanOrEqual(300);
    expect(allowed).toBeLessThanOrEqual(300 + 3 * 30);
    // Not at every call: about once for each tenth of the budget.
    expect(table.asked).toBeLessThanOrEqual(15);
  });

  it("without the table each allows all of it", async () => {
    const budgets = [1, 2, 3].map(() => makeBudget(300, null));
    expect(await callAll(takers(...budgets), 400)).toBe(900);
  });

  it("a process that comes late learns of the others at a tenth of the budget", async () => {
    const table = makeTable();
    const [first, late] = [makeBudget(100, table), makeBudget(100, table)];
    expect(await callAll(takers(first), 150)).toBe(100);
    expect(await callAll(takers(late), 50)).toBe(10);
    for (const budget of [first, late]) budget.close();
  });

  it("who calls less than a tenth is never written; who calls more, each second, while there are calls", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const table = makeTable();
      const [one, other] = [makeBudget(100, table), makeBudget(100, table)];
      await callAll(takers(one), 9);
      await vi.advanceTimersByTimeAsync(10 * SHARE_MS);
      expect(table.asked).toBe(0);
      await callAll(takers(one), 1);
      await vi.advanceTimersByTimeAsync(10 * SHARE_MS);
      expect([table.asked, table.used.get("hidden requests p")]).toEqual([1, 10]);
      await callAll(takers(one), 3);
      expect(table.asked).toBe(1);
      await vi.advanceTimersByTimeAsync(10 * SHARE_MS);
      expect([table.asked, table.used.get("hidden requests p")]).toEqual([2, 13]);
      await callAll(takers(other), 10);
      await vi.advanceTimersByTimeAsync(SHARE_MS);
      const [, left] = await other.take("p");
      expect(left?.[1]).toMatch(/^"requests";r=76;t=\d+$/);
      for (const budget of [one, other]) budget.close();
    } finally {
      vi.useRealTimers();
    }
  });

  it("a minute that begins anew adds nothing of the last one", async () => {
    vi.useFakeTimers();
    try {
      const table = makeTable();
      const budget = makeBudget(100, table);
      await callAll(takers(budget), 25);
      await vi.advanceTimersByTimeAsync(SHARE_MS);
      expect(table.used.get("hidden requests p")).toBe(25);
      await vi.advanceTimersByTimeAsync(61_000);
      table.used.clear();
      await callAll(takers(budget), 9);
      await vi.advanceTimersByTimeAsync(SHARE_MS);
      expect(table.used.size).toBe(0);
      await callAll(takers(budget), 30);
      await vi.advanceTimersByTimeAsync(SHARE_MS);
      expect(table.used.get("hidden requests p")).toBe(39);
      budget.close();
    } finally {
      vi.useRealTimers();
    }
  });

  it("a table slower than the next round is asked again, with what was counted meanwhile", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const added: number[] = [];
      const budget = makeBudget(100, {
        async add(counts) {
          added.push(counts.get("hidden requests p") ?? 0);
          await new Promise((resolve) => setTimeout(resolve, 3 * SHARE_MS));
          return [];
        },
      });
      await callAll(takers(budget), 10);
      await callAll(takers(budget), 3);
      // The round's time is up while the table still works on the one before.
      await vi.advanceTimersByTimeAsync(2 * SHARE_MS);
      await callAll(takers(budget), 14);
      expect(added).toEqual([10]);
      await vi.advanceTimersByTimeAsync(2 * SHARE_MS);
      expect(added).toEqual([10, 17]);
      budget.close();
    } finally {
      vi.useRealTimers();
    }
  });

  it("a database that is away refuses nobody: the process counts for itself", async () => {
    let asked = 0;
    const budget = makeBudget(100, {
      add: async () => {
        asked += 1;
        throw new TapinError("UNAVAILABLE");
      },
    });
    expect(await callAll(takers(budget), 150)).toBe(100);
    expect(asked).toBeGreaterThan(0);
    budget.close();
  });

  it("a database that hangs holds no call up", async () => {
    const budget = makeBudget(100, { add: () => new Promise(() => {}) });
    expect(await callAll(takers(budget), 150)).toBe(100);
    budget.close();
  });
});

describe("createLimits over a table", () => {
  const PROJECT = { kind: "api_key", project: { id: "p" } } as Identity;
  const ANYBODY: Identity = { kind: "anybody" };
  const UNAUTHORIZED = new TapinError("UNAUTHORIZED");
  const caller = { address: "203.0.113.7" };
  const settings = {
    ...NO_LIMITS,
    requestsPerMinute: 20,
    failuresPerMinute: 20,
    sessionsPerMinute: 20,
  };

  type Limits = ReturnType<typeof createLimits>;
  const fail = async (limits: Limits, identity: Identity | null) => {
    const told = await limits.refusal(caller, identity, UNAUTHORIZED);
    if (told !== UNAUTHORIZED) throw told;
  };

  it.each<[string, number, (limits: Limits) => Promise<unknown>]>([
    ["requests of a project", 20, (limits) => limits.request(caller, PROJECT)],
    ["requests of an address", 200, (limits) => limits.request(caller, ANYBODY)],
    ["failures of a project", 20, (limits) => fail(limits, PROJECT)],
    ["failures of an address", 20, (limits) => fail(limits, null)],
    ["sessions of a client address", 20, (limits) => limits.session("p", "2001:db8::1")],
  ])("two processes share the %s, under keys that tell nothing", async (_, most, call) => {
    const table = makeTable();
    const sharing: Sharing = { table, hide: (key) => Buffer.from(key).toString("hex") };
    const processes = [createLimits(settings, sharing), createLimits(settings, sharing)];
    const callers = processes.map((limits) => () => call(limits));
    const allowed = await callAll(callers, 2 * most);
    for (const limits of processes) limits.close();
    expect(allowed).toBeGreaterThanOrEqual(most);
    expect(allowed).toBeLessThanOrEqual(most * 1.2);
    const [key = "", ...others] = table.used.keys();
    expect(others).toEqual([]);
    expect(key).toMatch(/^[0-9a-f]+$/);
  });

  it("budgets of the same address or project do not mix", async () => {
    const table = makeTable();
    const limits = createLimits(settings, over(table));
    const others = createLimits(settings, over(table));
    await callAll([() => limits.request(caller, PROJECT)], 30);
    expect(await callAll([() => fail(others, PROJECT)], 40)).toBe(20);
    expect(await callAll([() => others.session("p", caller.address)], 40)).toBe(20);
    for (const each of [limits, others]) each.close();
  });
});
