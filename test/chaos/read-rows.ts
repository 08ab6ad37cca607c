// What the database holds in the end, as events of the history.

import { queryOnce } from "../support/postgres.ts";
import type { ChaosEvent } from "./history.ts";

/** The sessions with their grants, and the subscribers, of a database that holds one project. */
export async function readRows(databaseUrl: string): Promise<readonly ChaosEvent[]> {
  const sessions = await queryOnce(
    databaseUrl,
    `select id, status, (select count(*)::integer from grants where session_id = sessions.id) as grants
      from sessions`,
  );
  const subscribers = await queryOnce(
    databaseUrl,
    "select id, channel || ':' || messenger_user_id as person from subscribers",
  );
  return [
    ...sessions.map(({ id, status, grants }) => ({
      kind: "row" as const,
      session: String(id),
      status: String(status),
      grants: Number(grants),
    })),
    ...subscribers.map(({ id, person }) => ({
      kind: "subscriberRow" as const,
      subscriber: String(id),
      person: String(person),
    })),
  ];
}
