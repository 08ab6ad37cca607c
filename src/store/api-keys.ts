// The table `api_keys`: hashes of the keys websites call with. The key itself never comes here.

import type { Selectable } from "kysely";
import type { ApiKeyInfo, ApiKeyTable } from "../core/ports.ts";
import { ago, NOW } from "./database-time.ts";
import { projectOf } from "./projects.ts";
import type { ApiKeyRow, Db } from "./tables.ts";
import { isUuid } from "./uuid.ts";

// Noting every use would make each call of a busy website write the same row.
const TOUCH_SECONDS = 60;

/** The port over this connection or transaction. */
export function apiKeyTable(db: Db): ApiKeyTable {
  return {
    async create(projectId, key) {
      const row = await db
        .insertInto("api_keys")
        .values({ project_id: projectId, name: key.name, hint: key.hint, hash: key.hash })
        .returningAll()
        .executeTakeFirstOrThrow();
      return infoOf(row);
    },
    async list(projectId) {
      const keys = db.selectFrom("api_keys").selectAll().where("project_id", "=", projectId);
      return (await keys.orderBy("number").execute()).map(infoOf);
    },
    async revoke(projectId, keyId) {
      if (!isUuid(keyId)) return false;
      const row = await db
        .updateTable("api_keys")
        .set((eb) => ({ revoked_at: eb.fn.coalesce("revoked_at", NOW) }))
        .where("project_id", "=", projectId)
        .where("id", "=", keyId)
        .returning("id")
        .executeTakeFirst();
      return row !== undefined;
    },
    async findProject(keyHash) {
      const row = await db
        .selectFrom("api_keys")
        .innerJoin("projects", "projects.id", "api_keys.project_id")
        .selectAll("projects")
        .where("api_keys.hash", "=", keyHash)
        .where("api_keys.revoked_at", "is", null)
        .executeTakeFirst();
      return row === undefined ? null : projectOf(row);
    },
    async touch(keyHash) {
      await db
        .updateTable("api_keys")
        .set({ last_used_at: NOW })
        .where("hash", "=", keyHash)
        .where("revoked_at", "is", null)
        .where((eb) =>
          eb.or([eb("last_used_at", "is", null), eb("last_used_at", "<=", ago(TOUCH_SECONDS))]),
        )
        .execute();
    },
  };
}

function infoOf(row: Selectable<ApiKeyRow>): ApiKeyInfo {
  return {
    id: row.id,
    name: row.name,
    hint: row.hint,
    createdAt: row.created_at,
    lastUsedAt: row.last_used_at,
    revokedAt: row.revoked_at,
  };
}
