// The table `sessions`: every transition is one conditional statement built from the table of
// transitions. Sessions that are made or looked at in the same moment share a statement.

import { type RawBuilder, sql } from "kysely";
import type { Ending } from "../core/observer.ts";
import type { Session, SessionEvent } from "../core/session.ts";
import type { SessionDraft, SessionTable } from "../core/session-ports.ts";
import type { Channel } from "../core/subscriber.ts";
import { gather } from "./batch.ts";
import { ago, NOW, RIGHT_NOW } from "./database-time.ts";
import { prepared } from "./prepared.ts";
import { OVERDUE, SEEN, type SeenRow, sessionOf } from "./session-row.ts";
import type { Db } from "./tables.ts";
import { sourceList, targetOf } from "./transitions.ts";

interface Owner {
  readonly channel: Channel;
  readonly userId: string;
}

/** Hears which sessions got a status. */
export type OnEnded = (status: Ending, sessionIds: readonly string[]) => void;

/**
 * The port over this connection or transaction. `onEnded` hears of endings that are not committed
 * yet.
 */
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
  const create = creating(db);
  const look = looking(db);
  return {
    create: (projectId, draft) => create(newSession(projectId, draft)),
    find: async (projectId, sessionId) => {
      const session = await look(sessionId);
      return session?.projectId === projectId ? session : null;
    },
    findAny: look,
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
          select id from sessions where ended_at is null and ${OVERDUE}
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

const CREATE = prepared<never>(
  "tapin_create_sessions",
  sql`
    insert into sessions (id, project_id, state, redirect_uri, code_challenge, match_code,
      client_ip, client_user_agent, ttl_seconds, created_at, expires_at)
    select id, project_id, state, redirect_uri, code_challenge, match_code,
      client_ip, client_user_agent, ttl_seconds, ${NOW}, ${NOW} + make_interval(secs => ttl_seconds)
    from unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[],
      $7::text[], $8::text[], $9::integer[]) as draft (id, project_id, state, redirect_uri,
      code_challenge, match_code, client_ip, client_user_agent, ttl_seconds)`,
);

function creating(db: Db): (session: Session) => Promise<Session> {
  const all = async (sessions: readonly Session[]) => {
    await CREATE(db, [
      sessions.map(({ id }) => id),
      sessions.map(({ projectId }) => projectId),
      sessions.map(({ state }) => state),
      sessions.map(({ redirectUri }) => redirectUri),
      sessions.map(({ codeChallenge }) => codeChallenge),
      sessions.map(({ matchCode }) => matchCode),
      sessions.map(({ client }) => client.ip),
      sessions.map(({ client }) => client.userAgent),
      sessions.map(({ ttlSeconds }) => ttlSeconds),
    ]);
    return sessions;
  };
  const one = async (session: Session) => {
    await all([session]);
    return session;
  };
  return db.isTransaction ? one : gather({ all, one });
}

/** As the database will have it: reading it back would tell nothing new. */
function newSession(projectId: string, draft: SessionDraft): Session {
  const { ip, userAgent } = draft.client;
  return {
    ...draft,
    projectId,
    status: "pending",
    sequence: 1,
    client: { ip: storable(ip), userAgent: storable(userAgent) },
    ageSeconds: 0,
    remainingMs: draft.ttlSeconds * 1000,
    endedMs: null,
    opened: false,
    owner: null,
  };
}

const LOOK = prepared<SeenRow>(
  "tapin_look_at_sessions",
  sql`select ${SEEN} from sessions where id = any($1::text[])`,
);

function looking(db: Db): (sessionId: string) => Promise<Session | null> {
  const all = async (ids: readonly string[]) => {
    const rows = await LOOK(db, [ids]);
    const sessions = new Map(rows.map((row) => [row.id, sessionOf(row)]));
    return ids.map((id) => sessions.get(id) ?? null);
  };
  const one = async (id: string) => (await all([id]))[0] ?? null;
  return db.isTransaction ? one : gather({ all, one });
}

// Opening again by the owner is the same statement with nothing to change: a second look at the row
// could see it in another state than the first.
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

// PostgreSQL text cannot hold U+0000, and what a browser says of itself is no reason to refuse a
// login.
function storable(text: string | null): string | null {
  return text === null ? null : text.replaceAll("\0", "");
}
