// The line to the thread of the embedded database. What the store does with it, on both databases,
// is in the other suites.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Embedded, openEmbedded } from "../../src/store/embedded.ts";

let embedded: Embedded;
beforeAll(async () => {
  embedded = openEmbedded("memory");
  await embedded.opened;
});
afterAll(() => embedded?.close());

describe("openEmbedded", () => {
  test("this process goes on with its work while a statement takes long", async () => {
    const { query } = embedded;
    let turns = 0;
    const timer = setInterval(() => {
      turns += 1;
    }, 1);
    const { rows } = await query("select count(*)::int as n from generate_series(1, 2000000)");
    clearInterval(timer);
    expect(rows).toEqual([{ n: 2_000_000 }]);
    expect(turns).toBeGreaterThan(5);
  });

  test("who is told the answer of a statement has been told what it notified", async () => {
    const { query, onNotification } = embedded;
    const heard: string[] = [];
    onNotification((channel, payload) => heard.push(`${channel} ${payload}`));
    await query("select pg_notify('tapin_session', 'a,b')");
    expect(heard).toEqual(["tapin_session a,b"]);
    await query("select pg_notify('tapin_bots', '')");
    await query("select pg_notify('tapin_project', 'p')");
    expect(heard).toEqual(["tapin_session a,b", "tapin_bots ", "tapin_project p"]);
  });

  test("dates, bytes, lists, null and large numbers cross both ways", async () => {
    const { query } = embedded;
    const at = new Date("2026-03-04T05:06:07.089Z");
    const { rows } = await query<Record<string, unknown>>(
      "select $1::timestamptz as at, $2::bytea as bytes, $3::text[] as list, $4::text as nothing, $5::bigint as large",
      [at, new Uint8Array([0, 255]), ["a", 'b"c'], null, 9_007_199_254_740_993n],
    );
    expect(rows).toEqual([
      {
        at,
        bytes: new Uint8Array([0, 255]),
        list: ["a", 'b"c'],
        nothing: null,
        large: 9_007_199_254_740_993n,
      },
    ]);
  });

  test("an error crosses with its sentence and its code", async () => {
    const { query } = embedded;
    await expect(query("select 1 / 0")).rejects.toMatchObject({
      message: "division by zero",
      code: "22012",
    });
  });

  test("a transaction keeps others out until it has ended, and leaves nothing when it fails", async () => {
    const { query, transaction } = embedded;
    await query("create table t (n int)");
    const failed = transaction(async (inside) => {
      await inside.query("insert into t values (1)");
      throw new Error("no");
    });
    const counted = query("select * from t");
    await expect(failed).rejects.toThrow("no");
    expect((await counted).rows).toEqual([]);
    const order: string[] = [];
    const worked = transaction(async (inside) => {
      await inside.query("insert into t values (2)");
      order.push("inside");
    });
    const after = query("select * from t").then(({ rows }) => {
      order.push("outside");
      return rows;
    });
    await worked;
    expect(await after).toEqual([{ n: 2 }]);
    expect(order).toEqual(["inside", "outside"]);
  });

  test("a commit that the database refuses rejects", async () => {
    const { query, transaction } = embedded;
    await query("create table a (n int primary key)");
    await query("create table b (n int references a deferrable initially deferred)");
    const work = transaction(async (inside) => {
      await inside.query("insert into b values (1)");
    });
    await expect(work).rejects.toMatchObject({ code: "23503" });
    expect((await query("select * from b")).rows).toEqual([]);
  });

  // The last: nothing is open after it.
  test("close lets what was asked before it end, and refuses what comes after", async () => {
    const { query, close } = embedded;
    const before = query("select 1 as n");
    const closed = close();
    expect((await before).rows).toEqual([{ n: 1 }]);
    await closed;
    await expect(query("select 1")).rejects.toThrow("PGlite is closed");
    await close();
  });
});
