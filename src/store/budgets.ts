// The table `budgets`: what the processes have counted together in this minute, of projects and of
// addresses.

import { sql } from "kysely";
import type { BudgetCount, BudgetTable } from "../core/ports.ts";
import { fromNow, NOW } from "./database-time.ts";
import type { Db } from "./tables.ts";

/** The port over this connection or transaction. */
export function budgetTable(db: Db): BudgetTable {
  return {
    async add(counts, windowSeconds) {
      // In one order, so that two processes never wait for each other's rows.
      const keys = [...counts.keys()].sort();
      const used = keys.map((key) => counts.get(key) ?? 0);
      const { rows } = await sql<BudgetCount>`
        insert into budgets as kept (key, used, ends_at)
        select key, used, ${fromNow(windowSeconds)}
        from unnest(${keys}::text[], ${used}::integer[]) as counted (key, used)
        on conflict (key) do update set
          used = excluded.used + case when kept.ends_at > ${NOW} then kept.used else 0 end,
          ends_at = case when kept.ends_at > ${NOW} then kept.ends_at else excluded.ends_at end
        returning key, used,
          greatest(1, ceil(extract(epoch from ends_at - ${NOW}) * 1000))::integer as "remainingMs"
        `.execute(db);
      return rows;
    },
    async purge() {
      // Rows that are being added to are left alone: the two take their locks in different orders.
      const purged = await sql`
        delete from budgets where key in (
          select key from budgets where ends_at < ${NOW} for update skip locked
        ) returning 1`.execute(db);
      return purged.rows.length;
    },
  };
}
