// Holds a lock in PostgreSQL, so that statements of the service wait where a test wants them to,
// however fast the machine.

import pg from "pg";
import { awaitCondition } from "./await-condition.ts";
import { queryOnce } from "./postgres.ts";

/** A held lock. */
export interface HeldLock {
  /** Lets the waiting statements go on. */
  release(): Promise<void>;
}

/** PostgreSQL, appendix A. */
const DEADLOCK = "40P01";

const MOST_TRIES = 5;

/** Runs the locking statement in a transaction that stays open until `release`. */
export async function holdLock(
  databaseUrl: string,
  statement: string,
  values: readonly unknown[] = [],
): Promise<HeldLock> {
  const client = new pg.Client({ connectionString: databaseUrl });
  client.on("error", () => undefined);
  await client.connect();
  for (let tries = 1; ; tries += 1) {
    await client.query("begin");
    try {
      await client.query(statement, [...values]);
      break;
    } catch (error) {
      // Tables are locked one after the other, and a sweep of the service may take two of them in
      // another order.
      if (!(error instanceof pg.DatabaseError && error.code === DEADLOCK) || tries === MOST_TRIES) {
        throw error;
      }
      await client.query("rollback");
    }
  }
  return { release: () => client.end() };
}

/** Resolves once so many statements wait for a lock in this database. */
export async function awaitLockWaits(databaseUrl: string, count: number): Promise<void> {
  await awaitCondition(`${count} statements wait for a lock`, async () => {
    const [row] = await queryOnce(
      databaseUrl,
      `select count(*)::integer as waiting from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'`,
    );
    return Number(row?.waiting) >= count;
  });
}
