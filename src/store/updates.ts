// The table `updates`: what messengers sent, noted before it is handled, so that a second delivery
// is known and what a dead process had in hand is found. What an update says is none of this room's
// business.

import { sql } from "kysely";
import type { UnfinishedUpdate, UpdateTable } from "../core/bot-ports.ts";
import { ago, fromNow, NOW } from "./database-time.ts";
import { notingTaps } from "./note-taps.ts";
import { finishing, isFree, noting } from "./note-updates.ts";
import type { OnEnded } from "./sessions.ts";
import type { Db } from "./tables.ts";

/**
 * Seconds after which a process looks at what is in its own hands: what is being handled it knows,
 * and the rest it has noted without hearing so, while the messenger delivered it again to another
 * process, which left it to this one.
 */
const OWN_SECONDS = 10;

/**
 * The port over this connection or transaction. `onEnded` hears of logins whose tap was decided as
 * it was noted.
 */
export function updateTable(db: Db, onEnded: OnEnded): UpdateTable {
  const noteOne = noting(db);
  const noteTap = notingTaps(db, noteOne, onEnded);
  const finish = finishing(db);
  return {
    note: (bot, note) => noteOne({ ...note, bot }),
    noteTap: (bot, tap) => noteTap({ ...tap, bot }),
    finish: (bot, key) => finish({ bot, key }),
    async takeUnfinished(bot, { holder, olderThanSeconds, maxAgeSeconds, limit }) {
      // Oldest first: of one person's updates the earlier one has to be handled before the later.
      const { rows } = await sql<UnfinishedUpdate>`
        with abandoned as materialized (
          select number from updates
          where bot = ${bot} and finished_at is null and noted_at >= ${ago(maxAgeSeconds)}
            and (${isFree(sql`updates.holder`)}
              or (noted_at < ${ago(olderThanSeconds)}
                  or holder = ${holder} and noted_at < ${ago(OWN_SECONDS)})
                and (taken_until is null or taken_until <= ${NOW}))
          order by number limit ${limit} for update skip locked
        ), taken as (
          update updates set taken_until = ${fromNow(olderThanSeconds)}, holder = ${holder}
          from abandoned
          where updates.bot = ${bot} and updates.finished_at is null
            and updates.number = abandoned.number
          returning updates.number, key, payload
        )
        select key, payload from taken order by number`.execute(db);
      return rows;
    },
    async markerOf(bot) {
      const { rows } = await sql<{ marker: string }>`
        select marker from poll_markers where bot = ${bot}`.execute(db);
      return rows[0]?.marker ?? null;
    },
    async keepMarker(bot, marker) {
      await sql`
        insert into poll_markers (bot, marker) values (${bot}, ${marker})
        on conflict (bot) do update set marker = excluded.marker, kept_at = ${NOW}`.execute(db);
    },
    async purge(hours, limit) {
      const { rows } = await sql`
        delete from updates where ctid = any(array(
          select ctid from updates where noted_at < ${ago(hours * 3600)}
          order by noted_at limit ${limit} for update skip locked
        ))
        returning 1`.execute(db);
      return rows.length;
    },
  };
}
