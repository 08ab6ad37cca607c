// A row of `sessions` as callers may see it: whoever's time is over reads as `expired`, whether or not a worker has
// written that yet.

import { sql } from "kysely";
import type { Session, SessionStatus } from "../core/session.ts";
import type { Channel } from "../core/subscriber.ts";
import { NOW, RIGHT_NOW } from "./database-time.ts";
import { sourceList, targetOf } from "./transitions.ts";

/** True for a row that will be `expired` as soon as a worker comes by. */
export const OVERDUE = sql<boolean>`(status in ${sourceList("expire")} and expires_at <= ${NOW})`;

/** A row as callers may see it, for `select` and `returning`. The sequence counts the expiry in advance. */
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
export interface SeenRow {
  id: string;
  project_id: string;
  state: string | null;
  redirect_uri: string | null;
  code_challenge: string | null;
  match_code: string | null;
  client_ip: string | null;
  client_user_agent: string | null;
  ttl_seconds: number;
  owner_channel: Channel | null;
  owner_user_id: string | null;
  status: SessionStatus;
  sequence: number;
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
