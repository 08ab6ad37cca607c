// Starts that cannot succeed end at once, with code 1 and with sentences a person can act on; never
// with a stack trace.

import { existsSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { type FailedStart, failToStart } from "../support/failed-start.ts";
import { queryOnce, startPostgres, type TestPostgres } from "../support/postgres.ts";
import { makeDataDir, RUNTIMES, startTapin, TEST_SECRET } from "../support/tapin.ts";

const MEMORY = { TAPIN_PORT: "0", TAPIN_DATA_DIR: "memory" };

/** One sentence after "Tapin cannot start: ", and nothing else. */
function sentenceOf({ code, complaint }: FailedStart): string {
  expect(code).toBe(1);
  const [, sentence = ""] = /^Tapin cannot start: ([^\n]+)\n$/.exec(complaint) ?? [];
  expect(sentence, complaint).toMatch(/^[A-Z].*\.$/);
  return sentence;
}

describe.each(RUNTIMES)("a start on %s that cannot succeed", { timeout: 60_000 }, (runtime) => {
  let postgres: TestPostgres;
  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(() => postgres?.stop());

  test("tells all problems of the settings at once, and the nearest name of an unknown one", async () => {
    const start = await failToStart(runtime, {
      TAPIN_PORT: "99999",
      TAPIN_DATABASE_URL: "mysql://localhost/tapin",
      TAPIN_SECRET: "short",
      TAPIN_ADMIN_TOKEN: "short",
      TAPIN_SESSION_TTL: "5",
      TAPIN_SANDBOX: "maybe",
      TAPIN_TELEGRAM_TOKN: "1:a",
      TAPIN_SECRETS: "x",
    });
    expect(start.code).toBe(1);
    expect(start.log).toBe("");
    const [title, ...problems] = start.complaint.trimEnd().split("\n");
    expect(title).toBe("Tapin cannot start:");
    const expected = [
      /^TAPIN_TELEGRAM_TOKN is no setting; the nearest one is TAPIN_TELEGRAM_TOKEN\.$/,
      /^TAPIN_SECRETS is no setting; the nearest one is TAPIN_SECRET\.$/,
      /^TAPIN_PORT must be a whole number from 0 to 65535, not 99999\.$/,
      /^TAPIN_DATABASE_URL must be a URL that starts with postgres:\/\/ or postgresql:\/\/\.$/,
      /^TAPIN_SECRET must be at least 32 bytes/,
      /^TAPIN_ADMIN_TOKEN must be at least 16 characters/,
      /^TAPIN_SESSION_TTL must be a whole number from 60 to 1800, not 5\.$/,
      /^TAPIN_SANDBOX must be one of auto, on, off, not maybe\.$/,
    ];
    expect(problems).toHaveLength(expected.length);
    for (const pattern of expected) {
      expect(
        problems.filter((problem) => pattern.test(problem.replace(/^ {2}- /, ""))),
      ).toHaveLength(1);
    }
  });

  test("tells that a secret is needed with PostgreSQL", async () => {
    const start = await failToStart(runtime, { TAPIN_DATABASE_URL: postgres.url });
    expect(start.code).toBe(1);
    expect(start.complaint).toMatch(/TAPIN_SECRET is required with TAPIN_DATABASE_URL; .+\./);
  });

  test("tells that the port is taken", async () => {
    const other = await listenSomewhere();
    const { port } = other.address() as { port: number };
    const start = await failToStart(runtime, { ...MEMORY, TAPIN_PORT: String(port) });
    expect(sentenceOf(start)).toBe(
      `Tapin cannot listen on 127.0.0.1:${port}: the port is in use; stop what uses it, or choose another one (TAPIN_PORT).`,
    );
    other.close();
  });

  test("looks for the port before it makes a data directory", async () => {
    const other = await listenSomewhere();
    const { port } = other.address() as { port: number };
    const dataDir = await makeDataDir();
    onTestFinished(() => dataDir.remove());
    const path = `${dataDir.path}/new`;
    const start = await failToStart(runtime, { TAPIN_DATA_DIR: path, TAPIN_PORT: String(port) });
    expect(sentenceOf(start)).toContain("the port is in use");
    expect(existsSync(path)).toBe(false);
    other.close();
  });

  test("looks for the port before it touches a PostgreSQL", async () => {
    const other = await listenSomewhere();
    const { port } = other.address() as { port: number };
    const start = await failToStart(runtime, {
      // Nobody listens there, which would be the complaint otherwise.
      TAPIN_DATABASE_URL: "postgres://tapin@127.0.0.1:1/tapin",
      TAPIN_SECRET: TEST_SECRET,
      TAPIN_PORT: String(port),
    });
    expect(sentenceOf(start)).toContain("the port is in use");
    other.close();
  });

  test("tells that the machine does not have the address", async () => {
    // 192.0.2.0/24 is for documentation (RFC 5737): no machine has it.
    const start = await failToStart(runtime, { ...MEMORY, TAPIN_HOST: "192.0.2.1" });
    expect(sentenceOf(start)).toBe(
      "Tapin cannot listen on 192.0.2.1:0: this machine does not have the address; check TAPIN_HOST.",
    );
  });

  test("tells which database cannot be reached, without its password", async () => {
    const unused = await listenSomewhere();
    const { port } = unused.address() as { port: number };
    await new Promise((resolve) => unused.close(resolve));
    const TAPIN_DATABASE_URL = `postgres://tapin:hush-hush@127.0.0.1:${port}/shop`;
    const start = await failToStart(runtime, {
      ...MEMORY,
      TAPIN_DATABASE_URL,
      TAPIN_SECRET: TEST_SECRET,
    });
    expect(sentenceOf(start)).toBe(
      `The PostgreSQL database 127.0.0.1:${port}/shop cannot be opened: nothing listens there. Check TAPIN_DATABASE_URL.`,
    );
    expect(start.complaint + start.log).not.toContain("hush-hush");
  });

  test("tells that the database does not exist", async () => {
    const TAPIN_DATABASE_URL = Object.assign(new URL(postgres.url), { pathname: "/nowhere" }).href;
    const env = { ...MEMORY, TAPIN_DATABASE_URL, TAPIN_SECRET: TEST_SECRET };
    const start = await failToStart(runtime, env);
    expect(sentenceOf(start)).toMatch(/\/nowhere cannot be opened: there is no such database\. /);
  });

  test("tells that the database is a newer Tapin's", async () => {
    const TAPIN_DATABASE_URL = await postgres.createDatabase();
    const env = { TAPIN_DATABASE_URL, TAPIN_SANDBOX: "on" };
    expect(await (await startTapin({ env })).end()).toBe(0);
    const unknown = "insert into migrations (name) values ('9999-from-the-future')";
    await queryOnce(TAPIN_DATABASE_URL, unknown);
    const start = await failToStart(runtime, { ...MEMORY, ...env, TAPIN_SECRET: TEST_SECRET });
    expect(sentenceOf(start)).toBe(
      "The database was made by a newer Tapin: it has 9999-from-the-future. Start that version.",
    );
  });

  test("refuses a data directory that another process uses, which goes on working", async () => {
    const directory = await makeDataDir();
    onTestFinished(() => directory.remove());
    const TAPIN_DATA_DIR = directory.path;
    const first = await startTapin({ runtime, env: { TAPIN_DATA_DIR } });
    onTestFinished(async () => void (await first.end("SIGKILL")));
    const start = await failToStart(runtime, { TAPIN_PORT: "0", TAPIN_DATA_DIR });
    expect(sentenceOf(start)).toMatch(
      /^The data directory .+ is in use by another Tapin process\. /,
    );
    expect(sentenceOf(start)).toContain(TAPIN_DATA_DIR);
    expect((await fetch(`${first.url}/readyz`)).status).toBe(200);
    expect(await first.end()).toBe(0);
    // Free again, with the same keys.
    const second = await startTapin({ runtime, env: { TAPIN_DATA_DIR } });
    expect(second.apiKey).toBe(first.apiKey);
    expect(second.adminToken).toBe(first.adminToken);
    expect(await second.end()).toBe(0);
  });
});

async function listenSomewhere(): Promise<Server> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}
