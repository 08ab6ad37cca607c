// Delivering codes, all that are asked for in the same moment by one statement that reads their
// sessions too. One recipient gets a code, whoever asks at the same time (contract: one code, one
// recipient).

import { sql } from "kysely";
import type { Grant } from "../core/grant.ts";
import type { DeliveredSession } from "../core/session-ports.ts";
import { gather } from "./batch.ts";
import { prepared } from "./prepared.ts";
import { SEEN, type SeenRow, sessionOf } from "./session-row.ts";
import type { Db } from "./tables.ts";
import { LIVE } from "./verify-codes.ts";

/** What one caller asks for. */
interface Asked {
  /** Null = whatever project the session is of. */
  readonly projectId: string | null;
  readonly sessionId: string;
  readonly recipient: string;
}

interface ReadRow extends SeenRow {
  place: number;
  grant_id: string | null;
  code_hash: string | null;
  /** Null = somebody else has the row. */
  given: boolean | null;
}

/**
 * Reads and delivers over this connection. `deliver` is for those whose row somebody else has just
 * now.
 */
export function delivering(
  db: Db,
  deliver: (projectId: string, sessionId: string, recipient: string) => Promise<Grant | null>,
): (asked: Asked) => Promise<DeliveredSession | null> {
  const read = async (asked: readonly Asked[]) => {
    const rows = await DELIVER(db, [
      asked.map(({ sessionId }) => sessionId),
      asked.map(({ projectId }) => projectId),
      asked.map(({ recipient }) => recipient),
    ]);
    const answers: (ReadRow | null)[] = asked.map(() => null);
    for (const row of rows) answers[row.place - 1] = row;
    return answers;
  };
  const all = async (asked: readonly Asked[]) =>
    (await read(asked)).map((row) => (row?.given === null ? undefined : deliveredOf(row)));
  const one = async (asked: Asked) => {
    const [row = null] = await read([asked]);
    if (row === null || row.given !== null) return deliveredOf(row);
    const grant = await deliver(row.project_id, asked.sessionId, asked.recipient);
    return { session: sessionOf(row), grant };
  };
  return db.isTransaction ? one : gather({ all, one });
}

// Whom a code that nobody has yet is for: whoever is first in this statement. A recipient that has
// it already writes nothing.
const DELIVER = prepared<ReadRow>(
  "tapin_deliver_codes",
  sql`
    with asked as materialized (
      select seen.*, place::integer as place, recipient
      from unnest($1::text[], $2::uuid[], $3::text[])
        with ordinality as asked (session_id, wanted_project_id, recipient, place)
      join (select ${SEEN} from sessions where id = any($1::text[])) as seen
        on seen.id = session_id
      where wanted_project_id is null or wanted_project_id = project_id
    ), live as materialized (
      select id, session_id, code_hash, recipient from grants
      where session_id = any(array(select id from asked where status = 'completed')) and ${LIVE}
    ), firsts as materialized (
      select distinct on (live.id) live.id, asked.recipient
      from live join asked on asked.id = live.session_id
      where live.recipient is null
      order by live.id, asked.place
    ), mine as materialized (
      select id from grants
      where id = any(array(select id from firsts)) and recipient is null and ${LIVE}
      order by id for no key update skip locked
    ), claimed as (
      update grants set recipient = firsts.recipient from firsts
      where grants.id = any(array(select id from mine)) and grants.id = firsts.id
      returning grants.id, grants.recipient
    )
    select asked.*, live.id as grant_id, live.code_hash,
      case
        when live.id is null then false
        else coalesce(live.recipient, claimed.recipient) = asked.recipient
      end as given
    from asked
    left join live on live.session_id = asked.id
    left join claimed on claimed.id = live.id`,
);

function deliveredOf(row: ReadRow | null): DeliveredSession | null {
  if (row === null) return null;
  const { grant_id: id, code_hash: codeHash, project_id: projectId } = row;
  const grant =
    row.given === true && id !== null && codeHash !== null
      ? { id, projectId, sessionId: row.id, codeHash }
      : null;
  return { session: sessionOf(row), grant };
}
