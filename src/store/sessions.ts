// The table `sessions`: every transition is one conditional statement built from the table of transitions.
// A session whose time is over reads as `expired` at once, whether or not a worker has written that yet.

import { type RawBuilder, sql } from "kysely";
import type { Ending } from "../core/observer.ts";
import type { SessionTable } from "../core/ports.ts";
import type { Session, SessionEvent, SessionStatus } from "../core/session.ts";
import type { Channel } from "../core/subscriber.ts";
import { ago, fromNow, NOW, RIGHT_NOW } from "./database-time.ts";
import type { Db } from "./tables.ts";
import { sourceList, targetOf } from "./transitions.ts";

/** True for a row that will be `expired` as soon as a worker comes by. */
const OVERDUE = sql<boolean>`(status in ${sourceList("expire")} and expires_at <= ${NOW})`;

/** A row as callers may see it, for `select` and `returning`. The sequence counts the expiry in advance. */
const SEEN = sql`
  id, project_id, state, redirect_uri, code_challenge, match_code, client_ip, client_user_agent,
  ttl_seconds, owner_channel, owner_user_id,
  case when ${OVERDUE} then ${sql.lit(targetOf("expire"))} else status end as status,
  sequence + case when ${OVERDUE} then 1 else 0 end as sequence,
  greatest(0, floor(extract(epoch from ${NOW} - created_at)))::integer as age_seconds,
  greatest(0, ceil(extract(epoch from expires_at - ${NOW}) * 1000))::integer as remaining_ms,
  ceil(extract(epoch from ${RIGHT_NOW} - case when ${OVERDUE} then expires_at else ended_at end)
    * 1000)::double precision as ended_ms`;

interface SeenRow {
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

interface Owner {
  readonly channel: Channel;
  readonly userId: string;
}

/** Hears which sessions got a status. */
export type OnEnded = (status: Ending, sessionIds: readonly string[]) => void;

/** The port over this connection or transaction. `onEnded` hears of endings that are not committed yet. */
export function sessionTable(db: Db, onEnded: OnEnded): SessionTable {
  const one = async (query: RawBuilder<SeenRow>) => {
    const [row] = (await query.execute(db)).rows;
    return row === undefined ? null : sessionOf(row);
  };
  const end = async (status: Ending, statement: RawBuilder<SeenRow>) => {
    const session = await one(statement);
    if (session !== null) onEnded(status, [session.id]);
    return session;
  };
  const find = (condition: RawBuilder<boolean>) =>
    one(sql<SeenRow>`select ${SEEN} from sessions where ${condition}`);
  return {
    async create(projectId, draft) {
      const made = await one(sql<SeenRow>`
        insert into sessions (id, project_id, state, redirect_uri, code_challenge, match_code,
          client_ip, client_user_agent, ttl_seconds, created_at, expires_at)
        values (${draft.id}, ${projectId}, ${draft.state}, ${draft.redirectUri},
          ${draft.codeChallenge}, ${draft.matchCode}, ${storable(draft.client.ip)},
          ${storable(draft.client.userAgent)}, ${draft.ttlSeconds}, ${NOW},
          ${fromNow(draft.ttlSeconds)})
        returning ${SEEN}`);
      if (made === null) throw new Error("the insert of a session returned no row");
      return made;
    },
    find: (projectId, sessionId) => find(sql`id = ${sessionId} and project_id = ${projectId}`),
    findAny: (sessionId) => find(sql`id = ${sessionId}`),
    findPending: async () => null,
    open: (sessionId, owner) => one(openStatement(sessionId, owner)),
    approve: (projectId, sessionId, owner) =>
      end(
        "completed",
        endStatement("approve", sql`project_id = ${projectId} and ${owns(owner)}`, sessionId),
      ),
    cancel(projectId, sessionId, owner) {
      const who = owner === undefined ? sql<boolean>`true` : owns(owner);
      const allowed = sql<boolean>`project_id = ${projectId} and ${who}`;
      return end("cancelled", endStatement("cancel", allowed, sessionId));
    },
    async expire(limit) {
      const expired = await sql<{ id: string }>`
        with overdue as materialized (
          select id from sessions where ${OVERDUE}
          order by expires_at limit ${limit} for update skip locked
        )
        update sessions
        set status = ${targetOf("expire")}, sequence = sequence + 1, ended_at = expires_at
        from overdue where sessions.id = overdue.id
        returning sessions.id`.execute(db);
      const ids = expired.rows.map(({ id }) => id);
      if (ids.length > 0) onEnded("expired", ids);
      return ids.length;
    },
    async purge(hours, limit) {
      const purged = await sql`
        with old as materialized (
          select id from sessions where ended_at < ${ago(hours * 3600)}
          order by ended_at limit ${limit} for update skip locked
        )
        delete from sessions using old where sessions.id = old.id
        returning sessions.id`.execute(db);
      return purged.rows.length;
    },
  };
}

// Opening again by the owner is the same statement with nothing to change: a second look at the row could
// see it in another state than the first.
function openStatement(sessionId: string, owner: Owner): RawBuilder<SeenRow> {
  const target = targetOf("open");
  const closed = sql`status in ${sourceList("open")}`;
  return sql<SeenRow>`
    update sessions
    set status = ${target}, sequence = sequence + case when ${closed} then 1 else 0 end,
      owner_channel = ${owner.channel}, owner_user_id = ${owner.userId}
    where id = ${sessionId} and expires_at > ${RIGHT_NOW}
      and (${closed} or (status = ${target} and ${owns(owner)}))
    returning ${SEEN}`;
}

function endStatement(
  event: SessionEvent,
  allowed: RawBuilder<boolean>,
  sessionId: string,
): RawBuilder<SeenRow> {
  return sql<SeenRow>`
    update sessions
    set status = ${targetOf(event)}, sequence = sequence + 1, ended_at = ${RIGHT_NOW}
    where id = ${sessionId} and ${allowed}
      and status in ${sourceList(event)} and expires_at > ${RIGHT_NOW}
    returning ${SEEN}`;
}

function owns(owner: Owner): RawBuilder<boolean> {
  return sql`owner_channel = ${owner.channel} and owner_user_id = ${owner.userId}`;
}

// PostgreSQL text cannot hold U+0000, and what a browser says of itself is no reason to refuse a login.
function storable(text: string | null): string | null {
  return text === null ? null : text.replaceAll("\0", "");
}

function sessionOf(row: SeenRow): Session {
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
