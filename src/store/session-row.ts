// A row of `sessions` as callers may see it: whoever's time is over reads as `expired`, whether or
// not the sweeper has written that yet.

import { type Selectable, sql } from "kysely";
import type { Session } from "../core/session.ts";
import { NOW, RIGHT_NOW } from "./database-time.ts";
import type { SessionRow } from "./tables.ts";
import { sourceList, targetOf } from "./transitions.ts";

/** True for a row that will be `expired` as soon as the sweeper comes by. */
export const OVERDUE = sql<boolean>`(status in ${sourceList("expire")} and expires_at <= ${NOW})`;

/**
 * A row as callers may see it, for `select` and `returning`. The sequence counts the expiry in
 * advance.
 */
export const SEEN = sql`
  id, project_id, state, redirect_uri, code_challenge, match_code, client_ip, client_user_agent,
  ttl_seconds, owner_channel, owner_user_id,
  case when ${OVERDUE} then ${sql.lit(targetOf("expire"))} else status end as status,
  sequence + case when ${OVERDUE} then 1 else 0 end as sequence,
  greatest(0, floor(extract(epoch from ${NOW} - created_at)))::integer as age_seconds,
  greatest(0, ceil(extract(epoch from expires_at - ${NOW}) * 1000))::integer as remaining_ms,
  ceil(extract(epoch from ${RIGHT_NOW} - case when ${OVERDUE} then expires_at else ended_at end)
    * 1000)::double precision as ended_ms`;

/** What {@link SEEN} selects. */
export interface SeenRow
  extends Omit<Selectable<SessionRow>, "created_at" | "expires_at" | "ended_at"> {
  age_seconds: number;
  remaining_ms: number;
  ended_ms: number | null;
}

/** The session a row describes. */
export function sessionOf(row: SeenRow): Session {
  const owner =
    row.owner_channel !== null && row.owner_user_id !== null
      ? { channel: row.owner_channel, userId: row.owner_user_id }
      : null;
  return {
    id: row.id,
    projectId: row.project_id,
    status: row.status,
    sequence: row.sequence,
    state: row.state,
    redirectUri: row.redirect_uri,
    codeChallenge: row.code_challenge,
    matchCode: row.match_code,
    client: { ip: row.client_ip, userAgent: row.client_user_agent },
    ttlSeconds: row.ttl_seconds,
    ageSeconds: row.age_seconds,
    remainingMs: row.remaining_ms,
    endedMs: row.ended_ms,
    opened: owner !== null,
    owner,
  };
}
