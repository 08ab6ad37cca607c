// A real PostgreSQL for tests: the one that TAPIN_TEST_DATABASE_URL names (postgres-setup.ts starts
// one for a whole vitest run and names it there), or else one of our own. Each test file makes its
// own databases.

import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { keepEvidence } from "./leaks.ts";

/** A running server. */
export interface TestPostgres {
  /** URL of its administrative database. */
  readonly url: string;
  readonly port: number;
  /** Makes an empty database and answers its URL. */
  createDatabase(): Promise<string>;
  /**
   * Drops the databases made here, searched for secrets; ends the server if it was started here.
   */
  stop(): Promise<void>;
}

/** A server that a test may stop. */
export interface OwnPostgres extends TestPostgres {
  /**
   * Stops it: in good order, or by `crash` without, so that it recovers from its log at the start.
   */
  halt(how: "stop" | "crash"): Promise<void>;
  /** Starts it again at the same port, with its data. */
  resume(): Promise<void>;
  /** Gives it a standby, which confirms every commit before the server does. Once. */
  startStandby(): Promise<Standby>;
}

/** A standby of another server. It ends with that. */
export interface Standby {
  readonly url: string;
  readonly port: number;
  /** Makes a primary of it, to be called when the other server is no more. */
  promote(): Promise<void>;
}

/** The server of the run when there is one, a new one otherwise (about one second). */
export async function startPostgres(): Promise<TestPostgres> {
  const shared = process.env.TAPIN_TEST_DATABASE_URL;
  if (shared !== undefined && shared !== "") return serverAt(shared, dropAll);
  return startOwnPostgres();
}

/**
 * A server of its own, for tests that have to stop it and for the bench. It ends with this process
 * at the latest. `durable` (default false): what is committed reaches the disk.
 */
export async function startOwnPostgres({ durable = false } = {}): Promise<OwnPostgres> {
  const script = fileURLToPath(new URL("./postgres-process.ts", import.meta.url));
  const args = durable ? [script, "--durable"] : [script];
  const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "pipe"] });
  const ended = once(child, "close");
  const log: string[] = [];
  child.stderr.on("data", (chunk) => log.push(String(chunk)));
  const lines = createInterface({ input: child.stdout });
  const nextLine = async () => {
    const line = await Promise.race([once(lines, "line"), ended.then(() => null)]);
    if (line === null) throw new Error(`PostgreSQL does not run:\n${log.join("")}`);
    return String(line[0]);
  };
  const tell = (word: string) => {
    const answer = nextLine();
    child.stdin.write(`${word}\n`);
    return answer;
  };
  let primary = await nextLine();
  const server = serverAt(primary, async (_, databases) => {
    for (const name of databases) await keepRows(urlOf(primary, name));
    child.stdin.end();
    await ended;
  });
  return {
    ...server,
    async halt(how) {
      await tell(how);
    },
    async resume() {
      await tell("start");
    },
    async startStandby() {
      const url = await tell("standby");
      return {
        url,
        port: portOf(url),
        async promote() {
          await queryOnce(url, "select pg_promote()");
          primary = url;
        },
      };
    },
  };
}

function portOf(url: string): number {
  return Number(new URL(url).port || 5432);
}

/** Runs one query on a connection of its own. */
export async function queryOnce(
  url: string,
  text: string,
  values: readonly unknown[] = [],
): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  // A test may end the server under a connection; what the query says is what counts.
  client.on("error", () => undefined);
  await client.connect();
  try {
    return (await client.query(text, [...values])).rows;
  } finally {
    await client.end();
  }
}

type End = (url: string, databases: readonly string[]) => Promise<void>;

async function dropAll(url: string, databases: readonly string[]): Promise<void> {
  for (const name of databases) {
    await keepRows(urlOf(url, name));
    await queryOnce(url, `drop database if exists ${name} with (force)`);
  }
}

function urlOf(server: string, database: string): string {
  return Object.assign(new URL(server), { pathname: `/${database}` }).href;
}

const OWN_TABLES = `select format('%I.%I', schemaname, tablename) as name from pg_tables
  where schemaname not in ('pg_catalog', 'information_schema')`;

/** Keeps every row of a database as text, to be searched for secrets. */
async function keepRows(url: string): Promise<void> {
  for (const { name } of await queryOnce(url, OWN_TABLES)) {
    const rows = await queryOnce(url, `select row::text as text from ${name} as row`);
    const text = rows.map((row) => row.text).join("\n");
    keepEvidence({ where: `table ${name} of a database`, text });
  }
}

function serverAt(url: string, end: End): TestPostgres {
  const made: string[] = [];
  return {
    url,
    port: portOf(url),
    async createDatabase() {
      const name = `tapin_test_${randomBytes(8).toString("hex")}`;
      await queryOnce(url, `create database ${name}`);
      made.push(name);
      return urlOf(url, name);
    },
    stop: () => end(url, made.splice(0)),
  };
}
