// The updates of messengers on both databases: each is fresh once, and what nobody finished is
// found again.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { UnfinishedUpdate } from "../../src/core/bot-ports.ts";
import type { Store } from "../../src/core/ports.ts";
import { DATABASES, type RunningDatabase } from "../support/databases.ts";
import { text } from "./seed.ts";

const TAKE = { holder: "one", olderThanSeconds: 90, maxAgeSeconds: 1800, limit: 50 };

describe.each(DATABASES)("updates on $name", (kind) => {
  let database: RunningDatabase;
  let store: Store;

  beforeAll(async () => {
    database = await kind.start();
    store = database.store;
  });
  afterAll(() => database?.stop());

  const newBot = () => `telegram:${text(10)}`;
  const note = (bot: string, update: UnfinishedUpdate, holder = "one") =>
    store.updates.note(bot, { ...update, holder });

  /** Notes updates of these keys, in this order, as if it were so many seconds ago. */
  async function noteAgo(
    bot: string,
    seconds: number,
    keys: readonly string[],
    holder = "one",
  ): Promise<void> {
    for (const key of keys) await note(bot, { key, payload: { key } }, holder);
    await database.query(
      `update updates set noted_at = noted_at - interval '${seconds} seconds'
       where bot = '${bot}' and key in (${keys.map((key) => `'${key}'`).join(", ")})`,
    );
  }

  const keysOf = (taken: readonly UnfinishedUpdate[]) => taken.map(({ key }) => key);

  test("keepMarker keeps the last marker of each bot, digit by digit", async () => {
    const [bot, other] = [newBot(), newBot()];
    expect(await store.updates.markerOf(bot)).toBeNull();
    await store.updates.keepMarker(bot, "116328147937082782");
    await store.updates.keepMarker(bot, "116328147937082783");
    expect(await store.updates.markerOf(bot)).toBe("116328147937082783");
    expect(await store.updates.markerOf(other)).toBeNull();
  });

  test("note is fresh once, then unfinished, and done once it is finished", async () => {
    const bot = newBot();
    const update = { key: "u1", payload: { text: "a" } };
    expect(await note(bot, update)).toBe("fresh");
    expect(await note(bot, update)).toBe("unfinished");
    expect(await note(newBot(), update)).toBe("fresh");
    expect(await note(bot, { ...update, key: "U1" })).toBe("fresh");
    await store.updates.finish(bot, "u1");
    expect(await note(bot, update)).toBe("done");
    expect(await note(bot, { ...update, key: "U1" })).toBe("unfinished");
  });

  test("note 100 times at once: one is fresh", async () => {
    const bot = newBot();
    const states = await Promise.all(
      Array.from({ length: 100 }, () => note(bot, { key: "u1", payload: {} })),
    );
    expect(states.filter((state) => state === "fresh")).toHaveLength(1);
    expect(states.filter((state) => state === "unfinished")).toHaveLength(99);
  });

  test("note that was undone with its transaction is fresh again", async () => {
    const bot = newBot();
    const failed = store.transaction(async (inside) => {
      expect(await inside.updates.note(bot, { key: "u1", payload: {}, holder: "one" })).toBe(
        "fresh",
      );
      throw new Error("no");
    });
    await expect(failed).rejects.toThrow("no");
    expect(await note(bot, { key: "u1", payload: {} })).toBe("fresh");
  });

  test("finish forgets the payload, a repeated note does not bring it back, and unknown keys do nothing", async () => {
    const bot = newBot();
    const update = { key: "u1", payload: { text: "private" } };
    await note(bot, update);
    await store.updates.finish(bot, "u1");
    await store.updates.finish(bot, "u1");
    await store.updates.finish(bot, "missing");
    await note(bot, update);
    const rows = await database.query(
      `select key, payload is null as forgotten from updates where bot = '${bot}'`,
    );
    expect(rows).toEqual([{ key: "u1", forgotten: true }]);
  });

  test("takeUnfinished gives back the payload as it came, whatever is in it", async () => {
    const bot = newBot();
    const payloads = [
      { text: "a\u0000b \ud800 \u202e 🙂", list: [1, null, { deep: 1.5 }] },
      null,
      "text",
      [],
      9007199254740991,
    ];
    for (const [index, payload] of payloads.entries()) {
      await note(bot, { key: `u${index}`, payload });
    }
    await note(bot, { key: "none", payload: undefined });
    await database.query(
      `update updates set noted_at = noted_at - interval '100 seconds' where bot = '${bot}'`,
    );
    expect(await store.updates.takeUnfinished(bot, TAKE)).toEqual([
      ...payloads.map((payload, index) => ({ key: `u${index}`, payload })),
      { key: "none", payload: null },
    ]);
  });

  test("takeUnfinished takes what is old enough, not too old and not handled, in the order it came", async () => {
    const bot = newBot();
    await noteAgo(bot, 2000, ["ancient"]);
    await noteAgo(bot, 100, ["z", "a", "done", "m"]);
    await note(bot, { key: "young", payload: {} });
    await store.updates.finish(bot, "done");
    expect(await store.updates.takeUnfinished(newBot(), TAKE)).toEqual([]);
    expect(keysOf(await store.updates.takeUnfinished(bot, { ...TAKE, limit: 2 }))).toEqual([
      "z",
      "a",
    ]);
    expect(keysOf(await store.updates.takeUnfinished(bot, TAKE))).toEqual(["m"]);
    expect(await store.updates.takeUnfinished(bot, TAKE)).toEqual([]);
  });

  test("takeUnfinished gives an update out again when whoever took it did not finish in time", async () => {
    const bot = newBot();
    await noteAgo(bot, 100, ["kept", "finished"]);
    expect(await store.updates.takeUnfinished(bot, TAKE)).toHaveLength(2);
    await store.updates.finish(bot, "finished");
    await database.query(
      `update updates set taken_until = taken_until - interval '89 seconds' where bot = '${bot}'`,
    );
    expect(await store.updates.takeUnfinished(bot, TAKE)).toEqual([]);
    await database.query(
      `update updates set taken_until = taken_until - interval '1 second' where bot = '${bot}'`,
    );
    expect(keysOf(await store.updates.takeUnfinished(bot, TAKE))).toEqual(["kept"]);
  });

  describe("updates in the hand of a process", () => {
    beforeEach(() => database.query("delete from processes"));

    /** A process that was heard first and last so many seconds ago. */
    async function heard(id: string, first: number, last: number): Promise<void> {
      const ago = (seconds: number) => `clock_timestamp() - interval '${seconds} seconds'`;
      await database.query(`insert into processes (id, heard_since, heard_at)
        values ('${id}', ${ago(first)}, ${ago(last)}) on conflict (id) do update
        set heard_since = excluded.heard_since, heard_at = excluded.heard_at`);
    }
    const update = { key: "u1", payload: { text: "a" } };
    const take = (bot: string) => store.updates.takeUnfinished(bot, { ...TAKE, holder: "other" });

    test("takeUnfinished leaves what a process has in hand that lives, and takes it once that is gone", async () => {
      const bot = newBot();
      await heard("other", 60, 0);
      await heard("one", 60, 3);
      await note(bot, update);
      expect(await take(bot)).toEqual([]);
      await heard("one", 60, 7);
      expect(await take(bot)).toEqual([update]);
      // In the hand of a process that lives again.
      expect(await take(bot)).toEqual([]);
      await heard("other", 60, 7);
      await heard("third", 60, 0);
      expect(await take(bot)).toEqual([update]);
    });

    test("takeUnfinished takes nothing young while nobody was heard all the time: the database was away", async () => {
      const bot = newBot();
      await heard("one", 60, 7);
      await note(bot, update);
      expect(await take(bot)).toEqual([]);
      await heard("other", 3, 0);
      expect(await take(bot)).toEqual([]);
      await heard("other", 60, 4);
      expect(await take(bot)).toEqual([]);
      await heard("third", 7, 0);
      expect(await take(bot)).toEqual([update]);
    });

    test("takeUnfinished takes from a process that lives what it has had in hand for too long", async () => {
      const bot = newBot();
      await heard("one", 100, 0);
      await heard("other", 100, 0);
      await noteAgo(bot, 80, ["slow"]);
      expect(await take(bot)).toEqual([]);
      await noteAgo(bot, 11, ["slow"]);
      expect(keysOf(await take(bot))).toEqual(["slow"]);
      expect(await take(bot)).toEqual([]);
    });

    test("takeUnfinished gives a process back what it noted without hearing so, when it had time to be handled", async () => {
      const bot = newBot();
      await heard("other", 60, 0);
      await noteAgo(bot, 9, ["unheard"], "other");
      expect(await take(bot)).toEqual([]);
      await noteAgo(bot, 2, ["unheard"], "other");
      expect(keysOf(await take(bot))).toEqual(["unheard"]);
      expect(await take(bot)).toEqual([]);
    });

    test("note leaves an update with the process that has it, and takes it over once that is gone", async () => {
      const bot = newBot();
      await heard("one", 60, 0);
      await heard("other", 60, 0);
      expect(await note(bot, update, "one")).toBe("fresh");
      expect(await note(bot, update, "other")).toBe("elsewhere");
      expect(await note(bot, update, "one")).toBe("unfinished");
      await heard("one", 60, 7);
      expect(await note(bot, update, "other")).toBe("unfinished");
      await heard("one", 60, 0);
      expect(await note(bot, update, "one")).toBe("elsewhere");
      await store.updates.finish(bot, update.key);
      expect(await note(bot, update, "one")).toBe("done");
    });

    test("note by 20 processes at once of what a gone one had: one gets it", async () => {
      const bot = newBot();
      await note(bot, update, "one");
      const ids = Array.from({ length: 20 }, (_, index) => `p${index}`);
      for (const id of ids) await heard(id, 60, 0);
      const states = await Promise.all(ids.map((id) => note(bot, update, id)));
      expect(states.filter((state) => state === "unfinished")).toHaveLength(1);
      expect(states.filter((state) => state === "elsewhere")).toHaveLength(19);
    });

    test("processes.hear keeps since when a process was heard, until there is a gap; purge forgets it", async () => {
      const known = () => database.query("select heard_since = heard_at as anew from processes");
      await store.processes.hear("one");
      expect(await known()).toEqual([{ anew: true }]);
      await heard("one", 60, 1);
      await store.processes.hear("one");
      expect(await known()).toEqual([{ anew: false }]);
      await heard("one", 60, 4);
      await store.processes.hear("one");
      expect(await known()).toEqual([{ anew: true }]);
      await heard("old", 9 * 3600, 2 * 3600);
      expect(await store.processes.purge(1)).toBe(1);
      expect(await store.processes.purge(1)).toBe(0);
      expect(await known()).toHaveLength(1);
    });
  });

  test("takeUnfinished by 10 workers at once: each update goes to one of them", async () => {
    const bot = newBot();
    const keys = Array.from({ length: 30 }, (_, index) => `u${index}`);
    await noteAgo(bot, 100, keys);
    const taken = await Promise.all(
      Array.from({ length: 10 }, () => store.updates.takeUnfinished(bot, { ...TAKE, limit: 5 })),
    );
    const rest = await store.updates.takeUnfinished(bot, TAKE);
    expect([...taken.flatMap(keysOf), ...keysOf(rest)].sort()).toEqual([...keys].sort());
  });

  test("takeUnfinished does not wait for a worker that is not done", async () => {
    const bot = newBot();
    await noteAgo(bot, 100, ["u1", "u2", "u3"]);
    let second: Promise<readonly UnfinishedUpdate[]> = Promise.resolve([]);
    const first = await store.transaction(async (inside) => {
      const taken = await inside.updates.takeUnfinished(bot, { ...TAKE, limit: 2 });
      second = store.updates.takeUnfinished(bot, TAKE);
      // PGlite has one connection: there the second worker's turn comes after the transaction.
      if (database.url !== null) await second;
      return taken;
    });
    expect(keysOf(first)).toEqual(["u1", "u2"]);
    expect(keysOf(await second)).toEqual(["u3"]);
  });

  test("purge deletes what is old, handled or not, and tells how many", async () => {
    const bot = newBot();
    await noteAgo(bot, 49 * 3600, ["old", "old-done"]);
    await noteAgo(bot, 47 * 3600, ["recent"]);
    await store.updates.finish(bot, "old-done");
    expect(await store.updates.purge(48, 2)).toBe(2);
    expect(await store.updates.purge(48, 2)).toBe(0);
    const rows = await database.query(`select key from updates where bot = '${bot}'`);
    expect(rows).toEqual([{ key: "recent" }]);
    expect(await note(bot, { key: "old", payload: {} })).toBe("fresh");
  });
});
