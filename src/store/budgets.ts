// The table `budgets`: how many requests of each project the processes have counted together in this minute.

import { sql } from "kysely";
import type { BudgetCount, BudgetTable } from "../core/ports.ts";
import { fromNow, NOW } from "./database-time.ts";
import type { Db } from "./tables.ts";

/** The port over this connection or transaction. */
export function budgetTable(db: Db): BudgetTable {
  return {
    async add(counts, windowSeconds) {
      // In one order, so that two processes never wait for each other's rows.
      const ids = [...counts.keys()].sort();
      const used = ids.map((id) => counts.get(id) ?? 0);
      const { rows } = await sql<BudgetCount>`
        insert into budgets as kept (project_id, used, ends_at)
        select project_id, used, ${fromNow(windowSeconds)}
        from unnest(${ids}::uuid[], ${used}::integer[]) as counted (project_id, used)
        on conflict (project_id) do update set
          used = excluded.used + case when kept.ends_at > ${NOW} then kept.used else 0 end,
          ends_at = case when kept.ends_at > ${NOW} then kept.ends_at else excluded.ends_at end
        returning project_id as "projectId", used,
          greatest(1, ceil(extract(epoch from ends_at - ${NOW}) * 1000))::integer as "remainingMs"
        `.execute(db);
      return rows;
    },
  };
}
