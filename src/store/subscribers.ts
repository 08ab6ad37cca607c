// The tables `subscribers` and `account_langs`: who signed in where, and which language a person
// chose. Identity is project + channel + the messenger's user id; a chosen language is the
// account's everywhere.

import { type RawBuilder, type Selectable, sql } from "kysely";
import type { BotScope, SubscriberTable } from "../core/ports.ts";
import type { Account, Person, Subscriber } from "../core/subscriber.ts";
import { NOW, RIGHT_NOW } from "./database-time.ts";
import type { OnEnded } from "./sessions.ts";
import type { Db, SubscriberRow } from "./tables.ts";
import { sourceList, targetOf } from "./transitions.ts";
import { isUuid } from "./uuid.ts";

/**
 * The port over this connection or transaction. `onEnded` hears of endings that are not committed
 * yet.
 */
export function subscriberTable(db: Db, onEnded: OnEnded): SubscriberTable {
  return {
    upsert: (projectId, person, subscribe) => upsert(db, { projectId, person, subscribe }),
    async find(projectId, subscriberId) {
      if (!isUuid(subscriberId)) return null;
      const row = await db
        .selectFrom("subscribers")
        .selectAll()
        .where("project_id", "=", projectId)
        .where("id", "=", subscriberId)
        .executeTakeFirst();
      return row === undefined ? null : subscriberOf(row);
    },
    async delete(projectId, subscriberId) {
      const work = (inside: Db) => deleteSubscriber(inside, projectId, subscriberId);
      const cancelled = await (db.isTransaction ? work(db) : db.transaction().execute(work));
      if (cancelled !== null && cancelled.length > 0) onEnded("cancelled", cancelled);
      return cancelled !== null;
    },
    async unsubscribe(account, scope) {
      const ended = await db
        .updateTable("subscribers")
        .set({ subscribed: false, updated_at: NOW })
        .where(reachedBy(account, scope))
        .where("subscribed", "=", true)
        .returning("id")
        .execute();
      return ended.length;
    },
    async setReachable(account, reachable, scope) {
      const changed = await db
        .updateTable("subscribers")
        .set({ reachable, updated_at: NOW })
        .where(reachedBy(account, scope))
        .where("reachable", "=", !reachable)
        .returning("id")
        .execute();
      return changed.length;
    },
    async setLang(account, lang) {
      await db
        .insertInto("account_langs")
        .values({ channel: account.channel, messenger_user_id: account.userId, lang })
        .onConflict((conflict) =>
          conflict.columns(["channel", "messenger_user_id"]).doUpdateSet({ lang }),
        )
        .execute();
    },
    async langOf(account) {
      const row = await db
        .selectFrom("account_langs")
        .select("lang")
        .where("channel", "=", account.channel)
        .where("messenger_user_id", "=", account.userId)
        .executeTakeFirst();
      return row?.lang ?? null;
    },
  };
}

async function upsert(
  db: Db,
  login: { projectId: string; person: Person; subscribe: boolean | null },
): Promise<Subscriber> {
  const { projectId, person, subscribe } = login;
  const names = {
    first_name: person.firstName,
    last_name: person.lastName,
    username: person.username,
    avatar_url: person.avatarUrl,
    lang: person.lang,
  };
  const identity = {
    project_id: projectId,
    channel: person.channel,
    messenger_user_id: person.userId,
  };
  const row = await db
    .insertInto("subscribers")
    .values({ ...identity, ...names, subscribed: subscribe ?? false })
    .onConflict((conflict) =>
      conflict.columns(["project_id", "channel", "messenger_user_id"]).doUpdateSet({
        ...names,
        // MAX tells the picture with some updates only: one without it says nothing about it.
        avatar_url: sql<string | null>`coalesce(excluded.avatar_url, subscribers.avatar_url)`,
        ...(subscribe === null ? {} : { subscribed: subscribe }),
        reachable: true,
        updated_at: NOW,
      }),
    )
    .returningAll()
    .executeTakeFirstOrThrow();
  return subscriberOf(row);
}

// Grants first and then sessions, as VerifyCode takes them, then the row, as a tap on Login does:
// none of them waits for one that waits for it. Answers which sessions were cancelled; null = there
// is no such row.
async function deleteSubscriber(
  db: Db,
  projectId: string,
  subscriberId: string,
): Promise<readonly string[] | null> {
  if (!isUuid(subscriberId)) return null;
  const row = await db
    .selectFrom("subscribers")
    .select(["channel", "messenger_user_id as userId"])
    .where("project_id", "=", projectId)
    .where("id", "=", subscriberId)
    .executeTakeFirst();
  if (row === undefined) return null;
  const { channel, userId } = row;
  await sql`
    select from grants where project_id = ${projectId} and subscriber_id = ${subscriberId}
    order by id for update`.execute(db);
  const cancelled = await forgetSessions(db, projectId, row);
  // Takes the grants along, and with them the prompts that were approved.
  await sql`
    delete from subscribers where project_id = ${projectId} and id = ${subscriberId}`.execute(db);
  await sql`
    delete from prompts where project_id = ${projectId} and channel = ${channel}
      and messenger_user_id = ${userId}`.execute(db);
  // A verify kept for repetition holds the profile.
  await sql`
    delete from idempotency_keys where project_id = ${projectId}
      and result -> 'profile' ->> 'subscriberId' = ${subscriberId}`.execute(db);
  await sql`
    delete from account_langs where channel = ${channel} and messenger_user_id = ${userId}
      and not exists (
        select from subscribers where channel = ${channel} and messenger_user_id = ${userId}
      )`.execute(db);
  return cancelled;
}

/** The ids of those that had not ended. */
async function forgetSessions(
  db: Db,
  projectId: string,
  { channel, userId }: Account,
): Promise<readonly string[]> {
  // One whose time is over has ended already, whether or not the sweeper has written that yet.
  const { rows } = await sql<{ id: string; live: boolean }>`
    with owned as materialized (
      select id, status in ${sourceList("cancel")} and expires_at > ${RIGHT_NOW} as live
      from sessions
      where project_id = ${projectId} and owner_channel = ${channel} and owner_user_id = ${userId}
      for update
    )
    update sessions
    set status = case when live then ${sql.lit(targetOf("cancel"))} else status end,
      sequence = sequence + case when live then 1 else 0 end,
      ended_at = case when live then ${RIGHT_NOW} else ended_at end,
      owner_channel = null, owner_user_id = null, client_ip = null, client_user_agent = null,
      state = null
    from owned where sessions.id = owned.id
    returning owned.id, live`.execute(db);
  return rows.filter(({ live }) => live).map(({ id }) => id);
}

/** True for the account's rows in the projects that this bot speaks for. */
function reachedBy({ channel, userId }: Account, scope: BotScope): RawBuilder<boolean> {
  const inScope =
    scope.projectId === null
      ? sql`not exists (
          select from bots
          where bots.project_id = subscribers.project_id and bots.channel = subscribers.channel
        )`
      : sql`project_id = ${scope.projectId}`;
  return sql<boolean>`(channel = ${channel} and messenger_user_id = ${userId} and ${inScope})`;
}

function subscriberOf(row: Selectable<SubscriberRow>): Subscriber {
  return {
    id: row.id,
    projectId: row.project_id,
    channel: row.channel,
    userId: row.messenger_user_id,
    firstName: row.first_name,
    lastName: row.last_name,
    username: row.username,
    avatarUrl: row.avatar_url,
    lang: row.lang,
    tags: row.tags,
    subscribed: row.subscribed,
    reachable: row.reachable,
  };
}
