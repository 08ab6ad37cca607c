// Verifying codes, all that are asked for in the same moment by one statement: it uses the codes,
// moves their sessions and reads who signed in. Of any number of simultaneous callers one wins
// (T9).

import { type RawBuilder, sql } from "kysely";
import type { VerifiedProfile } from "../core/session-ports.ts";
import type { Channel } from "../core/subscriber.ts";
import { gather } from "./batch.ts";
import { chosenLang } from "./chosen-lang.ts";
import { RIGHT_NOW } from "./database-time.ts";
import { prepared } from "./prepared.ts";
import type { OnEnded } from "./sessions.ts";
import type { Db } from "./tables.ts";
import { sourceList, targetOf } from "./transitions.ts";

/** True for a grant whose code is neither used nor expired. */
export const LIVE = sql<boolean>`(used_at is null and expires_at > ${RIGHT_NOW})`;

/** What one caller gives. */
interface Asked {
  readonly projectId: string;
  readonly codeHash: string;
  readonly challenge: string | null;
}

interface VerifiedRow {
  place: number;
  used: boolean;
  session_id: string | null;
  subscriber_id: string;
  channel: Channel;
  first_name: string;
  username: string | null;
  avatar_url: string | null;
  lang: string;
  tags: readonly string[];
  state: string | null;
}

/**
 * Verifies over this connection or transaction. `onEnded` hears of endings that are not committed
 * yet.
 */
export function verifying(
  db: Db,
  onEnded: OnEnded,
): (asked: Asked) => Promise<VerifiedProfile | null> {
  const note = (rows: readonly VerifiedRow[]) => {
    const ended = rows.flatMap(({ used, session_id: id }) => (used && id !== null ? [id] : []));
    if (ended.length > 0) onEnded("verified", ended);
    return rows;
  };
  const one = async (asked: Asked) => {
    const [row] = note(await VERIFY_WAITING(db, valuesOf([asked])));
    return row?.used ? profileOf(row) : null;
  };
  if (db.isTransaction) return one;
  const all = async (asked: readonly Asked[]) => {
    const groups = [...Map.groupBy(asked.keys(), (place) => keyOf(asked[place] as Asked)).values()];
    const first = groups.map(([place]) => asked[place as number] as Asked);
    const rows = note(await VERIFY(db, valuesOf(first)));
    const answers: (VerifiedProfile | null | undefined)[] = asked.map(() => null);
    for (const row of rows) {
      const group = groups[row.place - 1] ?? [];
      // What is undecided for the first is so for all of them; what is used is used for all others.
      if (!row.used) for (const place of group) answers[place] = undefined;
      else answers[group[0] as number] = profileOf(row);
    }
    return answers;
  };
  return gather({ all, one });
}

function keyOf({ projectId, codeHash, challenge }: Asked): string {
  return `${projectId}|${codeHash}|${challenge ?? ""}`;
}

function valuesOf(asked: readonly Asked[]): readonly unknown[] {
  return [
    asked.map(({ projectId }) => projectId),
    asked.map(({ codeHash }) => codeHash),
    asked.map(({ challenge }) => challenge),
  ];
}

/**
 * A row for each that fits a live code, at most one for each code: no two of a statement are alike
 * in project, code and challenge. Rows are locked in one order, grants before sessions, so that
 * none waits for one that waits for it; with `skip locked` it waits for nobody, and what somebody
 * else has is not `used`.
 */
const verifyStatement = (locking: RawBuilder<unknown>) => sql<VerifiedRow>`
  with asked as materialized (
    select * from unnest($1::uuid[], $2::text[], $3::text[])
      with ordinality as asked (project_id, code_hash, challenge, place)
  ), live as materialized (
    select id, project_id, code_hash, code_challenge from grants
    where code_hash = any($2::text[]) and ${LIVE}
  ), fitting as materialized (
    select asked.place, live.id
    from asked join live on live.project_id = asked.project_id and live.code_hash = asked.code_hash
    where live.code_challenge is not distinct from asked.challenge
  ), mine as materialized (
    select id, session_id from grants
    where id = any(array(select id from fitting)) and ${LIVE}
    order by id for no key update ${locking}
  ), mine_too as materialized (
    select id from sessions
    where id = any(array(select session_id from mine)) order by id for no key update ${locking}
  ), used as (
    update grants set used_at = ${RIGHT_NOW}
    where id = any(array(
      select id from mine where session_id is null or session_id in (select id from mine_too)
    ))
    returning id, project_id, session_id, subscriber_id, state
  ), moved as (
    update sessions set status = ${sql.lit(targetOf("verify"))}, sequence = sequence + 1
    where id = any(array(select session_id from used)) and status in ${sourceList("verify")}
  ), people as materialized (
    select id, project_id, channel, first_name, username, avatar_url, tags,
      ${chosenLang("subscribers")} as lang
    from subscribers
    where id = any(array(select subscriber_id from used))
  )
  select fitting.place::integer as place, people.id is not null as used,
    used.session_id, people.id as subscriber_id, channel, first_name,
    username, avatar_url, lang, tags, used.state
  from fitting
  left join used on used.id = fitting.id
  left join people on people.id = used.subscriber_id and people.project_id = used.project_id`;

const VERIFY = prepared("tapin_verify_codes", verifyStatement(sql`skip locked`));
const VERIFY_WAITING = prepared("tapin_verify_waiting", verifyStatement(sql``));

function profileOf(row: VerifiedRow): VerifiedProfile {
  return {
    subscriberId: row.subscriber_id,
    channel: row.channel,
    firstName: row.first_name,
    username: row.username,
    avatarUrl: row.avatar_url,
    lang: row.lang,
    tags: row.tags,
    state: row.state,
  };
}
