// Noting taps that may log somebody in, and deciding them in the same commit: all that wait in the
// same moment by one statement. What it does not decide it notes all the same, and the tap is
// decided by itself later (actions/decide-prompt.ts).

import { sql } from "kysely";
import type { NotedLogin, NotedTap, TapNote } from "../core/bot-ports.ts";
import type { SubscriptionPolicy } from "../core/project.ts";
import { TapinError } from "../errors.ts";
import { gather } from "./batch.ts";
import { isConflict, isUnavailable } from "./database-error.ts";
import { NOW, RIGHT_NOW } from "./database-time.ts";
import { NOTED, type NotedRow, noteValues, stateOf } from "./note-updates.ts";
import { prepared } from "./prepared.ts";
import type { OnEnded } from "./sessions.ts";
import type { Db } from "./tables.ts";
import { sourceList, targetOf } from "./transitions.ts";

interface TapRow extends NotedRow {
  /** The rest is null when the statement did not decide the tap. */
  session_id: string | null;
  project_name: string | null;
  landing_url: string | null;
  state: string | null;
  subscription: SubscriptionPolicy | null;
  subscribed: boolean | null;
  lang: string | null;
}

/**
 * Notes taps over this connection. `note` notes one by itself, for those that a statement for all
 * refuses. `onEnded` hears of endings that are committed.
 */
export function notingTaps(
  db: Db,
  note: (tap: TapNote) => Promise<NotedTap["state"]>,
  onEnded: OnEnded,
): (tap: TapNote) => Promise<NotedTap> {
  const all = async (taps: readonly TapNote[]) => {
    const rows = await NOTE_TAPS(db, valuesOf(taps));
    const completed = rows.flatMap(({ session_id: id }) => (id === null ? [] : [id]));
    if (completed.length > 0) onEnded("completed", completed);
    const answers: (NotedTap | undefined)[] = taps.map(() => undefined);
    for (const row of rows) {
      answers[row.place - 1] = { state: stateOf(row), login: loginOf(row) };
    }
    return answers;
  };
  const one = async (tap: TapNote) => ({ state: await note(tap), login: null });
  const gathered = db.isTransaction ? one : gather({ all, one });
  return async (tap) => {
    try {
      return await gathered(tap);
    } catch (error) {
      // What cannot be decided must be noted all the same, or the messenger would deliver it for
      // ever.
      if (error instanceof TapinError || (isUnavailable(error) && !isConflict(error))) throw error;
      return await one(tap);
    }
  };
}

function valuesOf(taps: readonly TapNote[]): readonly unknown[] {
  return [
    ...noteValues(taps),
    taps.map(({ login }) => login.token),
    taps.map(({ login }) => login.choice),
    taps.map(({ login }) => login.person.channel),
    taps.map(({ login }) => login.person.userId),
    taps.map(({ login }) => login.person.firstName),
    taps.map(({ login }) => login.person.lastName),
    taps.map(({ login }) => login.person.username),
    taps.map(({ login }) => login.person.avatarUrl),
    taps.map(({ login }) => login.person.lang),
    taps.map(({ login }) => login.grantId),
    taps.map(({ login }) => login.codeHash),
    taps.map(({ login }) => login.codeTtlSeconds),
  ];
}

/**
 * A row for each tap, but for one that is twice in the statement. What is decided here is what
 * `decidePrompt` would decide, by the same conditions, and only for an update that nobody has noted
 * before. Its rows are locked first, and those that somebody else has are left out: so it waits for
 * nobody who could wait for it. Updates and people are written in one order, for two processes may
 * be given the same ones. Two conditions are put so that no index fits them: a plan that was made,
 * and kept, while there were few rows would else read every live prompt, or all people of a
 * project.
 */
const NOTE_TAPS = prepared<TapRow>(
  "tapin_note_taps",
  sql`
    with asked as materialized (
      select *
      from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
        $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::uuid[],
        $15::text[], $16::integer[])
        with ordinality as asked (bot, key, payload, holder, token, choice, channel, user_id, first_name,
          last_name, username, avatar_url, lang, grant_id, code_hash, ttl_seconds, place)
    ), ${NOTED}, fresh as materialized (
      select asked.* from noted join asked on asked.place = noted.place where noted.fresh
    ), prompt as materialized (
      select token, project_id, session_id, channel, messenger_user_id from prompts
      where token = any(array(select token from fresh)) and status || '' = 'live'
        and expires_at > ${RIGHT_NOW}
      order by token for no key update skip locked
    ), session as materialized (
      select id, project_id, redirect_uri, state, code_challenge, match_code, owner_channel, owner_user_id
      from sessions
      where id = any(array(select session_id from prompt)) and status in ${sourceList("approve")}
        and expires_at > ${RIGHT_NOW}
      order by id for no key update skip locked
    ), known as materialized (
      select subscribers.id, fresh.place
      from fresh
      join prompt on prompt.token = fresh.token
      join subscribers on subscribers.channel = fresh.channel
        and subscribers.messenger_user_id = fresh.user_id
        and subscribers.project_id::text = prompt.project_id::text
    ), free as materialized (
      select id from subscribers
      where id = any(array(select id from known)) order by id for no key update skip locked
    ), decided as materialized (
      select distinct on (fresh.token) fresh.*, prompt.project_id, session.id as session_id,
        session.state, session.code_challenge, projects.name as project_name,
        coalesce(session.redirect_uri, projects.callback_url) as landing_url, projects.subscription
      from fresh
      join prompt on prompt.token = fresh.token and prompt.channel = fresh.channel
        and prompt.messenger_user_id = fresh.user_id
      join projects on projects.id = prompt.project_id
      left join session on session.id = prompt.session_id and session.project_id = prompt.project_id
        and session.owner_channel = fresh.channel and session.owner_user_id = fresh.user_id
      where (prompt.session_id is null or session.id is not null)
        and fresh.choice is not distinct from session.match_code
        and not exists (
          select from known where known.place = fresh.place and known.id not in (select id from free)
        )
      order by fresh.token, fresh.place
    ), people as (
      insert into subscribers (project_id, channel, messenger_user_id, first_name, last_name, username,
        avatar_url, lang, subscribed)
      select project_id, channel, user_id, first_name, last_name, username, avatar_url, lang,
        subscription = 'automatic'
      from decided order by project_id, channel, user_id
      on conflict (project_id, channel, messenger_user_id) do update
      set first_name = excluded.first_name, last_name = excluded.last_name,
        username = excluded.username, lang = excluded.lang,
        avatar_url = coalesce(excluded.avatar_url, subscribers.avatar_url),
        subscribed = subscribers.subscribed or excluded.subscribed, reachable = true,
        updated_at = ${NOW}
      returning id, project_id, channel, messenger_user_id, subscribed
    ), completed as (
      update sessions
      set status = ${sql.lit(targetOf("approve"))}, sequence = sequence + 1, ended_at = ${RIGHT_NOW}
      where id = any(array(select session_id from decided))
    ), granted as (
      insert into grants (id, project_id, session_id, subscriber_id, code_hash, code_challenge, state,
        expires_at)
      select decided.grant_id, decided.project_id, session_id, people.id, code_hash, code_challenge,
        state, ${NOW} + make_interval(secs => ttl_seconds)
      from decided
      join people on people.project_id = decided.project_id and people.channel = decided.channel
        and people.messenger_user_id = decided.user_id
    ), approved as (
      update prompts set status = 'approved', grant_id = decided.grant_id from decided
      where prompts.token = any(array(select token from decided)) and prompts.token = decided.token
    )
    select noted.place, noted.fresh, finished, mine, decided.session_id, decided.project_name, decided.landing_url, decided.state,
      decided.subscription, people.subscribed, coalesce(account_langs.lang, decided.lang) as lang
    from noted
    left join decided on decided.place = noted.place
    left join people on people.project_id = decided.project_id and people.channel = decided.channel
      and people.messenger_user_id = decided.user_id
    left join account_langs on account_langs.channel = decided.channel
      and account_langs.messenger_user_id = decided.user_id`,
);

function loginOf(row: TapRow): NotedLogin | null {
  const { project_name: projectName, lang } = row;
  if (projectName === null || lang === null) return null;
  return {
    projectName,
    landingUrl: row.landing_url,
    state: row.state,
    fromSession: row.session_id !== null,
    asks: row.subscription === "ask" && row.subscribed !== true,
    lang,
  };
}
