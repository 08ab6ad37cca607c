// The sweeper on both databases, over bots whose edits fail, hang or belong to another process.

import { pino } from "pino";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Store } from "../../src/core/ports.ts";
import type { StalePrompt } from "../../src/core/prompt.ts";
import type { Settler } from "../../src/core/prompt-ports.ts";
import { startSweeper } from "../../src/sweeper.ts";
import { DATABASES, type RunningDatabase } from "../support/databases.ts";
import { printFigure } from "../support/figure.ts";
import { addProject, addSession, person, promptDraft, text } from "./seed.ts";

type Settle = (prompt: StalePrompt) => Promise<boolean>;

const PATIENCE = { timeout: 10_000 };

describe.each(DATABASES)("startSweeper on $name", (kind) => {
  let database: RunningDatabase;
  let store: Store;
  const stops: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    database = await kind.start();
    store = database.store;
  });
  afterEach(async () => {
    await Promise.all(stops.splice(0).map((stop) => stop()));
  });
  afterAll(() => database?.stop());

  function sweep(settles: readonly (readonly [string, Settle])[]): void {
    const log = pino({ level: "silent" });
    const settlers = settles.map(([bot, settle]): Settler => ({ bot, hasLeft: false, settle }));
    const parts = { ports: { store }, holder: text(8), settlers: () => settlers, log };
    stops.push(startSweeper(parts));
  }

  /** A prompt of this bot whose message is due for an edit. */
  async function addStale(bot: string): Promise<string> {
    const draft = promptDraft(person(), { bot });
    await store.prompts.create((await addProject(store)).id, draft);
    await store.prompts.setShown(draft.token, { chatId: "77", messageId: "1001" });
    await database.query(
      `update prompts set expires_at = clock_timestamp() - interval '1 second'
       where token = '${draft.token}'`,
    );
    return draft.token;
  }

  async function isSettled(token: string): Promise<boolean | undefined> {
    const [row] = await database.query<{ settled: boolean }>(
      `select settled from prompts where token = '${token}'`,
    );
    return row?.settled;
  }

  test("T4 a failed edit is tried again after its minute, and a shown one never again", async () => {
    const bot = `telegram:${text(8)}`;
    const token = await addStale(bot);
    const edits: string[] = [];
    sweep([
      [
        bot,
        async (prompt) => {
          edits.push(prompt.token);
          return edits.length > 1;
        },
      ],
    ]);
    await expect.poll(() => edits, PATIENCE).toEqual([token]);
    expect(await isSettled(token)).toBe(false);
    await database.query(
      `update prompts set settling_until = clock_timestamp() where token = '${token}'`,
    );
    await expect.poll(() => isSettled(token), PATIENCE).toBe(true);
    expect(edits).toEqual([token, token]);
  });

  test("an edit that hangs holds up neither expiry nor other bots, and its bot begins no second round", async () => {
    const [slow, quick] = [`max:${text(8)}`, `telegram:${text(8)}`];
    const answered = Promise.withResolvers<boolean>();
    const hanging: string[] = [];
    const first = await addStale(slow);
    sweep([
      [
        slow,
        (prompt) => {
          hanging.push(prompt.token);
          return answered.promise;
        },
      ],
      [quick, async () => true],
    ]);
    await expect.poll(() => hanging, PATIENCE).toEqual([first]);
    const second = await addStale(slow);
    const other = await addStale(quick);
    const project = await addProject(store);
    const { id } = await addSession(store, project);
    await database.query(
      `update sessions set expires_at = clock_timestamp() - interval '1 second' where id = '${id}'`,
    );
    const stored = () =>
      database.query(`select sequence from sessions where id = '${id}' and status = 'expired'`);
    await expect.poll(stored, PATIENCE).toHaveLength(1);
    await expect.poll(() => isSettled(other), PATIENCE).toBe(true);
    expect(hanging).toEqual([first]);
    answered.resolve(true);
    await expect.poll(() => isSettled(second), PATIENCE).toBe(true);
    expect(hanging).toEqual([first, second]);
  });

  test("two processes that run the same bot edit each message once", async () => {
    const bot = `telegram:${text(8)}`;
    const edits: string[] = [];
    const settle: Settle = async ({ token }) => edits.push(token) > 0;
    sweep([[bot, settle]]);
    sweep([[bot, settle]]);
    const tokens = await Promise.all(Array.from({ length: 20 }, () => addStale(bot)));
    for (const token of tokens) await expect.poll(() => isSettled(token), PATIENCE).toBe(true);
    expect(edits.toSorted()).toEqual(tokens.toSorted());
  });

  test("100 bots take no more statements than one", async () => {
    const counts = [];
    for (const size of [1, 100]) {
      const bots = Array.from({ length: size }, () => `telegram:${text(8)}`);
      const { counted, calls } = countingStore(store);
      const stop = startSweeper({
        ports: { store: counted },
        holder: text(8),
        settlers: () => bots.map((bot) => ({ bot, hasLeft: false, settle: async () => true })),
        log: pino({ level: "silent" }),
      });
      // The third tick begins after two whole ones; the first of all purges too.
      const ticks = () => calls.filter((call) => call === "leases.acquire").length;
      await expect.poll(ticks, PATIENCE).toBeGreaterThanOrEqual(3);
      const first = calls.indexOf("leases.acquire", 1);
      const second = calls.indexOf("leases.acquire", first + 1);
      counts.push(second - first);
      await stop();
    }
    printFigure("statements a second to sweep and settle, 1 bot and 100", counts.join(" and "));
    expect(counts).toEqual([3, 3]);
  });

  test("counts of callers go once their minute is over", async () => {
    const key = text(8);
    await store.budgets.add(new Map([[key, 1]]), 60);
    await database.query(
      `update budgets set ends_at = clock_timestamp() - interval '1 second' where key = '${key}'`,
    );
    sweep([]);
    const kept = () => database.query(`select 1 from budgets where key = '${key}'`);
    await expect.poll(kept, PATIENCE).toEqual([]);
  });

  test("a process without bots that sweeps does not keep another from settling", async () => {
    const bot = `telegram:${text(8)}`;
    await store.leases.acquire("sweeper", "a process without bots", 60);
    const token = await addStale(bot);
    sweep([[bot, async () => true]]);
    await expect.poll(() => isSettled(token), PATIENCE).toBe(true);
    await store.leases.release("sweeper", "a process without bots");
  });
});

/** The store, and the calls of its tables in order, each of which is one statement. */
function countingStore(store: Store): { counted: Store; calls: string[] } {
  const calls: string[] = [];
  const counted = Object.fromEntries(
    Object.entries(store).map(([name, table]) => [
      name,
      typeof table === "function"
        ? table
        : Object.fromEntries(
            Object.entries(table).map(([method, run]) => [
              method,
              (...args: unknown[]) => {
                calls.push(`${name}.${method}`);
                return (run as (...args: unknown[]) => unknown)(...args);
              },
            ]),
          ),
    ]),
  ) as unknown as Store;
  return { counted, calls };
}
