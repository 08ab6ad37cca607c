// The table `idempotency_keys`: what a call with an `Idempotency-Key` answered, so that the same
// call can be answered again. The row's lock is what makes a simultaneous second caller wait.

import { sql } from "kysely";
import type { IdempotencyTable } from "../core/ports.ts";
import { ago, RIGHT_NOW } from "./database-time.ts";
import type { Db } from "./tables.ts";

/** The port over this connection or transaction. */
export function idempotencyTable(db: Db): IdempotencyTable {
  return {
    async claim(projectId, { operation, keyHash, bodyHash, ttlSeconds }) {
      if (!db.isTransaction) throw new Error("an idempotency key is claimed inside a transaction");
      // A row without a result is of a transaction that chose not to keep one: the key is free
      // again.
      const claimed = await sql`
        insert into idempotency_keys as old (project_id, operation, key_hash, body_hash)
        values (${projectId}, ${operation}, ${keyHash}, ${bodyHash})
        on conflict (project_id, operation, key_hash) do update
        set body_hash = excluded.body_hash, result = null, created_at = ${RIGHT_NOW}
        where old.result is null
          or old.created_at <= ${RIGHT_NOW} - make_interval(secs => ${ttlSeconds})
        returning 1`.execute(db);
      if (claimed.rows.length > 0) return { kind: "fresh" };
      // The insert has waited for and locked the row, so it is there and cannot change any more.
      const row = await db
        .selectFrom("idempotency_keys")
        .select(["body_hash", "result"])
        .where("project_id", "=", projectId)
        .where("operation", "=", operation)
        .where("key_hash", "=", keyHash)
        .executeTakeFirstOrThrow();
      if (row.body_hash !== bodyHash) return { kind: "conflict" };
      return { kind: "repeat", result: row.result };
    },
    async save(projectId, { operation, keyHash, result }) {
      await sql`
        update idempotency_keys set result = ${JSON.stringify(result ?? null)}::jsonb
        where project_id = ${projectId} and operation = ${operation} and key_hash = ${keyHash}
        `.execute(db);
    },
    async purge(seconds, limit) {
      const purged = await sql`
        delete from idempotency_keys where ctid = any(array(
          select ctid from idempotency_keys where created_at < ${ago(seconds)}
          order by created_at limit ${limit} for update skip locked
        ))
        returning 1`.execute(db);
      return purged.rows.length;
    },
  };
}
