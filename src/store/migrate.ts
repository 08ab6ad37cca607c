// Brings the schema up to date. Kysely's own Migrator is not used: it cannot run several statements
// of one step on PGlite, and it takes its lock only after making its tables.

import { MIGRATIONS } from "./migrations.ts";

/** One connection that runs SQL text of several statements and answers the rows of the last one. */
export type Execute = (text: string) => Promise<readonly unknown[]>;

// Any constant will do, as long as every version of Tapin uses the same.
const MIGRATION_LOCK = 7_413_001;

/**
 * Applies the missing steps in order, all or none. Processes that start at once wait for each
 * other. Throws when the database has a step this version does not know, since it is then a newer
 * version's.
 */
export async function migrate(
  execute: Execute,
  migrations: Readonly<Record<string, string>> = MIGRATIONS,
): Promise<void> {
  await execute("begin");
  try {
    await execute(`select pg_advisory_xact_lock(${MIGRATION_LOCK})`);
    await applyMissing(execute, migrations);
    await execute("commit");
  } catch (error) {
    // A connection that is gone has rolled back already; the first error is the one to report.
    await execute("rollback").catch(() => undefined);
    throw error;
  }
}

async function applyMissing(
  execute: Execute,
  migrations: Readonly<Record<string, string>>,
): Promise<void> {
  await execute(`
    create table if not exists migrations (
      name text primary key,
      applied_at timestamptz not null default statement_timestamp()
    );
    comment on table migrations is 'Steps of the schema that have been applied';
    comment on index migrations_pkey is 'For a step that is applied already';
    comment on column migrations.name is 'Name of the step';
    comment on column migrations.applied_at is 'When it was applied'`);
  const rows = await execute("select name from migrations");
  const applied = new Set((rows as readonly { name: string }[]).map((row) => row.name));
  const unknown = [...applied].filter((name) => !Object.hasOwn(migrations, name));
  if (unknown.length > 0) {
    throw new Error(
      `The database was made by a newer Tapin: it has ${unknown.join(", ")}. Start that version.`,
    );
  }
  for (const [name, text] of Object.entries(migrations)) {
    if (applied.has(name)) continue;
    await execute(text);
    await execute(`insert into migrations (name) values ('${name.replaceAll("'", "''")}')`);
  }
}
