// The table `prompts`: the messages that ask a person, and which of them still show buttons that no
// longer work. A prompt is settled once its message needs no more work: the tap edited it, or a
// settler has.

import { type RawBuilder, sql } from "kysely";
import type { MessageRef, Prompt, PromptStatus } from "../core/prompt.ts";
import type { PromptDraft, PromptTable, SettlingBot } from "../core/prompt-ports.ts";
import type { Channel } from "../core/subscriber.ts";
import { gather } from "./batch.ts";
import { chosenLang } from "./chosen-lang.ts";
import { ago, fromNow, NOW, RIGHT_NOW } from "./database-time.ts";
import { prepared } from "./prepared.ts";
import type { Db } from "./tables.ts";

// Any constant will do: it keeps these advisory locks apart from those of other purposes.
const ONE_LIVE_PROMPT_LOCK = 7_413_002;

// Long enough for an edit with its retries; after that the settler is dead, or the edit failed and
// is due again.
const SETTLING_SECONDS = 60;

// Closing with one of these is what the tap itself did, and the channel edited the message in its
// answer.
const CLOSED_BY_TAP: readonly PromptStatus[] = ["cancelled", "mismatched"];

interface SeenRow {
  token: string;
  project_id: string;
  session_id: string | null;
  channel: Channel;
  messenger_user_id: string;
  lang: string;
  bot: string;
  status: PromptStatus;
  grant_id: string | null;
  chat_id: string | null;
  message_id: string | null;
}

interface StaleRow extends SeenRow {
  asks: boolean;
}

/** The port over this connection or transaction. */
export function promptTable(db: Db): PromptTable {
  const show = showing(db);
  return {
    async create(projectId, draft) {
      if (db.isTransaction) return replaceLive(db, projectId, draft);
      await db.transaction().execute((inside) => replaceLive(inside, projectId, draft));
    },
    async find(token) {
      const { rows } = await sql<SeenRow>`
        select token, project_id, session_id, channel, messenger_user_id, lang, bot,
          grant_id, chat_id, message_id,
          case when status = 'live' and expires_at <= ${NOW} then 'expired' else status end as status
        from prompts where token = ${token}`.execute(db);
      return rows[0] === undefined ? null : promptOf(rows[0]);
    },
    async setShown(token, { chatId, messageId }) {
      await show({ token, chatId, messageId });
    },
    async approve(projectId, token, grantId) {
      const { rows } = await sql`
        update prompts set status = 'approved', grant_id = ${grantId}
        where project_id = ${projectId} and token = ${token}
          and status = 'live' and expires_at > ${RIGHT_NOW}
        returning token`.execute(db);
      return rows.length > 0;
    },
    async close(projectId, token, status) {
      const closed = await db
        .updateTable("prompts")
        .set({ status, settled: CLOSED_BY_TAP.includes(status), closed_at: RIGHT_NOW })
        .where("project_id", "=", projectId)
        .where("token", "=", token)
        .where("status", "=", "live")
        .returning("token")
        .executeTakeFirst();
      return closed !== undefined;
    },
    async countCancelled(projectId, { channel, userId }, seconds) {
      // Without `closed_at` it is a session that the website cancelled: not the person's doing.
      const { rows } = await sql<{ count: number }>`
        select count(*)::integer as count from prompts
        where project_id = ${projectId} and channel = ${channel}
          and messenger_user_id = ${userId} and closed_at > ${ago(seconds)}
          and status in (${sql.join(CLOSED_BY_TAP)})`.execute(db);
      return rows[0]?.count ?? 0;
    },
    async takeStale(bots, limit) {
      const { rows } = await staleStatement(bots, limit).execute(db);
      return rows.map((row) => ({ ...promptOf(row), asks: row.asks }));
    },
    async setSettled(token) {
      await db.updateTable("prompts").set({ settled: true }).where("token", "=", token).execute();
    },
  };
}

interface Shown extends MessageRef {
  readonly token: string;
}

// Of a prompt that is there twice the place that was told last. Locked in one order, as every
// statement for many rows.
const SHOW = prepared<never>(
  "tapin_show_prompts",
  sql`
    with shown as materialized (
      select distinct on (token) token, chat_id, message_id
      from unnest($1::text[], $2::text[], $3::text[])
        with ordinality as shown (token, chat_id, message_id, place)
      order by token, place desc
    ), mine as materialized (
      select token from prompts where token = any($1::text[]) order by token for no key update
    )
    update prompts
    set chat_id = shown.chat_id, message_id = shown.message_id, settled = false, settling_until = null
    from shown
    where prompts.token = any(array(select token from mine)) and prompts.token = shown.token`,
);

function showing(db: Db): (shown: Shown) => Promise<true> {
  const all = async (shown: readonly Shown[]) => {
    await SHOW(db, [
      shown.map(({ token }) => token),
      shown.map(({ chatId }) => chatId),
      shown.map(({ messageId }) => messageId),
    ]);
    return shown.map(() => true as const);
  };
  const one = async (shown: Shown) => {
    await all([shown]);
    return true as const;
  };
  return db.isTransaction ? one : gather({ all, one });
}

// The lock comes in a statement of its own: only a statement that starts after it sees the prompt
// of a simultaneous caller. The unique index on live prompts stands behind it.
async function replaceLive(db: Db, projectId: string, draft: PromptDraft): Promise<void> {
  const person = `${projectId}|${draft.channel}|${draft.userId}`;
  await sql`
    select pg_advisory_xact_lock(${sql.lit(ONE_LIVE_PROMPT_LOCK)}, hashtext(${person}))`.execute(
    db,
  );
  await sql`
    update prompts set status = 'replaced'
    where project_id = ${projectId} and channel = ${draft.channel}
      and messenger_user_id = ${draft.userId} and status = 'live'`.execute(db);
  await sql`
    insert into prompts (token, project_id, session_id, channel, messenger_user_id, lang, bot,
      expires_at)
    values (${draft.token}, ${projectId}, ${draft.sessionId}, ${draft.channel}, ${draft.userId},
      ${draft.lang}, ${draft.bot}, ${fromNow(draft.ttlSeconds)})`.execute(db);
}

// What a prompt's buttons have come to, or null while they work. An approved prompt whose grant is
// not to be seen yet (approved after this statement began) has a working button. A code that was
// used up while its session stayed `completed` was burnt by wrong verifiers: nobody is signed in.
const staleStatus = (left: readonly string[]) => sql`
  case
    when prompts.status = 'live' then case
      when sessions.status = 'cancelled' then 'cancelled'
      when sessions.status in ('completed', 'verified') then 'used'
      when sessions.status = 'expired' or sessions.expires_at <= ${NOW}
        or prompts.expires_at <= ${NOW} or prompts.bot = any(${left}::text[]) then 'expired'
    end
    when prompts.status = 'approved' then case
      when grants.used_at is not null and sessions.status = 'completed' then 'expired'
      when grants.used_at is not null then 'used'
      when grants.expires_at <= ${NOW} then 'expired'
    end
    else prompts.status
  end`;

// Asked only of an approved prompt: whoever did not log in has no subscription to be offered (T22).
// Not by `exists`, for which PostgreSQL may read all subscribers once instead of one for each
// prompt.
const ASKS = sql`
  prompts.grant_id is not null
  and (select subscription from projects where projects.id = prompts.project_id) = 'ask'
  and not coalesce(
    (
      select subscribed from subscribers
      where subscribers.project_id = prompts.project_id and subscribers.channel = prompts.channel
        and subscribers.messenger_user_id = prompts.messenger_user_id
    ),
    false
  )`;

function staleStatement(bots: readonly SettlingBot[], limit: number): RawBuilder<StaleRow> {
  const names = bots.map(({ bot }) => bot);
  const status = staleStatus(bots.filter(({ hasLeft }) => hasLeft).map(({ bot }) => bot));
  return sql<StaleRow>`
    with stale as materialized (
      select prompts.token, ${status} as status
      from prompts
      left join sessions on sessions.id = prompts.session_id
      left join grants on grants.id = prompts.grant_id
      where prompts.bot = any(${names}::text[]) and not prompts.settled
        and prompts.message_id is not null and ${status} is not null
        and (prompts.settling_until is null or prompts.settling_until <= ${NOW})
      order by prompts.expires_at limit ${limit}
      for update of prompts skip locked
    )
    update prompts set status = stale.status, settling_until = ${fromNow(SETTLING_SECONDS)}
    from stale where prompts.token = stale.token
    returning prompts.token, project_id, session_id, channel, messenger_user_id, ${chosenLang("prompts")} as lang, bot,
      prompts.status, grant_id, chat_id, message_id, ${ASKS} as asks`;
}

function promptOf(row: SeenRow): Prompt {
  const shown =
    row.chat_id !== null && row.message_id !== null
      ? { chatId: row.chat_id, messageId: row.message_id }
      : null;
  return {
    token: row.token,
    projectId: row.project_id,
    sessionId: row.session_id,
    channel: row.channel,
    userId: row.messenger_user_id,
    lang: row.lang,
    bot: row.bot,
    status: row.status,
    grantId: row.grant_id,
    shown,
  };
}
