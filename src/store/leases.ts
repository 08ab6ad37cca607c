// The table `leases`: work that only one process may do at a time. A lease ends by itself, so that
// a killed process does not keep it.

import { sql } from "kysely";
import type { LeaseTable } from "../core/ports.ts";
import { RIGHT_NOW } from "./database-time.ts";
import type { Db } from "./tables.ts";

/** The port over this connection or transaction. */
export function leaseTable(db: Db): LeaseTable {
  return {
    async acquire(name, holder, ttlSeconds) {
      const until = sql`${RIGHT_NOW} + make_interval(secs => ${ttlSeconds})`;
      const { rows } = await sql`
        insert into leases as held (name, holder, expires_at)
        values (${name}, ${holder}, ${until})
        on conflict (name) do update set holder = excluded.holder, expires_at = ${until}
        where held.holder = excluded.holder or held.expires_at <= ${RIGHT_NOW}
        returning 1`.execute(db);
      return rows.length > 0;
    },
    async release(name, holder) {
      await db.deleteFrom("leases").where("name", "=", name).where("holder", "=", holder).execute();
    },
  };
}
