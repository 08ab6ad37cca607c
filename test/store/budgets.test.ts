// What the processes count together for projects, on both databases.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DATABASES, type RunningDatabase } from "../support/databases.ts";
import { addProject } from "./seed.ts";

describe.each(DATABASES)("budgets on $name", (kind) => {
  let database: RunningDatabase;
  beforeAll(async () => {
    database = await kind.start();
  });
  afterAll(() => database?.stop());

  const add = (counts: Readonly<Record<string, number>>, windowSeconds = 60) =>
    database.store.budgets.add(new Map(Object.entries(counts)), windowSeconds);

  test("budgets.add answers the sums of what was added, and how long they last", async () => {
    const [one, other] = [await addProject(database.store), await addProject(database.store)];
    const [first] = await add({ [one.id]: 3 });
    expect(first).toEqual({ projectId: one.id, used: 3, remainingMs: expect.any(Number) });
    expect(first?.remainingMs).toBeGreaterThan(50_000);
    expect(first?.remainingMs).toBeLessThanOrEqual(60_000);
    const sums = await add({ [one.id]: 4, [other.id]: 1 });
    expect(new Map(sums.map(({ projectId, used }) => [projectId, used]))).toEqual(
      new Map([
        [one.id, 7],
        [other.id, 1],
      ]),
    );
    expect(await add({})).toEqual([]);
  });

  test("budgets.add begins anew once the time is over; until then nothing moves its end", async () => {
    const { id } = await addProject(database.store);
    await add({ [id]: 5 });
    await database.query(
      `update budgets set ends_at = now() + interval '10 seconds' where project_id = '${id}'`,
    );
    const [again] = await add({ [id]: 5 });
    expect(again?.used).toBe(10);
    expect(again?.remainingMs).toBeLessThanOrEqual(10_000);
    await database.query(
      `update budgets set ends_at = now() - interval '1 second' where project_id = '${id}'`,
    );
    const [anew] = await add({ [id]: 2 });
    expect(anew?.used).toBe(2);
    expect(anew?.remainingMs).toBeGreaterThan(50_000);
  });

  test("budgets.add loses nothing when all add at once, in any order", async () => {
    const [one, other] = [await addProject(database.store), await addProject(database.store)];
    await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        add(index % 2 === 0 ? { [one.id]: 1, [other.id]: 2 } : { [other.id]: 2, [one.id]: 1 }),
      ),
    );
    const sums = await add({ [one.id]: 0, [other.id]: 0 });
    expect(sums.find(({ projectId }) => projectId === one.id)?.used).toBe(40);
    expect(sums.find(({ projectId }) => projectId === other.id)?.used).toBe(80);
  });
});
