// onBotsChanged on both databases and between two stores on one PostgreSQL: every change of a
// project's bot is heard by every process, and a lost connection is no reason to miss one.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ChangeFeed, Store } from "../../src/core/ports.ts";
import { LISTENER_NAME } from "../../src/store/listener.ts";
import { type OpenedStore, openStore } from "../../src/store/open.ts";
import { DATABASES, type RunningDatabase } from "../support/databases.ts";
import { follow } from "../support/follow.ts";
import { queryOnce, startPostgres, type TestPostgres } from "../support/postgres.ts";
import { addProject, addSession, botDraft, person } from "./seed.ts";

/** Counts the calls of onBotsChanged, and waits for the next one. */
class BotEar {
  calls = 0;
  readonly end: () => void;
  #heard = Promise.withResolvers<void>();

  constructor(changes: ChangeFeed) {
    this.end = changes.onBotsChanged(() => {
      this.calls += 1;
      this.#heard.resolve();
    });
  }

  /** Resolves at the first call since the last `next` was over. */
  async next(): Promise<void> {
    await this.#heard.promise;
    this.#heard = Promise.withResolvers();
  }
}

describe.each(DATABASES)("onBotsChanged on $name", (kind) => {
  let database: RunningDatabase;
  let store: Store;

  beforeAll(async () => {
    database = await kind.start();
    store = database.store;
  });
  afterAll(() => database?.stop());

  test("is called after a bot is made, replaced, removed or gone with its project", async () => {
    const project = await addProject(store);
    const ear = new BotEar(database.changes);
    const changes: (() => Promise<unknown>)[] = [
      () => store.bots.set(project.id, botDraft()),
      () => store.bots.set(project.id, botDraft()),
      () => store.bots.remove(project.id, "telegram"),
      () => store.bots.set(project.id, botDraft()),
      () => database.query(`delete from projects where id = '${project.id}'`),
    ];
    for (const change of changes) {
      await change();
      await ear.next();
    }
    expect(ear.calls).toBe(5);
    ear.end();
  });

  test("is not called for what changed nothing, was refused or was undone", async () => {
    const [project, owner] = [await addProject(store), await addProject(store)];
    const owned = botDraft();
    const ear = new BotEar(database.changes);
    await store.bots.set(owner.id, owned);
    await ear.next();
    await store.bots.remove(project.id, "telegram");
    await store.bots.set(project.id, owned);
    const failed = store.transaction(async (inside) => {
      await inside.bots.set(project.id, botDraft());
      throw new Error("no");
    });
    await expect(failed).rejects.toThrow("no");
    await store.projects.update(project.id, { name: "Renamed" });
    await store.bots.remove(owner.id, "telegram");
    await ear.next();
    expect(ear.calls).toBe(2);
    ear.end();
    await store.bots.set(owner.id, owned);
    const { id } = await addSession(store, project);
    const follower = follow(database.changes, id);
    await store.sessions.open(id, person());
    expect(await follower.next(5000)).toBe("changed");
    follower.close();
    expect(ear.calls).toBe(2);
  });
});

describe("onBotsChanged across processes", () => {
  let server: TestPostgres;
  let url: string;
  let here: OpenedStore;
  let there: OpenedStore;

  beforeAll(async () => {
    server = await startPostgres();
    url = await server.createDatabase();
    [here, there] = await Promise.all([
      openStore({ databaseUrl: url, dataDir: "memory" }),
      openStore({ databaseUrl: url, dataDir: "memory" }),
    ]);
  });
  afterAll(async () => {
    await here?.close();
    await there?.close();
    await server?.stop();
  });

  test("a bot set through one store is heard by the listeners of both, who read the same", async () => {
    const project = await addProject(there.store);
    const ears = [new BotEar(here.changes), new BotEar(there.changes)];
    const bot = await there.store.bots.set(project.id, botDraft());
    await Promise.all(ears.map((ear) => ear.next()));
    expect(await here.store.bots.find(project.id, "telegram")).toEqual(bot);
    await here.store.bots.remove(project.id, "telegram");
    await Promise.all(ears.map((ear) => ear.next()));
    expect(await there.store.bots.find(project.id, "telegram")).toBeNull();
    expect(ears.map((ear) => ear.calls)).toEqual([2, 2]);
    for (const ear of ears) ear.end();
  });

  test("is called when a killed connection is back, and hears again", async () => {
    const project = await addProject(there.store);
    const ears = [new BotEar(here.changes), new BotEar(there.changes)];
    const killed = await queryOnce(
      url,
      `select pg_terminate_backend(pid) as done from pg_stat_activity
       where application_name = $1 and datname = current_database()`,
      [LISTENER_NAME],
    );
    expect(killed).toEqual([{ done: true }, { done: true }]);
    await Promise.all(ears.map((ear) => ear.next()));
    await there.store.bots.set(project.id, botDraft());
    await Promise.all(ears.map((ear) => ear.next()));
    expect(ears.map((ear) => ear.calls)).toEqual([2, 2]);
    for (const ear of ears) ear.end();
  });
});
