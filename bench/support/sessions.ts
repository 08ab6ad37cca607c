// Sessions made beforehand, by SQL: as many as a scenario needs, whose codes are known here.
// Everything else about them is as Tapin itself would have left it.

import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { createSecrets, sha256Hex } from "../../src/core/secret.ts";
import { queryOnce } from "../../test/support/postgres.ts";
import { BENCH_SECRET } from "./stage.ts";

/** Whose, and how many. */
export interface Batch {
  readonly databaseUrl: string;
  readonly projectId: string;
  readonly count: number;
  /** One letter that tells them from the sessions of other batches. */
  readonly mark: string;
}

/** How many people log in. */
const PEOPLE = 1000;

/** Rows of one statement. */
const CHUNK = 1000;

/** Id of the n-th session of a batch, from 1. */
export function sessionIdOf(mark: string, n: number): string {
  return mark + String(n).padStart(15, "0");
}

/** Makes sessions that somebody has opened and nobody has confirmed. */
export async function openSessions({ databaseUrl, projectId, count, mark }: Batch): Promise<void> {
  await queryOnce(
    databaseUrl,
    `insert into sessions
      (id, project_id, status, sequence, ttl_seconds, owner_channel, owner_user_id, expires_at)
    select $2 || lpad(n::text, 15, '0'), $1, 'opened', 2, 300, 'telegram', (n % ${PEOPLE})::text,
      now() + interval '1 hour'
    from generate_series(1, $3::integer) n`,
    [projectId, mark, count],
  );
  await queryOnce(
    databaseUrl,
    `insert into subscribers (project_id, channel, messenger_user_id, first_name, lang)
    select $1, 'telegram', n::text, 'Anna', 'en' from generate_series(0, ${PEOPLE - 1}) n
    on conflict do nothing`,
    [projectId],
  );
  await queryOnce(databaseUrl, "vacuum analyze sessions, subscribers");
}

/**
 * Completes them, a thousand in a transaction, and answers with their codes in order; watchers are
 * woken. `perSecond`: how many, default as fast as it goes.
 */
export async function completeSessions(
  batch: Batch,
  { perSecond = Number.POSITIVE_INFINITY } = {},
): Promise<readonly string[]> {
  const { databaseUrl, projectId, count, mark } = batch;
  const secrets = createSecrets([BENCH_SECRET]);
  const codes: string[] = [];
  const beganAt = performance.now();
  for (let first = 1; first <= count; first += CHUNK) {
    await pause(Math.max(0, beganAt + ((first - 1) * 1000) / perSecond - performance.now()));
    const numbers = Array.from(
      { length: Math.min(CHUNK, count - first + 1) },
      (_, index) => first + index,
    );
    const grantIds = numbers.map(() => randomUUID());
    const made = grantIds.map((grantId) => secrets.codeOf(grantId));
    codes.push(...made);
    const ids = numbers.map((n) => sessionIdOf(mark, n));
    await queryOnce(
      databaseUrl,
      `with given as (
        select * from unnest($2::uuid[], $3::text[], $4::text[]) as given (grant_id, session_id, hash)
      ), granted as (
        insert into grants (id, project_id, session_id, subscriber_id, code_hash, expires_at)
        select grant_id, $1, session_id, subscribers.id, hash, now() + interval '1 hour'
        from given
        join sessions on sessions.id = session_id
        join subscribers on subscribers.project_id = $1 and channel = owner_channel
          and messenger_user_id = owner_user_id
      )
      update sessions set status = 'completed', sequence = sequence + 1, ended_at = now()
      from given where sessions.id = given.session_id`,
      [projectId, grantIds, ids, made.map(sha256Hex)],
    );
  }
  return codes;
}
