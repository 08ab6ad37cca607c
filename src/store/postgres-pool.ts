// The pool of connections to PostgreSQL. A server that says nothing, or may not write, must cost a
// caller seconds and the pool nothing: such a connection is thrown away, and the next one asks
// whoever answers then.

import type { PostgresPool } from "kysely";
import pg from "pg";
import type { OnError } from "./database.ts";
import { codeOf, isSilence } from "./database-error.ts";
import { nameOf } from "./prepared.ts";
import { checkWritable, READ_ONLY } from "./writable.ts";

/** How to reach PostgreSQL. */
export interface PoolOptions {
  readonly databaseUrl: string;
  /** Most connections. */
  readonly poolSize: number;
  readonly onError: OnError;
}

/** Milliseconds a caller waits for a connection before the answer is UNAVAILABLE. */
export const CONNECT_TIMEOUT_MS = 5_000;

/**
 * Milliseconds a statement may take, waits for other callers' locks included; the server ends it
 * then.
 */
const STATEMENT_TIMEOUT_MS = 4_000;

/**
 * Milliseconds until the server itself is given up: it does not even keep to the time of a
 * statement.
 */
const SILENCE_TIMEOUT_MS = 5_000;

/**
 * Milliseconds a transaction may stand idle: longer means that its process hangs or is cut off,
 * with locks held.
 */
const IDLE_TRANSACTION_TIMEOUT_MS = 10_000;

/** Makes the pool; nothing connects before the first query. */
export function createPool(options: PoolOptions): pg.Pool {
  const pool = new pg.Pool({
    connectionString: options.databaseUrl,
    application_name: "tapin",
    max: options.poolSize,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: SILENCE_TIMEOUT_MS,
    keepAlive: true,
    // Here and not in kysely's hook, which would keep the connection when this fails.
    onConnect: prepareConnection,
  });
  // An idle connection that breaks is replaced by the next query; without this it would end the
  // process.
  pool.on("error", (error) => options.onError("An idle database connection was lost.", error));
  // The same for one that breaks between two queries of a transaction: the next query says so.
  pool.on("connect", (client) => client.on("error", () => undefined));
  return pool;
}

// Not as start-up parameters: PgBouncer refuses connections that carry them. A plan is kept for as
// long as its connection, those of foreign keys too; made while a table was small it would read all
// of it for each row, and go on so when there are millions (measured: 60,000 rows, 40 ms instead of
// 1 ms). Where a small table has no index for a question, PostgreSQL before 18 then reckons with a
// cost beyond all bounds, and would compile the statement each time (`jit`).
async function prepareConnection(client: pg.ClientBase): Promise<void> {
  await client.query(`select set_config('statement_timeout', '${STATEMENT_TIMEOUT_MS}', false),
    set_config('idle_in_transaction_session_timeout', '${IDLE_TRANSACTION_TIMEOUT_MS}', false),
    set_config('enable_seqscan', 'off', false), set_config('jit', 'off', false)`);
  await checkWritable(client);
}

/** The pool as kysely takes it, whose connections are given up when they are of no more use. */
export function discarding(pool: pg.Pool): PostgresPool {
  return {
    options: pool.options,
    connect: async () => discardingClient(await pool.connect()),
    end: () => pool.end(),
  };
}

type KyselyClient = Awaited<ReturnType<PostgresPool["connect"]>>;

function discardingClient(client: pg.PoolClient): KyselyClient {
  let useless: unknown = null;
  const query = async (text: string, values: unknown[]) => {
    // Such as a rollback after a query without an answer: it would wait as long again.
    if (useless !== null) throw useless;
    try {
      return await client.query(configOf(text, values));
    } catch (error) {
      if (isSilence(error) || isParting(codeOf(error))) useless = error;
      throw error;
    }
  };
  return {
    query: query as unknown as KyselyClient["query"],
    release: (discard = false) => client.release(discard === true || useless !== null),
  };
}

function configOf(text: string, values: unknown[]): pg.QueryConfig {
  const name = nameOf(text);
  return name === undefined ? { text, values } : { name, text, values };
}

// What a server says last over a connection (57P01 and others), and of one that may not write: the
// close that follows may come only after the next caller has been given the connection.
function isParting(code: string | null): boolean {
  return code === READ_ONLY || code?.startsWith("57P") === true;
}
