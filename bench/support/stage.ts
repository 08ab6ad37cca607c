// What scenarios run on: a PostgreSQL 18 that keeps what it commits (fsync on, all else as it
// comes), databases in it, and Tapin as its operators run it, with the limits on requests and
// watchers set so high that no load meets them.

import { randomBytes } from "node:crypto";
import { freePort } from "../../test/support/free-port.ts";
import { type OwnPostgres, queryOnce, startOwnPostgres } from "../../test/support/postgres.ts";
import { NODE, type ServerOptions, type ServerProcess, startServer } from "./server-process.ts";

/** The stage. */
export interface Stage {
  /** Makes an empty database and answers its URL. */
  createDatabase(): Promise<string>;
  /** Starts Tapin on this database. */
  startTapin(databaseUrl: string, options?: TapinOptions): Promise<ServerProcess>;
  /** Starts a server of bench/floors, which listens on the port that PORT names. */
  startFloor(script: string, env?: Readonly<Record<string, string>>): Promise<ServerProcess>;
  /**
   * Ends the servers that still run and drops the databases: the next scenario finds it as the
   * first one did.
   */
  clear(): Promise<void>;
  /** Clears it and ends PostgreSQL. */
  stop(): Promise<void>;
}

/** How Tapin is to run. */
export interface TapinOptions extends Pick<Partial<ServerOptions>, "place"> {
  readonly env?: Readonly<Record<string, string>>;
}

/** The server secret of every Tapin here. */
export const BENCH_SECRET = "a-secret-for-the-bench-that-is-long-enough";

const ADMIN_TOKEN = "tapin_admin_for_the_bench_only";

/** More than any load here comes to; the limits themselves stay on, as in production. */
const NO_HINDRANCE = "1000000000";

const SETTINGS = {
  TAPIN_SECRET: BENCH_SECRET,
  TAPIN_ADMIN_TOKEN: ADMIN_TOKEN,
  TAPIN_SANDBOX: "off",
  TAPIN_RATE_LIMIT: NO_HINDRANCE,
  TAPIN_WATCHERS: NO_HINDRANCE,
};

/** Sets it: PostgreSQL takes about three seconds. */
export async function setStage(): Promise<Stage> {
  const postgres: OwnPostgres = await startOwnPostgres({ durable: true });
  const running = new Set<ServerProcess>();
  const databases: string[] = [];
  const clear = async () => {
    for (const server of running) await server.stop();
    running.clear();
    for (const name of databases.splice(0)) {
      await queryOnce(postgres.url, `drop database ${name} with (force)`);
    }
    await queryOnce(postgres.url, "checkpoint");
  };
  const start = async (options: ServerOptions) => {
    const server = await startServer(options);
    running.add(server);
    return {
      ...server,
      async stop() {
        if (running.delete(server)) await server.stop();
      },
    };
  };
  return {
    async createDatabase() {
      // Not by the server's own method: rows of its databases are searched for secrets at the end,
      // and here are millions.
      const name = `tapin_bench_${randomBytes(6).toString("hex")}`;
      await queryOnce(postgres.url, `create database ${name}`);
      databases.push(name);
      return Object.assign(new URL(postgres.url), { pathname: `/${name}` }).href;
    },
    async startTapin(databaseUrl, { env = {}, ...options } = {}) {
      const port = env.TAPIN_PORT ?? (await freePort());
      const settings = { ...SETTINGS, TAPIN_PORT: port, TAPIN_DATABASE_URL: databaseUrl, ...env };
      const url = `http://127.0.0.1:${port}`;
      const command = [NODE, "src/main.ts"];
      return start({ command, env: settings, url, readyPath: "/readyz", ...options });
    },
    async startFloor(script, env = {}) {
      const PORT = await freePort();
      const command = [NODE, `bench/floors/${script}`];
      const url = `http://127.0.0.1:${PORT}`;
      return start({ command, env: { PORT, ...env }, url, readyPath: null });
    },
    clear,
    async stop() {
      await clear();
      await postgres.stop();
    },
  };
}

/** A project of the Tapin at this URL. */
export interface BenchProject {
  readonly id: string;
  readonly apiKey: string;
}

/** Makes a project with an API key, as an operator does. */
export async function makeProject(url: string, databaseUrl: string): Promise<BenchProject> {
  const slug = `shop-${randomBytes(4).toString("hex")}`;
  const callback_url = "https://shop.example/login";
  await admin(url, "projects", { slug, name: "Shop", callback_url });
  const { api_key } = await admin(url, `projects/${slug}/keys`, { name: "bench" });
  const [row] = await queryOnce(databaseUrl, "select id from projects where slug = $1", [slug]);
  return { id: String(row?.id), apiKey: String(api_key) };
}

async function admin(url: string, path: string, body: object): Promise<Record<string, unknown>> {
  const answer = await fetch(`${url}/v1/admin/${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${ADMIN_TOKEN}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`admin: ${await answer.text()}`);
  return (await answer.json()) as Record<string, unknown>;
}
