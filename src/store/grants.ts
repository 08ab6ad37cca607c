// The table `grants`: codes, of which only the SHA-256 is stored. Delivering and verifying are one
// statement each, so that of any number of simultaneous callers one wins (T9).

import { sql } from "kysely";
import type { Grant } from "../core/grant.ts";
import type { GrantTable, VerifiedProfile } from "../core/ports.ts";
import type { Channel } from "../core/subscriber.ts";
import { ago, fromNow, RIGHT_NOW } from "./database-time.ts";
import type { OnEnded } from "./sessions.ts";
import type { Db } from "./tables.ts";
import { sourceList, targetOf } from "./transitions.ts";
import { isUuid } from "./uuid.ts";

const LIVE = sql<boolean>`(used_at is null and expires_at > ${RIGHT_NOW})`;

interface SeenRow {
  id: string;
  project_id: string;
  session_id: string | null;
  code_hash: string;
}

/** The port over this connection or transaction. `onEnded` hears of endings that are not committed yet. */
export function grantTable(db: Db, onEnded: OnEnded): GrantTable {
  return {
    async create(projectId, draft) {
      await sql`
        insert into grants (id, project_id, session_id, subscriber_id, code_hash, code_challenge,
          state, expires_at)
        values (${draft.id}, ${projectId}, ${draft.sessionId}, ${draft.subscriberId},
          ${draft.codeHash}, ${draft.codeChallenge}, ${draft.state},
          ${fromNow(draft.ttlSeconds)})`.execute(db);
    },
    async deliver(projectId, sessionId, recipient) {
      const { rows } = await sql<SeenRow>`
        update grants set recipient = ${recipient}
        where project_id = ${projectId} and session_id = ${sessionId} and ${LIVE}
          and (recipient is null or recipient = ${recipient})
        returning id, project_id, session_id, code_hash`.execute(db);
      return grantOf(rows);
    },
    async findLive(projectId, grantId) {
      if (!isUuid(grantId)) return null;
      const { rows } = await sql<SeenRow>`
        select id, project_id, session_id, code_hash from grants
        where project_id = ${projectId} and id = ${grantId} and ${LIVE}`.execute(db);
      return grantOf(rows);
    },
    async subscriberOfLive(projectId, codeHash) {
      const { rows } = await sql<{ subscriber_id: string }>`
        select subscriber_id from grants
        where project_id = ${projectId} and code_hash = ${codeHash} and ${LIVE}`.execute(db);
      return rows[0]?.subscriber_id ?? null;
    },
    async verify(projectId, codeHash, challenge) {
      const verified = await verify(db, projectId, { codeHash, challenge });
      if (verified?.sessionId != null) onEnded("verified", [verified.sessionId]);
      return verified?.profile ?? null;
    },
    async countWrongVerifier(projectId, codeHash, limit) {
      await sql`
        update grants
        set wrong_verifiers = wrong_verifiers + 1,
          used_at = case when wrong_verifiers + 1 >= ${limit}::integer then ${RIGHT_NOW} end
        where project_id = ${projectId} and code_hash = ${codeHash} and ${LIVE}`.execute(db);
    },
    purge: (hours, limit) => purge(db, hours, limit),
  };
}

async function verify(
  db: Db,
  projectId: string,
  given: { codeHash: string; challenge: string | null },
): Promise<{ readonly profile: VerifiedProfile; readonly sessionId: string | null } | null> {
  const { rows } = await sql<{
    session_id: string | null;
    subscriber_id: string;
    channel: Channel;
    first_name: string;
    username: string | null;
    avatar_url: string | null;
    lang: string;
    tags: readonly string[];
    state: string | null;
  }>`
    with used as (
      update grants set used_at = ${RIGHT_NOW}
      where project_id = ${projectId} and code_hash = ${given.codeHash}
        and code_challenge is not distinct from ${given.challenge}::text and ${LIVE}
      returning project_id, session_id, subscriber_id, state
    ), moved as (
      update sessions set status = ${targetOf("verify")}, sequence = sequence + 1
      from used
      where sessions.id = used.session_id and sessions.project_id = used.project_id
        and sessions.status in ${sourceList("verify")}
    )
    select subscribers.id as subscriber_id, channel, first_name, username, avatar_url, lang, tags,
      used.state, used.session_id
    from used
    join subscribers
      on subscribers.id = used.subscriber_id and subscribers.project_id = used.project_id
    `.execute(db);
  const [row] = rows;
  if (row === undefined) return null;
  const profile = {
    subscriberId: row.subscriber_id,
    channel: row.channel,
    firstName: row.first_name,
    username: row.username,
    avatarUrl: row.avatar_url,
    lang: row.lang,
    tags: row.tags,
    state: row.state,
  };
  return { profile, sessionId: row.session_id };
}

// A static link's prompt that nobody answered has no grant and no session that would take it along.
async function purge(db: Db, hours: number, limit: number): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    with old_grants as materialized (
      select id from grants
      where session_id is null and coalesce(used_at, expires_at) < ${ago(hours * 3600)}
      limit ${limit} for update skip locked
    ), old_prompts as materialized (
      select token from prompts
      where session_id is null and grant_id is null and expires_at < ${ago(hours * 3600)}
      limit ${limit} for update skip locked
    ), deleted_grants as (
      delete from grants using old_grants where grants.id = old_grants.id returning 1
    ), deleted_prompts as (
      delete from prompts using old_prompts where prompts.token = old_prompts.token returning 1
    )
    select (select count(*) from deleted_grants)::integer
      + (select count(*) from deleted_prompts)::integer as count`.execute(db);
  return rows[0]?.count ?? 0;
}

function grantOf(rows: readonly SeenRow[]): Grant | null {
  const [row] = rows;
  if (row === undefined) return null;
  return {
    id: row.id,
    projectId: row.project_id,
    sessionId: row.session_id,
    codeHash: row.code_hash,
  };
}
