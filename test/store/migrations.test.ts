// The schema: every table and column says what it is, every foreign key has its index, processes
// that start at once all come up, and a newer Tapin's database is left alone.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { migrate } from "../../src/store/migrate.ts";
import { MIGRATIONS } from "../../src/store/migrations.ts";
import { openStore } from "../../src/store/open.ts";
import { DATABASES, type RunningDatabase } from "../support/databases.ts";
import { queryOnce, startPostgres, type TestPostgres } from "../support/postgres.ts";

describe.each(DATABASES)("schema on $name", (kind) => {
  let database: RunningDatabase;
  beforeAll(async () => {
    database = await kind.start();
  });
  afterAll(() => database?.stop());

  test("every table and column has a comment", async () => {
    const columns = await database.query<{ name: string; of_table: string; of_column: string }>(`
      select relname || '.' || attname as name, obj_description(pg_class.oid, 'pg_class') as of_table,
        col_description(pg_class.oid, attnum) as of_column
      from pg_class join pg_attribute on attrelid = pg_class.oid
      where relkind = 'r' and relnamespace = 'public'::regnamespace and attnum > 0`);
    expect(columns.length).toBeGreaterThan(60);
    const bare = columns.filter((column) => !column.of_table || !column.of_column);
    expect(bare).toEqual([]);
  });

  test("every index says what it is for", async () => {
    const indexes = await database.query<{ name: string; comment: string | null }>(`
      select relname as name, obj_description(oid, 'pg_class') as comment from pg_class
      where relkind = 'i' and relnamespace = 'public'::regnamespace`);
    expect(indexes.length).toBeGreaterThan(25);
    expect(indexes.filter(({ comment }) => !comment)).toEqual([]);
  });

  // Of projects only administrators get rid, by hand: for that, sessions need not carry one more
  // index of random keys.
  test("every foreign key has an index that starts with its columns, but the project of sessions", async () => {
    const bare = await database.query(`
      select conrelid::regclass::text as of_table, conname from pg_constraint
      where contype = 'f' and connamespace = 'public'::regnamespace and not exists (
        select 1 from pg_index where indrelid = conrelid and indpred is null
          and (indkey::int2[])[0:cardinality(conkey) - 1] @> conkey
      )`);
    expect(bare).toEqual([{ of_table: "sessions", conname: "sessions_project_id_fkey" }]);
  });

  test("the steps that were applied are all that there are, in order", async () => {
    const rows = await database.query<{ name: string }>(
      "select name from migrations order by applied_at, name",
    );
    expect(rows.map((row) => row.name)).toEqual(Object.keys(MIGRATIONS));
    expect(Object.keys(MIGRATIONS)).toEqual(Object.keys(MIGRATIONS).sort());
  });
});

describe("migrate", () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.stop());

  test("six stores opened at once on an empty database all come up", async () => {
    const databaseUrl = await server.createDatabase();
    const opened = await Promise.all(
      Array.from({ length: 6 }, () => openStore({ databaseUrl, dataDir: "memory" })),
    );
    for (const { store } of opened) expect(await store.projects.findBySlug("none")).toBeNull();
    await Promise.all(opened.map((one) => one.close()));
    expect(
      await queryOnce(databaseUrl, "select count(*)::integer as steps from migrations"),
    ).toEqual([{ steps: Object.keys(MIGRATIONS).length }]);
  });

  test("a database of a newer Tapin is refused and left as it is", async () => {
    const databaseUrl = await server.createDatabase();
    await (await openStore({ databaseUrl, dataDir: "memory" })).close();
    await queryOnce(databaseUrl, "insert into migrations (name) values ('9999-later')");
    await expect(openStore({ databaseUrl, dataDir: "memory" })).rejects.toThrow(
      /made by a newer Tapin: it has 9999-later/,
    );
  });

  test("a failing step undoes all of them; later steps are applied once", async () => {
    const url = await server.createDatabase();
    const { Client } = (await import("pg")).default;
    const client = new Client({ connectionString: url });
    await client.connect();
    const execute = async (text: string) => {
      const result = await client.query(text);
      return (Array.isArray(result) ? result.at(-1) : result)?.rows ?? [];
    };
    const tables = async () =>
      (await queryOnce(url, "select tablename from pg_tables where schemaname = 'public'")).length;
    const good = { "0001-a": "create table a (i int); insert into a values (1)" };
    await expect(migrate(execute, { ...good, "0002-b": "create nonsense" })).rejects.toThrow(
      "syntax error",
    );
    expect(await tables()).toBe(0);
    await migrate(execute, good);
    await migrate(execute, { ...good, "0002-b": "insert into a values (2)" });
    await migrate(execute, { ...good, "0002-b": "insert into a values (2)" });
    expect(await queryOnce(url, "select i from a order by i")).toEqual([{ i: 1 }, { i: 2 }]);
    await client.end();
  });
});
