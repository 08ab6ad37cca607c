// The table `bots`: the bots that projects brought. A trigger tells every process of each change;
// tokens come here sealed, and what runs a bot is the business of the fleet.

import { type Selectable, sql } from "kysely";
import type { BotTable, ProjectBot } from "../core/bot-ports.ts";
import { NOW } from "./database-time.ts";
import type { BotRow, Db } from "./tables.ts";

// Any constant will do: it keeps these advisory locks apart from those of other purposes.
const ONE_PROJECT_LOCK = 7_413_003;

/** The port over this connection or transaction. */
export function botTable(db: Db): BotTable {
  return {
    set(projectId, bot) {
      if (db.isTransaction) return claim(db, projectId, bot);
      return db.transaction().execute((inside) => claim(inside, projectId, bot));
    },
    async remove(projectId, channel) {
      const removed = await db
        .deleteFrom("bots")
        .where("project_id", "=", projectId)
        .where("channel", "=", channel)
        .returning("project_id")
        .executeTakeFirst();
      return removed !== undefined;
    },
    async find(projectId, channel) {
      const row = await db
        .selectFrom("bots")
        .selectAll()
        .where("project_id", "=", projectId)
        .where("channel", "=", channel)
        .executeTakeFirst();
      return row === undefined ? null : botOf(row);
    },
    async list() {
      const rows = db.selectFrom("bots").selectAll().orderBy("project_id").orderBy("channel");
      return (await rows.execute()).map(botOf);
    },
  };
}

// The lock makes simultaneous projects come one after the other. Running into the unique index
// instead would end the caller's whole transaction.
async function claim(
  db: Db,
  projectId: string,
  bot: Parameters<BotTable["set"]>[1],
): Promise<ProjectBot | null> {
  const { channel, messengerBotId } = bot;
  await sql`
    select pg_advisory_xact_lock(${sql.lit(ONE_PROJECT_LOCK)},
      hashtext(${`${channel}|${messengerBotId}`}))`.execute(db);
  const foreign = await db
    .selectFrom("bots")
    .select("project_id")
    .where("channel", "=", channel)
    .where("messenger_bot_id", "=", messengerBotId)
    .where("project_id", "!=", projectId)
    .executeTakeFirst();
  if (foreign !== undefined) return null;
  const columns = {
    messenger_bot_id: messengerBotId,
    username: bot.username,
    sealed_token: bot.sealedToken,
  };
  const row = await db
    .insertInto("bots")
    .values({ project_id: projectId, channel, ...columns })
    .onConflict((conflict) =>
      conflict.columns(["project_id", "channel"]).doUpdateSet({
        ...columns,
        revision: sql<string>`gen_random_uuid()`,
        updated_at: NOW,
      }),
    )
    .returningAll()
    .executeTakeFirstOrThrow();
  return botOf(row);
}

function botOf(row: Selectable<BotRow>): ProjectBot {
  return {
    projectId: row.project_id,
    channel: row.channel,
    messengerBotId: row.messenger_bot_id,
    username: row.username,
    sealedToken: row.sealed_token,
    revision: row.revision,
  };
}
