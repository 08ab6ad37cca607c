// The least SQL that creates a session, reads its status and verifies a code, on Tapin's own
// tables, by plain `pg`: as many connections as Tapin has, each statement prepared, one statement a
// call.

import { createHash, createHmac, randomBytes } from "node:crypto";
import process from "node:process";
import pg from "pg";

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 10 });
const { PROJECT_ID } = process.env;

const CREATE = {
  name: "create",
  text: `insert into sessions (id, project_id, state, ttl_seconds, expires_at)
    values ($1, $2, $3, 300, statement_timestamp() + interval '300 s')
    returning id, status, sequence`,
};

const STATUS = {
  name: "status",
  text: `select status, sequence, expires_at > statement_timestamp() as live from sessions
    where id = $1 and project_id = $2`,
};

const VERIFY = {
  name: "verify",
  text: `with used as (
      update grants set used_at = clock_timestamp()
      where project_id = $1 and code_hash = $2 and code_challenge is null
        and used_at is null and expires_at > clock_timestamp()
      returning project_id, session_id, subscriber_id, state
    ), moved as (
      update sessions set status = 'verified', sequence = sequence + 1
      from used
      where sessions.id = used.session_id and sessions.project_id = used.project_id
        and sessions.status = 'completed'
    )
    select subscribers.id as subscriber_id, channel, first_name, username, avatar_url, lang, tags,
      used.state
    from used
    join subscribers
      on subscribers.id = used.subscriber_id and subscribers.project_id = used.project_id`,
};

/** A session and its secret. */
export interface Created {
  readonly sessionId: string;
  readonly watchToken: string;
}

/** One insert, committed when it resolves. */
export async function createSession(state: string): Promise<Created> {
  const sessionId = randomBytes(8).toString("hex");
  await pool.query({ ...CREATE, values: [sessionId, PROJECT_ID, state] });
  const mac = createHmac("sha256", "secret").update(sessionId).digest("hex");
  return {
    sessionId,
    watchToken: `tapin_watch_${mac.slice(0, 32)}`,
  };
}

/** One select; null = there is no such session. */
export async function readStatus(sessionId: string): Promise<string | null> {
  const { rows } = await pool.query({ ...STATUS, values: [sessionId, PROJECT_ID] });
  return rows[0]?.status ?? null;
}

/** One statement that uses the code; null = it is not valid. */
export async function verifyCode(code: string): Promise<object | null> {
  const hash = createHash("sha256").update(code).digest("hex");
  const { rows } = await pool.query({ ...VERIFY, values: [PROJECT_ID, hash] });
  return rows[0] ?? null;
}
