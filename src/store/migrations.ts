// The schema, as forward-only steps: PostgreSQL 14 syntax, applied in this order by migrate.ts. A
// step that has been released is never changed; what it got wrong is put right by a step after it.

import { MESSENGERS_SCHEMA } from "./schema-messengers.ts";
import { PROCESSES_SCHEMA } from "./schema-processes.ts";
import { SITES_SCHEMA } from "./schema-sites.ts";

/** Name -> SQL, in the order in which they are applied. Each runs inside one transaction. */
export const MIGRATIONS: Readonly<Record<string, string>> = {
  "0001-first": SITES_SCHEMA + MESSENGERS_SCHEMA + PROCESSES_SCHEMA,
};
