// The table `grants`: codes, of which only the SHA-256 is stored. Delivering and verifying are one
// statement each, so that of any number of simultaneous callers one wins (T9).

import { sql } from "kysely";
import type { Grant } from "../core/grant.ts";
import type { GrantTable } from "../core/session-ports.ts";
import { ago, fromNow, RIGHT_NOW } from "./database-time.ts";
import { delivering } from "./deliver-codes.ts";
import type { OnEnded } from "./sessions.ts";
import type { Db } from "./tables.ts";
import { isUuid } from "./uuid.ts";
import { LIVE, verifying } from "./verify-codes.ts";

interface SeenRow {
  id: string;
  project_id: string;
  session_id: string | null;
  code_hash: string;
}

/**
 * The port over this connection or transaction. `onEnded` hears of endings that are not committed
 * yet.
 */
export function grantTable(db: Db, onEnded: OnEnded): GrantTable {
  const deliver: GrantTable["deliver"] = async (projectId, sessionId, recipient) => {
    const { rows } = await sql<SeenRow>`
      update grants set recipient = ${recipient}
      where project_id = ${projectId} and session_id = ${sessionId} and ${LIVE}
        and (recipient is null or recipient = ${recipient})
      returning id, project_id, session_id, code_hash`.execute(db);
    return grantOf(rows);
  };
  const read = delivering(db, deliver);
  const verify = verifying(db, onEnded);
  return {
    async create(projectId, draft) {
      await sql`
        insert into grants (id, project_id, session_id, subscriber_id, code_hash, code_challenge,
          state, expires_at)
        values (${draft.id}, ${projectId}, ${draft.sessionId}, ${draft.subscriberId},
          ${draft.codeHash}, ${draft.codeChallenge}, ${draft.state},
          ${fromNow(draft.ttlSeconds)})`.execute(db);
    },
    deliver: db.isTransaction
      ? deliver
      : async (projectId, sessionId, recipient) =>
          (await read({ projectId, sessionId, recipient }))?.grant ?? null,
    read: (projectId, sessionId, recipient) => read({ projectId, sessionId, recipient }),
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
    verify: (projectId, codeHash, challenge) => verify({ projectId, codeHash, challenge }),
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

// The index is by the end of the time, which a use comes before by no more than a code's longest
// life.
const MOST_TTL_SECONDS = 600;

// A static link's prompt that nobody answered has no grant and no session that would take it along.
async function purge(db: Db, hours: number, limit: number): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    with old_grants as materialized (
      select id from grants
      where session_id is null and expires_at < ${ago(hours * 3600 - MOST_TTL_SECONDS)}
        and coalesce(used_at, expires_at) < ${ago(hours * 3600)}
      order by expires_at limit ${limit} for update skip locked
    ), old_prompts as materialized (
      select token from prompts
      where session_id is null and grant_id is null and expires_at < ${ago(hours * 3600)}
      order by expires_at
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
