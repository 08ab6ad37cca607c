// What a caller is told when the database is not there: at the start a sentence, later UNAVAILABLE.

import { inspect } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createLog } from "../../src/log.ts";
import { codeOf, isUnavailable, storeError } from "../../src/store/database-error.ts";
import { openStore } from "../../src/store/open.ts";
import { DATABASES } from "../support/databases.ts";
import {
  queryOnce,
  startOwnPostgres,
  startPostgres,
  type TestPostgres,
} from "../support/postgres.ts";
import { addProject, addSession } from "./seed.ts";

const open = (databaseUrl: string, poolSize?: number) =>
  openStore({ databaseUrl, dataDir: "memory", ...(poolSize === undefined ? {} : { poolSize }) });

describe("storeError", () => {
  test.each([
    ["a refused connection", Object.assign(new Error("x"), { code: "ECONNREFUSED" })],
    [
      "all addresses refused",
      new AggregateError([Object.assign(new Error(), { code: "ECONNREFUSED" })]),
    ],
    ["a terminated connection", Object.assign(new Error("x"), { code: "57P01" })],
    ["too many connections", Object.assign(new Error("x"), { code: "53300" })],
    ["a lost connection", Object.assign(new Error("x"), { code: "08006" })],
    ["pg's own words", new Error("Connection terminated unexpectedly")],
    ["the pool's own words", new Error("timeout exceeded when trying to connect")],
    ["a closed PGlite", new Error("PGlite is closed")],
  ])("%s is UNAVAILABLE", (_name, error) => {
    expect(storeError(error)).toMatchObject({ reason: "UNAVAILABLE", cause: error });
  });

  test.each([
    ["a unique violation", Object.assign(new Error("x"), { code: "23505" })],
    ["a syntax error", Object.assign(new Error("x"), { code: "42601" })],
    ["a plain error", new Error("x")],
    ["no error", "x"],
  ])("%s passes", (_name, error) => {
    expect(isUnavailable(error)).toBe(false);
    expect(storeError(error)).toBe(error);
  });
});

describe("values of parameters and rows", () => {
  test("an error keeps type, message, code and stack, and so do its causes", () => {
    const values = { query: "hush", params: ["hush"], parameters: ["hush"], detail: "hush" };
    const more = { where: "hush", internalQuery: "hush", node: { value: "hush" } };
    const inner = Object.assign(new TypeError("inner"), values, { code: "22021" });
    const several = Object.assign(new AggregateError([inner], "several"), values);
    const error = Object.assign(new Error("outer", { cause: several }), more, { code: "57014" });
    // What goes round in circles must not be followed for ever.
    inner.cause = error;
    const stack = error.stack;
    expect(storeError(error)).toMatchObject({ reason: "UNAVAILABLE", cause: error });
    expect(inspect(error, { depth: 9 })).not.toContain("hush");
    expect(error).toMatchObject({ message: "outer", code: "57014", stack });
    expect(inner).toBeInstanceOf(TypeError);
    expect(inner).toMatchObject({ message: "inner", code: "22021" });
  });

  test.each(DATABASES)("$name: the log of a failed query does not show them", async ({ start }) => {
    const database = await start();
    const lines: string[] = [];
    const log = createLog({ level: "info", secrets: [], write: (line) => lines.push(line) });
    const failed = database.store.projects.findBySlug("hush\u0000hush");
    const err = await failed.catch((caught: unknown) => caught);
    log.error({ err }, "call failed");
    await database.stop();
    expect(codeOf(err)).toBe("22021");
    expect(lines.join("")).toContain("22021");
    expect(lines.join("")).not.toContain("hush");
  });
});

describe("openStore", () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.stop());

  test.each(["", "mysql://user:hush@host/db", "postgres://user:hush@ho st:x/db", "nonsense"])(
    "refuses %j as a URL, without showing it",
    async (url) => {
      const error = await open(url).catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(Error);
      expect(String(error)).toMatch(/is not a PostgreSQL URL such as/);
      expect(String(error)).not.toContain("hush");
      expect(error).not.toHaveProperty("cause");
    },
  );

  test("says in a sentence that nothing listens, the password is wrong, the database is missing", async () => {
    const good = new URL(server.url);
    const cases: readonly [Partial<URL>, RegExp][] = [
      [
        { port: "1", hostname: "127.0.0.1" },
        /127\.0\.0\.1:1\/\S+ cannot be opened: nothing listens there/,
      ],
      [{ password: "hush" }, /the user name or password was refused/],
      [{ pathname: "/missing" }, /there is no such database/],
    ];
    for (const [change, sentence] of cases) {
      const error = await open(Object.assign(new URL(good), change).href).catch(String);
      expect(error).toMatch(sentence);
      expect(error).not.toContain("hush");
    }
  });
});

describe("a store whose connections are lost", () => {
  test("is UNAVAILABLE while the server is gone, tells a ping so, and closes", async () => {
    const server = await startOwnPostgres();
    const reported: string[] = [];
    const opened = await openStore({
      databaseUrl: await server.createDatabase(),
      dataDir: "memory",
      onError: (what) => reported.push(what),
    });
    const project = await addProject(opened.store);
    const unavailable = { reason: "UNAVAILABLE" };
    const cut = opened.store.transaction(async (inside) => {
      await addSession(inside, project);
      await queryOnce(
        server.url,
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'tapin'",
      );
      await addSession(inside, project);
    });
    await expect(cut).rejects.toMatchObject(unavailable);
    await expect(opened.store.projects.find(project.id)).resolves.toEqual(project);
    await opened.store.ping(5000);
    await server.stop();
    await expect(opened.store.projects.find(project.id)).rejects.toMatchObject(unavailable);
    await expect(opened.store.transaction((s) => addSession(s, project))).rejects.toMatchObject(
      unavailable,
    );
    await expect(opened.store.ping(5000)).rejects.toMatchObject(unavailable);
    expect(reported.length).toBeGreaterThan(0);
    await opened.close();
    await expect(opened.store.projects.find(project.id)).rejects.toMatchObject(unavailable);
  });

  test("ping is UNAVAILABLE when the database is too slow", async () => {
    const server = await startPostgres();
    const opened = await open(await server.createDatabase(), 1);
    const project = await addProject(opened.store);
    await opened.store.transaction(async () => {
      await expect(opened.store.ping(50)).rejects.toMatchObject({ reason: "UNAVAILABLE" });
    });
    await expect(opened.store.projects.find(project.id)).resolves.toEqual(project);
    await opened.close();
    await server.stop();
  });

  test("a closed embedded store is UNAVAILABLE", async () => {
    const opened = await openStore({ databaseUrl: null, dataDir: "memory" });
    await opened.store.ping(5000);
    await opened.close();
    await expect(opened.store.ping(5000)).rejects.toMatchObject({ reason: "UNAVAILABLE" });
    await expect(opened.store.projects.findBySlug("a")).rejects.toMatchObject({
      reason: "UNAVAILABLE",
    });
  });
});
