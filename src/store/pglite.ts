// The embedded database: PostgreSQL compiled to WebAssembly, in this process, its files in the data
// directory or nowhere. One process, one connection.

import { mkdir, rename, rm, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { PGlite } from "@electric-sql/pglite";
import { Kysely, PGliteDialect } from "kysely";
import type { ChangeHub } from "./change-feed.ts";
import { lockDataDir } from "./data-dir-lock.ts";
import type { Database } from "./database.ts";
import { migrate } from "./migrate.ts";
import type { Tables } from "./tables.ts";

/** Opens the database in `<dataDir>/db`, or one that ends with the process for `"memory"`. */
export async function openPglite(dataDir: string | "memory", hub: ChangeHub): Promise<Database> {
  if (dataDir === "memory") return prepare(await PGlite.create(), hub, () => undefined);
  const directory = resolve(dataDir);
  // Names, messenger ids and hashes are nobody else's business on this machine.
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const lock = lockDataDir(directory);
  try {
    const pglite = await openFiles(directory);
    return await prepare(pglite, hub, () => lock.release());
  } catch (error) {
    lock.release();
    throw error;
  }
}

// A new database is made beside its place and moved there once complete: a process killed while making it
// would otherwise leave a half that never opens again.
async function openFiles(directory: string): Promise<PGlite> {
  const place = join(directory, "db");
  try {
    if (!(await exists(place))) {
      const unfinished = join(directory, "db.new");
      await rm(unfinished, { recursive: true, force: true });
      await mkdir(unfinished, { mode: 0o700 });
      await (await PGlite.create(unfinished)).close();
      await rename(unfinished, place);
    }
    return await PGlite.create(place);
  } catch (error) {
    throw new Error(`The embedded database in ${place} cannot be opened.`, { cause: error });
  }
}

async function prepare(pglite: PGlite, hub: ChangeHub, after: () => void): Promise<Database> {
  try {
    await migrate(async (text) => (await pglite.exec(text)).at(-1)?.rows ?? []);
    // Nobody else can be in here, so whoever held something is dead: nobody need wait until that is certain.
    await pglite.exec(`delete from leases; delete from processes;
      update updates set holder = null where finished_at is null`);
    await pglite.listen("tapin_session", (sessionIds) => hub.wakeEach(sessionIds));
    await pglite.listen("tapin_bots", () => hub.wakeBots());
    await pglite.listen("tapin_project", (projectId) => hub.wakeProject(projectId));
  } catch (error) {
    await pglite.close();
    throw error;
  }
  const db = new Kysely<Tables>({ dialect: new PGliteDialect({ pglite }) });
  return {
    db,
    // Nobody else is in here, and what this process changes it is told with the answer.
    isFresh: () => true,
    othersBelieveMs: 0,
    async close() {
      await db.destroy();
      // Kysely closes only what it has used.
      if (!pglite.closed) await pglite.close();
      after();
    },
  };
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch {
    return false;
  }
}
