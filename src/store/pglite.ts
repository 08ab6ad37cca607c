// The embedded database for the rest of this room. It is one process's own.

import { Kysely, PGliteDialect } from "kysely";
import type { ChangeHub } from "./change-feed.ts";
import type { Database } from "./database.ts";
import type { Embedded } from "./embedded.ts";
import type { Tables } from "./tables.ts";

/** Waits until it is open, and lets the hub hear of changes. */
export async function usePglite(embedded: Embedded, hub: ChangeHub): Promise<Database> {
  embedded.onNotification((channel, payload) => {
    if (channel === "tapin_session") hub.wakeEach(payload);
    else if (channel === "tapin_project") hub.wakeProject(payload);
    else hub.wakeBots();
  });
  await embedded.opened;
  const db = new Kysely<Tables>({ dialect: new PGliteDialect({ pglite: embedded }) });
  return {
    db,
    // Nobody else is in here, and what this process changes it is told with the answer.
    isFresh: () => !embedded.closed,
    othersBelieveMs: 0,
    async close() {
      await db.destroy();
      // Kysely closes only what it has used.
      await embedded.close();
    },
  };
}
