// Tells a database that takes writes from one that does not. After a failover an address may still
// lead to the old primary, or to a standby: reading there would answer with what is no longer so,
// and every login would fail.

import type pg from "pg";

/** SQLSTATE of a write where none is allowed (read_only_sql_transaction). */
export const READ_ONLY = "25006";

/**
 * Rejects with READ_ONLY as its code when the server is a standby, or the database was set to read
 * only.
 */
export async function checkWritable(client: pg.ClientBase): Promise<void> {
  const { rows } = await client.query<{ read_only: string }>(
    "select current_setting('transaction_read_only') as read_only",
  );
  if (rows[0]?.read_only !== "on") return;
  const text = "the database takes no writes: it is a standby, or was set to read only";
  throw Object.assign(new Error(text), { code: READ_ONLY });
}
