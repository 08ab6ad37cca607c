// The table `subscribers`: who signed in where. Identity is project + channel + the messenger's user id.

import type { Selectable } from "kysely";
import type { SubscriberTable } from "../core/ports.ts";
import type { Subscriber } from "../core/subscriber.ts";
import { NOW } from "./database-time.ts";
import type { Db, SubscriberRow } from "./tables.ts";
import { isUuid } from "./uuid.ts";

/** The port over this connection or transaction. */
export function subscriberTable(db: Db): SubscriberTable {
  return {
    async upsert(projectId, person) {
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
        .values({ ...identity, ...names })
        .onConflict((conflict) =>
          conflict
            .columns(["project_id", "channel", "messenger_user_id"])
            .doUpdateSet({ ...names, subscribed: true, reachable: true, updated_at: NOW }),
        )
        .returningAll()
        .executeTakeFirstOrThrow();
      return subscriberOf(row);
    },
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
    async unsubscribe(account) {
      const ended = await db
        .updateTable("subscribers")
        .set({ subscribed: false, updated_at: NOW })
        .where("channel", "=", account.channel)
        .where("messenger_user_id", "=", account.userId)
        .where("subscribed", "=", true)
        .returning("id")
        .execute();
      return ended.length;
    },
    async setReachable(account, reachable) {
      const changed = await db
        .updateTable("subscribers")
        .set({ reachable, updated_at: NOW })
        .where("channel", "=", account.channel)
        .where("messenger_user_id", "=", account.userId)
        .where("reachable", "=", !reachable)
        .returning("id")
        .execute();
      return changed.length;
    },
  };
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
