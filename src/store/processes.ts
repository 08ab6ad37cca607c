// The table `processes`: when the database heard of each process last, and the one rule by which a
// process counts as gone, so that others may take up what it had in hand.

import { type RawBuilder, sql } from "kysely";
import type { ProcessTable } from "../core/ports.ts";
import { ago, NOW } from "./database-time.ts";
import type { Db } from "./tables.ts";

/** Seconds of silence after which a process is gone. It says that it lives once a second. */
const GONE_SECONDS = 6;

/** Seconds between two signs of life at most, or contact with the database counts as broken. */
const CONTACT_SECONDS = 3;

/** The port over this connection or transaction. */
export function processTable(db: Db): ProcessTable {
  return {
    async hear(id) {
      await sql`
        insert into processes as known (id, heard_since, heard_at) values (${id}, ${NOW}, ${NOW})
        on conflict (id) do update set heard_at = ${NOW}, heard_since = case
          when known.heard_at > ${ago(CONTACT_SECONDS)} then known.heard_since else ${NOW} end
        `.execute(db);
    },
    async purge(hours) {
      const { rows } = await sql`
        delete from processes where heard_at < ${ago(hours * 3600)} returning 1`.execute(db);
      return rows.length;
    },
  };
}

/**
 * Whether the process of this id, a column or a value, is gone: silent for long, while another one
 * was heard all the time. After an outage nobody was: each process then has as long again to be
 * heard before it counts as gone.
 */
export function isGone(id: RawBuilder<unknown>): RawBuilder<boolean> {
  return sql<boolean>`(
    not exists (
      select 1 from processes where processes.id = ${id} and heard_at > ${ago(GONE_SECONDS)}
    ) and exists (
      select 1 from processes as witness
      where witness.heard_at > ${ago(CONTACT_SECONDS)}
        and witness.heard_since <= ${ago(GONE_SECONDS)}
    ))`;
}
