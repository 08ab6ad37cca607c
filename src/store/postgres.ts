// PostgreSQL over the network: one pool for queries, one connection that listens.

import { Kysely, PostgresDialect } from "kysely";
import pg from "pg";
import type { ChangeHub } from "./change-feed.ts";
import type { Database } from "./database.ts";
import { codeOf } from "./database-error.ts";
import { listen } from "./listener.ts";
import { migrate } from "./migrate.ts";
import { CONNECT_TIMEOUT_MS, createPool, discarding, type PoolOptions } from "./postgres-pool.ts";
import { BELIEF_MS } from "./recent-rows.ts";
import type { Tables } from "./tables.ts";

/** Oldest version whose SQL the schema and the queries keep to. */
const OLDEST_VERSION = 140_000;

/** Opens the database. Rejects with a sentence that says what is wrong, without the password. */
export async function openPostgres(options: PoolOptions, hub: ChangeHub): Promise<Database> {
  await prepare(options.databaseUrl);
  const listener = await listen({
    databaseUrl: options.databaseUrl,
    onSessions: (sessionIds) => hub.wakeEach(sessionIds),
    onBots: () => hub.wakeBots(),
    onProject: (projectId) => hub.wakeProject(projectId),
    onConnect: () => hub.wakeAll(),
    onError: options.onError,
  });
  const pool = createPool(options);
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool: discarding(pool) }) });
  return {
    db,
    isFresh: () => listener.isFresh(),
    // What is believed is at most that old by each process's own clock, which is read a moment
    // later.
    othersBelieveMs: BELIEF_MS + 50,
    pool: () => ({ total: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount }),
    async close() {
      await listener.close();
      await db.destroy();
    },
  };
}

async function prepare(databaseUrl: string): Promise<void> {
  const client = createClient(databaseUrl);
  // What breaks between two queries makes the next one fail, which is reported.
  client.on("error", () => undefined);
  try {
    await client.connect();
  } catch (error) {
    throw new Error(refusalSentence(client, error), { cause: error });
  }
  try {
    const { rows } = await client.query<{ server_version_num: string; server_version: string }>(
      "select current_setting('server_version_num') as server_version_num, current_setting('server_version') as server_version",
    );
    const [version] = rows;
    if (version !== undefined && Number(version.server_version_num) < OLDEST_VERSION) {
      throw new Error(`PostgreSQL 14 or newer is needed; this is ${version.server_version}.`);
    }
    await migrate(async (text) => lastRows(await client.query(text)));
  } finally {
    await client.end();
  }
}

// The URL holds the password, so an error about its form must not travel on, not even as a cause.
function createClient(databaseUrl: string): pg.Client {
  const unreadable = new Error(
    "TAPIN_DATABASE_URL is not a PostgreSQL URL such as postgres://user:password@host:5432/database.",
  );
  if (!/^postgres(ql)?:\/\//.test(databaseUrl)) throw unreadable;
  try {
    return new pg.Client({
      connectionString: databaseUrl,
      application_name: "tapin-migrate",
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    });
  } catch (error) {
    throw error instanceof TypeError || error instanceof URIError ? unreadable : error;
  }
}

// pg answers a text of several statements with an array of results, against what its types say.
function lastRows(result: pg.QueryResult | readonly pg.QueryResult[]): readonly unknown[] {
  const last = Array.isArray(result) ? result.at(-1) : result;
  return last?.rows ?? [];
}

const REFUSALS: Readonly<Record<string, string>> = {
  "28P01": "the user name or password was refused",
  "28000": "the user was refused",
  "3D000": "there is no such database",
  "53300": "it has too many connections already",
  "57P03": "it is still starting",
  ECONNREFUSED: "nothing listens there",
  ENOTFOUND: "the host name is unknown",
  EAI_AGAIN: "the host name cannot be looked up now",
  ETIMEDOUT: "it does not answer",
};

function refusalSentence(client: pg.Client, error: unknown): string {
  const first = error instanceof AggregateError ? error.errors[0] : error;
  const text = first instanceof Error ? first.message : String(first);
  const why = REFUSALS[codeOf(first) ?? ""] ?? text;
  const where = `${client.host}:${client.port}/${client.database}`;
  return `The PostgreSQL database ${where} cannot be opened: ${why}. Check TAPIN_DATABASE_URL.`;
}
