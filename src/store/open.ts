// Opens the storage: PostgreSQL when there is a URL, the embedded database otherwise, and puts the
// tables together to the Store that the rest of Tapin knows.

import { sql } from "kysely";
import type { Ending } from "../core/observer.ts";
import type { Store } from "../core/ports.ts";
import { TapinError } from "../errors.ts";
import { apiKeyTable } from "./api-keys.ts";
import { botTable } from "./bots.ts";
import { budgetTable } from "./budgets.ts";
import { ChangeHub } from "./change-feed.ts";
import type { Database, OnError, PoolReading } from "./database.ts";
import { guarded, storeError } from "./database-error.ts";
import { type Embedded, openEmbedded } from "./embedded.ts";
import { grantTable } from "./grants.ts";
import { idempotencyTable } from "./idempotency.ts";
import { leaseTable } from "./leases.ts";
import { usePglite } from "./pglite.ts";
import { processTable } from "./processes.ts";
import { projectTable } from "./projects.ts";
import { promptTable } from "./prompts.ts";
import { RecentRows } from "./recent-rows.ts";
import { recentApiKeys, recentGrants, recentProjects, recentSessions } from "./recent-tables.ts";
import { type OnEnded, sessionTable } from "./sessions.ts";
import { subscriberTable } from "./subscribers.ts";
import type { Db } from "./tables.ts";
import { updateTable } from "./updates.ts";

/** Which storage to open. */
export interface OpenOptions {
  /** `postgres://...`; null = the embedded database. */
  readonly databaseUrl: string | null;
  /** Directory of the embedded database, made when missing; `"memory"` keeps nothing. */
  readonly dataDir: string | "memory";
  /**
   * The embedded database of that directory, when somebody has begun to open it already. Default:
   * it is opened now.
   */
  readonly embedded?: Embedded | null;
  /** Hears of what goes wrong in the background, such as a lost connection. Default: nobody. */
  readonly onError?: OnError;
  /** Most connections to PostgreSQL for queries; one more listens. Default: 10. */
  readonly poolSize?: number;
  /** Hears how many sessions got a status, once that is committed. Default: nobody. */
  readonly onEnded?: (status: Ending, count: number) => void;
}

/** Open storage. */
export interface OpenedStore {
  readonly store: Store;
  /** Wakes watchers, whichever process changes their session or the bots. */
  readonly changes: ChangeHub;
  /** Connections for queries now; null when the database is embedded. */
  pool(): PoolReading | null;
  /** Tells nobody anything any more, and ends every connection; a data directory is free again. */
  close(): Promise<void>;
}

/** The storage with the handle behind it, for tests that have to turn the clock or look at rows. */
export interface OpenedDatabase extends OpenedStore {
  readonly db: Db;
}

/**
 * Opens the storage, its schema up to date. Rejects with a sentence: the URL is no PostgreSQL URL,
 * the server cannot be reached or refuses, the data directory is in use or cannot be written, the
 * database is a newer Tapin's.
 */
export async function openStore(options: OpenOptions): Promise<OpenedStore> {
  return openDatabase(options);
}

/** As `openStore`, with the handle. */
export async function openDatabase(options: OpenOptions): Promise<OpenedDatabase> {
  const isFresh = () => database.isFresh();
  const rows = new RecentRows(isFresh);
  const hub = new ChangeHub(rows, isFresh);
  const database: Database = await connect(options, hub);
  const onEnded: OnEnded = (status, sessionIds) => {
    for (const sessionId of sessionIds) rows.forgetSession(sessionId);
    options.onEnded?.(status, sessionIds.length);
  };
  return {
    db: database.db,
    store: withMemory(storeOf(database.db, onEnded), rows, database),
    changes: hub,
    pool: () => database.pool?.() ?? null,
    async close() {
      hub.close();
      await database.close();
    },
  };
}

async function connect(options: OpenOptions, hub: ChangeHub): Promise<Database> {
  if (options.databaseUrl === null) {
    return await usePglite(options.embedded ?? openEmbedded(options.dataDir), hub);
  }
  const { databaseUrl, poolSize = 10, onError = () => undefined } = options;
  // The embedded database does without pg.
  const { openPostgres } = await import("./postgres.ts");
  return await openPostgres({ databaseUrl, poolSize, onError }, hub);
}

/** The store for everything outside of transactions, which see what nobody else may be told yet. */
function withMemory(store: Store, rows: RecentRows, { othersBelieveMs }: Database): Store {
  return {
    ...store,
    apiKeys: recentApiKeys(store.apiKeys, { rows, othersBelieveMs }),
    projects: recentProjects(store.projects, rows),
    sessions: recentSessions(store.sessions, rows),
    grants: recentGrants(store.grants, rows),
  };
}

function storeOf(db: Db, onEnded: OnEnded): Store {
  const store: Store = {
    projects: guarded(projectTable(db)),
    apiKeys: guarded(apiKeyTable(db)),
    sessions: guarded(sessionTable(db, onEnded)),
    grants: guarded(grantTable(db, onEnded)),
    subscribers: guarded(subscriberTable(db, onEnded)),
    prompts: guarded(promptTable(db)),
    idempotency: guarded(idempotencyTable(db)),
    leases: guarded(leaseTable(db)),
    processes: guarded(processTable(db)),
    budgets: guarded(budgetTable(db)),
    updates: guarded(updateTable(db, onEnded)),
    bots: guarded(botTable(db)),
    async transaction(work) {
      if (db.isTransaction) return work(store);
      const endings: Parameters<OnEnded>[] = [];
      const note: OnEnded = (...ending) => void endings.push(ending);
      try {
        const result = await db.transaction().execute((inside) => work(storeOf(inside, note)));
        for (const ending of endings) onEnded(...ending);
        return result;
      } catch (error) {
        throw storeError(error);
      }
    },
    ping: (timeoutMs) => ping(db, timeoutMs),
    clock: () => clock(db),
  };
  return store;
}

async function clock(db: Db): Promise<Date> {
  try {
    const { rows } = await sql<{ now: Date }>`select clock_timestamp() as now`.execute(db);
    const [row] = rows;
    if (row === undefined) throw new Error("the database does not tell the time");
    return row.now;
  } catch (error) {
    throw storeError(error);
  }
}

async function ping(db: Db, timeoutMs: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const silence = new Promise<never>((_resolve, reject) => {
    const cause = new Error(`no answer within ${timeoutMs} ms`);
    timer = setTimeout(() => reject(new TapinError("UNAVAILABLE", { cause })), timeoutMs);
  });
  try {
    await Promise.race([sql`select 1`.execute(db), silence]);
  } catch (error) {
    throw storeError(error);
  } finally {
    clearTimeout(timer);
  }
}
