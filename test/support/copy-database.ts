// Copies one database's rows into another one on another server, which then stands in for it, as
// after a failover.

import { openStore } from "../../src/store/open.ts";
import { queryOnce } from "./postgres.ts";

/** Both databases' URLs for a superuser, and the new one's for who is to own its tables. */
export interface Copy {
  readonly from: string;
  readonly to: string;
  readonly toOwner: string;
}

/** Brings the schema of the new one up to date and copies every row. */
export async function copyDatabase({ from, to, toOwner }: Copy): Promise<void> {
  await (await openStore({ databaseUrl: toOwner, dataDir: "memory" })).close();
  const tables = await queryOnce(
    from,
    "select tablename from pg_tables where schemaname = 'public' and tablename <> 'migrations'",
  );
  for (const { tablename } of tables) {
    const read = `select coalesce(json_agg(t), '[]')::text as rows from ${tablename} t`;
    const [row] = await queryOnce(from, read);
    const rows = String(row?.rows).replaceAll("'", "''");
    // Foreign keys and triggers are for those who change rows one by one.
    await queryOnce(
      to,
      `set session_replication_role = replica; insert into ${tablename}
        overriding system value select * from json_populate_recordset(null::${tablename}, '${rows}')`,
    );
  }
}
