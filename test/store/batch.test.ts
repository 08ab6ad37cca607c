// What gathers and what goes out alone, over statements that end when the test says so.

import { afterEach, describe, expect, test, vi } from "vitest";
import {
  type Gathering,
  gather,
  MOST_IN_BATCH,
  MOST_WAIT_MS,
  PATIENCE_MS,
} from "../../src/store/batch.ts";

type Statement = PromiseWithResolvers<readonly (string | undefined)[]> & {
  readonly items: readonly number[];
};

/** A gathering call, and what it has sent so far. */
function gathering() {
  const statements: Statement[] = [];
  const alone: number[] = [];
  const parts: Gathering<number, string> = {
    all(items) {
      const statement = { ...Promise.withResolvers<readonly (string | undefined)[]>(), items };
      statements.push(statement);
      return statement.promise;
    },
    async one(item) {
      alone.push(item);
      if (item < 0) throw new Error(`no ${item}`);
      return `alone ${item}`;
    },
  };
  const answer = (place: number) => {
    const statement = statements[place] as Statement;
    statement.resolve(statement.items.map((item) => `answer ${item}`));
  };
  return { call: gather(parts), statements, alone, answer };
}

const itemsOf = (statements: readonly Statement[]) => statements.map(({ items }) => items);

describe("gather", () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  test("a lone call goes out at once", async () => {
    const { call, statements, answer } = gathering();
    const called = call(1);
    expect(itemsOf(statements)).toEqual([[1]]);
    answer(0);
    expect(await called).toBe("answer 1");
  });

  test.each([
    { code: "40P01", what: "a deadlock" },
    { code: "40001", what: "a conflict with another transaction" },
  ])("$what fails nobody of a statement: each is asked alone", async ({ code }) => {
    const { call, statements, alone, answer } = gathering();
    const called = [1, 2, 3, 4].map(call);
    answer(0);
    await vi.waitFor(() => expect(itemsOf(statements)).toEqual([[1], [2], [3, 4]]));
    statements[2]?.reject(Object.assign(new Error("given up"), { code }));
    expect(await Promise.all(called.slice(2))).toEqual(["alone 3", "alone 4"]);
    expect(alone).toEqual([3, 4]);
    answer(1);
    await Promise.all(called);
  });

  test("calls gather while two statements are under way, and each gets its own answer", async () => {
    const { call, statements, answer } = gathering();
    const called = [1, 2, 3, 4, 5].map(call);
    expect(itemsOf(statements)).toEqual([[1], [2]]);
    answer(0);
    expect(await called[0]).toBe("answer 1");
    await vi.waitFor(() => expect(itemsOf(statements)).toEqual([[1], [2], [3, 4, 5]]));
    answer(1);
    answer(2);
    const answers = [1, 2, 3, 4, 5].map((item) => `answer ${item}`);
    expect(await Promise.all(called)).toEqual(answers);
  });

  test("a statement carries so many calls and no more", async () => {
    const { call, statements, answer } = gathering();
    const called = Array.from({ length: MOST_IN_BATCH + 3 }, (_, item) => call(item));
    answer(0);
    await vi.waitFor(() => expect(statements).toHaveLength(3));
    expect(statements[2]?.items).toHaveLength(MOST_IN_BATCH);
    answer(1);
    await vi.waitFor(() => expect(statements).toHaveLength(4));
    expect(statements[3]?.items).toEqual([MOST_IN_BATCH + 2]);
    answer(2);
    answer(3);
    await Promise.all(called);
  });

  test("when a statement is refused, each of its calls is made alone, and fails alone", async () => {
    const { call, statements, alone, answer } = gathering();
    const called = [1, 2, 3, -4, 5].map(call);
    answer(0);
    answer(1);
    await vi.waitFor(() => expect(statements).toHaveLength(3));
    statements[2]?.reject(Object.assign(new Error("unique violation"), { code: "23505" }));
    const results = await Promise.allSettled(called);
    expect(alone).toEqual([3, -4, 5]);
    expect(results.map(({ status }) => status)).toEqual([
      "fulfilled",
      "fulfilled",
      "fulfilled",
      "rejected",
      "fulfilled",
    ]);
    expect(await called[4]).toBe("alone 5");
  });

  test("a lone call that is refused is not made again", async () => {
    const { call, statements, alone } = gathering();
    const called = call(1);
    statements[0]?.reject(new Error("unique violation"));
    await expect(called).rejects.toThrow("unique violation");
    expect(alone).toEqual([]);
  });

  test("when the database is away, every call of the statement fails so, and the next ones go out", async () => {
    const { call, statements, alone, answer } = gathering();
    const called = [1, 2, 3, 4].map(call);
    answer(0);
    await vi.waitFor(() => expect(statements).toHaveLength(3));
    const next = call(5);
    const lost = new Error("Connection terminated unexpectedly");
    for (const place of [1, 2]) statements[place]?.reject(lost);
    const results = await Promise.allSettled(called);
    expect(results.map(({ status }) => status).slice(1)).toEqual(Array(3).fill("rejected"));
    expect(alone).toEqual([]);
    await vi.waitFor(() => expect(statements[3]?.items).toEqual([5]));
    answer(3);
    expect(await next).toBe("answer 5");
  });

  test("what a statement could not decide is asked alone, and nobody waits for it", async () => {
    const { call, statements, alone, answer } = gathering();
    const called = [1, 2, 3, 4].map(call);
    answer(0);
    await vi.waitFor(() => expect(statements).toHaveLength(3));
    statements[2]?.resolve([undefined, "answer 4"]);
    expect(await called[2]).toBe("alone 3");
    expect(await called[3]).toBe("answer 4");
    expect(alone).toEqual([3]);
    answer(1);
    await called[1];
  });

  test("a statement that does not come back holds up nobody for longer than the patience", async () => {
    vi.useFakeTimers();
    const { call, statements, answer } = gathering();
    const stuck = [1, 2].map(call);
    const called = [3, 4].map(call);
    await vi.advanceTimersByTimeAsync(PATIENCE_MS - 1);
    expect(statements).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(1);
    expect(itemsOf(statements)).toEqual([[1], [2], [3, 4]]);
    answer(2);
    expect(await Promise.all(called)).toEqual(["answer 3", "answer 4"]);
    // Coming back late, it frees no second place.
    answer(0);
    answer(1);
    await Promise.all(stuck);
    const more = [5, 6, 7, 8].map(call);
    expect(itemsOf(statements.slice(3))).toEqual([[5], [6]]);
    answer(3);
    answer(4);
    await vi.waitFor(() => expect(statements).toHaveLength(6));
    answer(5);
    await Promise.all(more);
  });

  test("whoever has gathered for too long is told so, and those after them are asked", async () => {
    vi.useFakeTimers();
    const { call, statements, answer } = gathering();
    const called = Array.from({ length: 2 + 2 * MOST_IN_BATCH + 1 }, (_, item) => call(item));
    const last = called.at(-1);
    for (const each of called) each?.catch(() => {});
    vi.advanceTimersByTime(PATIENCE_MS - 1);
    expect(statements).toHaveLength(2);
    const long = vi.spyOn(performance, "now").mockReturnValue(performance.now() + MOST_WAIT_MS);
    const young = call(-7);
    answer(0);
    await expect(last).rejects.toMatchObject({ reason: "UNAVAILABLE" });
    expect(itemsOf(statements).at(-1)).toEqual([-7]);
    answer(2);
    expect(await young).toBe("answer -7");
    long.mockRestore();
  });
});
