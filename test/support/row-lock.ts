// Holds a lock in PostgreSQL, so that statements of the service wait where a test wants them to, however fast the machine.

import pg from "pg";
import { awaitCondition } from "./await-condition.ts";
import { queryOnce } from "./postgres.ts";

/** A held lock. */
export interface HeldLock {
  /** Lets the waiting statements go on. */
  release(): Promise<void>;
}

/** Runs the locking statement in a transaction that stays open until `release`. */
export async function holdLock(
  databaseUrl: string,
  statement: string,
  values: readonly unknown[] = [],
): Promise<HeldLock> {
  const client = new pg.Client({ connectionString: databaseUrl });
  client.on("error", () => undefined);
  await client.connect();
  await client.query("begin");
  await client.query(statement, [...values]);
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
