// The table `projects`: how a project is made, found and changed.

import type { Selectable, Updateable } from "kysely";
import type { ProjectTable } from "../core/ports.ts";
import type { Project, ProjectChange } from "../core/project.ts";
import type { Db, ProjectRow } from "./tables.ts";
import { isUuid } from "./uuid.ts";

/** The port over this connection or transaction. */
export function projectTable(db: Db): ProjectTable {
  const all = db.selectFrom("projects").selectAll();
  const find: ProjectTable["find"] = async (projectId) => {
    if (!isUuid(projectId)) return null;
    return projectOrNull(await all.where("id", "=", projectId).executeTakeFirst());
  };
  return {
    find,
    findRecent: find,
    async create(draft) {
      const row = await db
        .insertInto("projects")
        .values({
          slug: draft.slug,
          name: draft.name,
          callback_url: draft.callbackUrl,
          origin_url: draft.originUrl,
          redirect_uris: draft.redirectUris,
          match_code_required: draft.matchCodeRequired,
          subscription: draft.subscription,
        })
        .onConflict((conflict) => conflict.column("slug").doNothing())
        .returningAll()
        .executeTakeFirst();
      return projectOrNull(row);
    },
    async findBySlug(slug) {
      return projectOrNull(await all.where("slug", "=", slug).executeTakeFirst());
    },
    async list({ afterSlug, limit }) {
      const page = all.where("slug", ">", afterSlug).orderBy("slug").limit(limit);
      return (await page.execute()).map(projectOf);
    },
    async update(projectId, change) {
      const columns = columnsOf(change);
      if (Object.keys(columns).length === 0) return find(projectId);
      if (!isUuid(projectId)) return null;
      const row = await db
        .updateTable("projects")
        .set(columns)
        .where("id", "=", projectId)
        .returningAll()
        .executeTakeFirst();
      return projectOrNull(row);
    },
    async isOrigin(origin) {
      const row = await db
        .selectFrom("projects")
        .select("id")
        .where((eb) => eb.fn<string>("lower", ["origin_url"]), "=", origin.toLowerCase())
        .limit(1)
        .executeTakeFirst();
      return row !== undefined;
    },
  };
}

/** The project a row describes. */
export function projectOf(row: Selectable<ProjectRow>): Project {
  return {
    id: row.id,
    slug: row.slug,
    name: row.name,
    callbackUrl: row.callback_url,
    originUrl: row.origin_url,
    redirectUris: row.redirect_uris,
    matchCodeRequired: row.match_code_required,
    subscription: row.subscription,
    createdAt: row.created_at,
  };
}

function projectOrNull(row: Selectable<ProjectRow> | undefined): Project | null {
  return row === undefined ? null : projectOf(row);
}

function columnsOf(change: ProjectChange): Updateable<ProjectRow> {
  const columns = {
    name: change.name,
    callback_url: change.callbackUrl,
    origin_url: change.originUrl,
    redirect_uris: change.redirectUris,
    match_code_required: change.matchCodeRequired,
    subscription: change.subscription,
  };
  // An absent field must not become `set name = null`.
  return Object.fromEntries(Object.entries(columns).filter(([, value]) => value !== undefined));
}
