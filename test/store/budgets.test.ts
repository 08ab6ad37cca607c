// What the processes count together, on both databases.

import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DATABASES, type RunningDatabase } from "../support/databases.ts";

describe.each(DATABASES)("budgets on $name", (kind) => {
  let database: RunningDatabase;
  beforeAll(async () => {
    database = await kind.start();
  });
  afterAll(() => database?.stop());

  const add = (counts: Readonly<Record<string, number>>, windowSeconds = 60) =>
    database.store.budgets.add(new Map(Object.entries(counts)), windowSeconds);

  test("budgets.add answers the sums of what was added, and how long they last", async () => {
    const [one, other] = [randomUUID(), randomUUID()];
    const [first] = await add({ [one]: 3 });
    expect(first).toEqual({ key: one, used: 3, remainingMs: expect.any(Number) });
    expect(first?.remainingMs).toBeGreaterThan(50_000);
    expect(first?.remainingMs).toBeLessThanOrEqual(60_000);
    const sums = await add({ [one]: 4, [other]: 1 });
    expect(new Map(sums.map(({ key, used }) => [key, used]))).toEqual(
      new Map([
        [one, 7],
        [other, 1],
      ]),
    );
    expect(await add({})).toEqual([]);
  });

  test("budgets.add begins anew once the time is over; until then nothing moves its end", async () => {
    const key = randomUUID();
    await add({ [key]: 5 });
    await database.query(
      `update budgets set ends_at = now() + interval '10 seconds' where key = '${key}'`,
    );
    const [again] = await add({ [key]: 5 });
    expect(again?.used).toBe(10);
    expect(again?.remainingMs).toBeLessThanOrEqual(10_000);
    await database.query(
      `update budgets set ends_at = now() - interval '1 second' where key = '${key}'`,
    );
    const [anew] = await add({ [key]: 2 });
    expect(anew?.used).toBe(2);
    expect(anew?.remainingMs).toBeGreaterThan(50_000);
  });

  test("budgets.add loses nothing when all add at once, in any order", async () => {
    const [one, other] = [randomUUID(), randomUUID()];
    await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        add(index % 2 === 0 ? { [one]: 1, [other]: 2 } : { [other]: 2, [one]: 1 }),
      ),
    );
    const sums = await add({ [one]: 0, [other]: 0 });
    expect(sums.find(({ key }) => key === one)?.used).toBe(40);
    expect(sums.find(({ key }) => key === other)?.used).toBe(80);
  });

  test("budgets.purge deletes what is over and nothing else", async () => {
    const [old, current] = [randomUUID(), randomUUID()];
    await add({ [old]: 1, [current]: 1 });
    await database.query(
      `update budgets set ends_at = now() - interval '1 second' where key = '${old}'`,
    );
    expect(await database.store.budgets.purge()).toBeGreaterThanOrEqual(1);
    const kept = await database.query<{ key: string }>("select key from budgets");
    const keys = kept.map(({ key }) => key);
    expect([keys.includes(old), keys.includes(current)]).toEqual([false, true]);
  });
});
