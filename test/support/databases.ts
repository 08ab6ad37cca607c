// Both databases for suites that must hold on both: `describe.each(DATABASES)`, then `start` in
// beforeAll.

import { sql } from "kysely";
import { type OpenedDatabase, openDatabase } from "../../src/store/open.ts";
import { startPostgres, type TestPostgres } from "./postgres.ts";

/** A kind of database. */
export interface TestDatabase {
  readonly name: string;
  /** Starts an empty one. */
  start(): Promise<RunningDatabase>;
}

/** An open store over an empty database, and what only tests may do with it. */
export interface RunningDatabase extends OpenedDatabase {
  /** URL for other processes; null when it is embedded. */
  readonly url: string | null;
  /** Runs SQL of one statement, such as turning back a row's clock. */
  query<Row>(text: string): Promise<readonly Row[]>;
  /** Closes the store and drops the database. */
  stop(): Promise<void>;
}

/** PGlite in memory, and PostgreSQL. */
export const DATABASES: readonly TestDatabase[] = [
  {
    name: "PGlite",
    start: () => open(null, null),
  },
  {
    name: "PostgreSQL",
    async start() {
      const server = await startPostgres();
      return open(await server.createDatabase(), server);
    },
  },
];

async function open(url: string | null, server: TestPostgres | null): Promise<RunningDatabase> {
  const opened = await openDatabase({ databaseUrl: url, dataDir: "memory" });
  return {
    ...opened,
    url,
    async query<Row>(text: string) {
      return (await sql.raw<Row>(text).execute(opened.db)).rows;
    },
    async stop() {
      await opened.close();
      await server?.stop();
    },
  };
}
