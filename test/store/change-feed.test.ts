// The change feed: the hub alone, on both databases, and between two processes' worth of stores on
// one PostgreSQL.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Store } from "../../src/core/ports.ts";
import { ChangeHub } from "../../src/store/change-feed.ts";
import { LISTENER_NAME } from "../../src/store/listener.ts";
import { type OpenedStore, openStore } from "../../src/store/open.ts";
import { TICK_MS } from "../../src/store/timer-wheel.ts";
import { DATABASES, type RunningDatabase } from "../support/databases.ts";
import { follow } from "../support/follow.ts";
import { queryOnce, startPostgres, type TestPostgres } from "../support/postgres.ts";
import { startChild } from "./child.ts";
import { addLogin, addProject, addSession, person } from "./seed.ts";

describe("ChangeHub", () => {
  test("next resolves at a change, and a change between two waits is not lost", async () => {
    const hub = new ChangeHub();
    const follower = follow(hub, "a");
    const waiting = follower.next(60_000);
    hub.wake("b");
    hub.wake("a");
    expect(await waiting).toBe("changed");
    hub.wake("a");
    hub.wake("a");
    expect(await follower.next(60_000)).toBe("changed");
    expect(await follower.next(0)).toBe("timeout");
    follower.close();
  });

  test("next wakes every follower of the session", async () => {
    const hub = new ChangeHub();
    const followers = [follow(hub, "a"), follow(hub, "a"), follow(hub, "b")];
    const waits = followers.map((follower) => follower.next(60_000));
    hub.wakeAll();
    expect(await Promise.all(waits)).toEqual(["changed", "changed", "changed"]);
    expect(hub.size).toBe(3);
    for (const follower of followers) follower.close();
    expect(hub.size).toBe(0);
  });

  test("close: nothing is told any more, neither by a change nor by the time", async () => {
    const hub = new ChangeHub();
    const heard: string[] = [];
    const ear = (name: string) => ({ hear: () => heard.push(name) });
    const first = hub.follow("a", ear("first"));
    first.wakeIn(0);
    first.close();
    first.close();
    first.wakeIn(0);
    const second = hub.follow("a", ear("second"));
    hub.wake("a");
    expect(heard.splice(0)).toEqual(["second"]);
    second.wakeIn(0);
    hub.follow("b", ear("third"));
    expect(hub.size).toBe(2);
    hub.close();
    expect(hub.size).toBe(0);
    hub.wakeAll();
    await new Promise((resolve) => setTimeout(resolve, 2 * TICK_MS));
    expect(heard).toEqual([]);
  });

  test("a follower that is told may close itself and others, and follow anew", () => {
    const hub = new ChangeHub();
    const heard: string[] = [];
    const second = hub.follow("a", { hear: () => heard.push("second") });
    const first = hub.follow("a", {
      hear() {
        heard.push("first");
        first.close();
        second.close();
        hub.follow("a", { hear: () => heard.push("third") });
      },
    });
    hub.wake("a");
    expect(heard.splice(0)).toEqual(["second", "first"]);
    hub.wake("a");
    expect(heard).toEqual(["third"]);
  });

  test("onBotsChanged calls every listener until it ends, also when anything may have been missed", () => {
    const hub = new ChangeHub();
    const heard: string[] = [];
    const listener = () => heard.push("a");
    const ends = [hub.onBotsChanged(listener), hub.onBotsChanged(listener)];
    hub.onBotsChanged(() => heard.push("b"));
    hub.wakeBots();
    expect(heard.splice(0)).toEqual(["a", "a", "b"]);
    hub.wake("a");
    expect(heard).toEqual([]);
    ends[0]?.();
    ends[0]?.();
    hub.wakeAll();
    expect(heard.splice(0)).toEqual(["a", "b"]);
    hub.close();
    hub.wakeBots();
    expect(heard).toEqual([]);
  });
});

describe.each(DATABASES)("change feed on $name", (kind) => {
  let database: RunningDatabase;
  let store: Store;

  beforeAll(async () => {
    database = await kind.start();
    store = database.store;
  });
  afterAll(() => database?.stop());

  test("every change of a session wakes its follower, and nothing else does", async () => {
    const project = await addProject(store);
    const owner = person();
    const { id } = await addSession(store, project);
    const follower = follow(database.changes, id);
    const changed = async (change: () => Promise<unknown>) => {
      await change();
      return follower.next(5000);
    };
    expect(await changed(() => store.sessions.open(id, owner))).toBe("changed");
    expect(await changed(() => store.sessions.approve(project.id, id, owner))).toBe("changed");
    await store.sessions.open(id, owner);
    await store.sessions.cancel(project.id, id);
    await addLogin(store, { project });
    expect(await follower.next(50)).toBe("timeout");
    follower.close();
    expect(database.changes.size).toBe(0);
  });

  test("cancel, expire and verify wake too", async () => {
    const project = await addProject(store);
    const cancelled = await addSession(store, project);
    const expired = await addSession(store, project, { ttlSeconds: 0 });
    const { session, grant } = await addLogin(store, { project });
    const followers = [cancelled, expired, session].map(({ id }) => follow(database.changes, id));
    await Promise.all(followers.map((follower) => follower.next(100)));
    await store.sessions.cancel(project.id, cancelled.id);
    await store.sessions.expire(100);
    await store.grants.verify(project.id, grant.codeHash, null);
    const woken = await Promise.all(followers.map((follower) => follower.next(5000)));
    expect(woken).toEqual(["changed", "changed", "changed"]);
    for (const follower of followers) follower.close();
  });

  test("a change wakes once its transaction is over, and not when it was undone", async () => {
    const project = await addProject(store);
    const { id } = await addSession(store, project);
    const follower = follow(database.changes, id);
    const failed = store.transaction(async (inside) => {
      await inside.sessions.open(id, person());
      throw new Error("no");
    });
    await expect(failed).rejects.toThrow("no");
    expect(await follower.next(50)).toBe("timeout");
    await store.transaction((inside) => inside.sessions.open(id, person()));
    expect(await follower.next(5000)).toBe("changed");
    follower.close();
  });
});

describe("change feed across processes", () => {
  let server: TestPostgres;
  let url: string;
  let here: OpenedStore;
  let there: OpenedStore;
  const reported: string[] = [];

  beforeAll(async () => {
    server = await startPostgres();
    url = await server.createDatabase();
    [here, there] = await Promise.all([
      openStore({ databaseUrl: url, dataDir: "memory", onError: (what) => reported.push(what) }),
      openStore({ databaseUrl: url, dataDir: "memory" }),
    ]);
  });
  afterAll(async () => {
    await here?.close();
    await there?.close();
    await server?.stop();
  });

  test("a change through one store wakes the follower of the other, and both read the same", async () => {
    const project = await addProject(there.store);
    const owner = person();
    const { id } = await addSession(there.store, project);
    const follower = follow(here.changes, id);
    await there.store.sessions.open(id, owner);
    expect(await follower.next(5000)).toBe("changed");
    await there.store.sessions.approve(project.id, id, owner);
    expect(await follower.next(5000)).toBe("changed");
    expect((await here.store.sessions.find(project.id, id))?.status).toBe("completed");
    follower.close();
  });

  test("a listening connection that is killed comes back, wakes everyone and hears again", async () => {
    const project = await addProject(there.store);
    const { id } = await addSession(there.store, project);
    const followers = [follow(here.changes, id), follow(here.changes, "another")];
    const killed = await queryOnce(
      url,
      `select pg_terminate_backend(pid) as done from pg_stat_activity
       where application_name = $1 and datname = current_database()`,
      [LISTENER_NAME],
    );
    expect(killed).toEqual([{ done: true }, { done: true }]);
    const woken = await Promise.all(followers.map((follower) => follower.next(10_000)));
    expect(woken).toEqual(["changed", "changed"]);
    expect(reported).toContain("The connection that hears of changes was lost.");
    await there.store.sessions.open(id, person());
    expect(await followers[0]?.next(5000)).toBe("changed");
    for (const follower of followers) follower.close();
  });

  test.each(["node", "deno"] as const)("a process of %s writes and hears", async (runtime) => {
    const child = await startChild(runtime, await server.createDatabase());
    expect(child.said).toEqual({ made: true, woken: "changed", status: "opened", sequence: 2 });
    expect(await child.end()).toBe(0);
  });
});
