// What the store answers from memory: on both databases what it may never say, and on PostgreSQL,
// between two processes' worth of stores, how long it may be wrong, also when the connection that
// tells of changes falls silent.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Store } from "../../src/core/ports.ts";
import type { Project } from "../../src/core/project.ts";
import { LISTENER_NAME } from "../../src/store/listener.ts";
import { type OpenedStore, openStore } from "../../src/store/open.ts";
import { BELIEF_MS } from "../../src/store/recent-rows.ts";
import { awaitCondition } from "../support/await-condition.ts";
import { type DatabaseProxy, startDatabaseProxy } from "../support/database-proxy.ts";
import { DATABASES, type RunningDatabase } from "../support/databases.ts";
import { follow } from "../support/follow.ts";
import { startPostgres, type TestPostgres } from "../support/postgres.ts";
import { addKey, addLogin, addProject, addSession, person } from "./seed.ts";

/** Resolves once the store knows the pending session without asking. */
async function becomeKnown(store: Store, projectId: string, sessionId: string): Promise<void> {
  await awaitCondition("the session is known", async () => {
    await store.sessions.find(projectId, sessionId);
    return (await store.sessions.findPending(sessionId)) !== null;
  });
}

describe.each(DATABASES)("memory of the store on $name", (kind) => {
  let database: RunningDatabase;
  let store: Store;
  let project: Project;

  beforeAll(async () => {
    database = await kind.start();
    store = database.store;
    project = await addProject(store);
  });
  afterAll(() => database?.stop());

  const addKnown = async () => {
    const { id } = await addSession(store, project);
    await becomeKnown(store, project.id, id);
    return id;
  };

  test("sessions.findPending knows what was read, and nothing of what was not", async () => {
    const { id } = await addSession(store, project);
    expect(await store.sessions.findPending(id)).toBeNull();
    await becomeKnown(store, project.id, id);
    const known = { projectId: project.id, opened: false, sequence: 1 };
    expect(await store.sessions.findPending(id)).toMatchObject(known);
    expect(await store.sessions.find((await addProject(store)).id, id)).toBeNull();
    await store.sessions.findAny("noSuchSession123");
    expect(await store.sessions.findPending("noSuchSession123")).toBeNull();
  });

  test("sessions.findPending is null as soon as this process has ended the session", async () => {
    const who = person();
    const cancelled = await addKnown();
    await store.sessions.cancel(project.id, cancelled);
    expect(await store.sessions.findPending(cancelled)).toBeNull();

    const completed = await addKnown();
    await store.sessions.open(completed, who);
    await becomeKnown(store, project.id, completed);
    await store.transaction((inside) => inside.sessions.approve(project.id, completed, who));
    expect(await store.sessions.findPending(completed)).toBeNull();

    const deleted = await addKnown();
    await store.sessions.open(deleted, who);
    await becomeKnown(store, project.id, deleted);
    const { id } = await store.subscribers.upsert(project.id, who, true);
    await store.subscribers.delete(project.id, id);
    expect(await store.sessions.findPending(deleted)).toBeNull();
  });

  test("sessions.findPending stays null after an end was read or verified", async () => {
    const { session, grant } = await addLogin(store, { project });
    await store.sessions.findAny(session.id);
    expect(await store.sessions.findPending(session.id)).toBeNull();
    await store.grants.verify(project.id, grant.codeHash, null);
    expect(await store.sessions.findPending(session.id)).toBeNull();
  });

  test("sessions.findPending leaves the last second of a session to the database", async () => {
    const { id } = await addSession(store, project, { ttlSeconds: 1 });
    await addKnown();
    expect((await store.sessions.findAny(id))?.status).toBe("pending");
    expect(await store.sessions.findPending(id)).toBeNull();
  });

  test("sessions.findPending never knows what a transaction may still undo", async () => {
    let id = "";
    const undone = store.transaction(async (inside) => {
      id = (await addSession(inside, project)).id;
      expect(await inside.sessions.findAny(id)).not.toBeNull();
      expect(await inside.sessions.findPending(id)).toBeNull();
      throw new Error("no");
    });
    await expect(undone).rejects.toThrow("no");
    await addKnown();
    expect(await store.sessions.findPending(id)).toBeNull();
  });

  test("projects and keys are read anew once this process has changed them", async () => {
    const shop = await addProject(store, { originUrl: "https://old.example" });
    const key = await addKey(store, shop);
    expect(await store.apiKeys.findProject(key.keyHash)).toEqual(shop);
    expect(await store.projects.findRecent(shop.id)).toEqual(shop);
    expect(await store.projects.isOrigin("https://OLD.example")).toBe(true);
    const changed = await store.projects.update(shop.id, { originUrl: "https://new.example" });
    expect(await store.apiKeys.findProject(key.keyHash)).toEqual(changed);
    expect(await store.projects.findRecent(shop.id)).toEqual(changed);
    expect(await store.projects.isOrigin("https://old.example")).toBe(false);
    expect(await store.projects.isOrigin("https://new.example")).toBe(true);
    await store.apiKeys.revoke(shop.id, key.id);
    expect(await store.apiKeys.findProject(key.keyHash)).toBeNull();
  });

  test("a change of a project or its keys wakes who follows it, and a use of a key does not", async () => {
    const shop = await addProject(store);
    const key = await addKey(store, shop);
    const follower = follow(database.changes, "a", shop.id);
    const other = follow(database.changes, "a", project.id);
    await store.apiKeys.touch(key.keyHash);
    expect(await follower.next(50)).toBe("timeout");
    await store.projects.update(shop.id, { name: "Other" });
    expect(await follower.next(5000)).toBe("project");
    await store.apiKeys.revoke(shop.id, key.id);
    expect(await follower.next(5000)).toBe("project");
    await database.query(`delete from projects where id = '${shop.id}'`);
    expect(await follower.next(5000)).toBe("project");
    expect(await other.next(0)).toBe("timeout");
    for (const each of [follower, other]) each.close();
  });
});

describe("memory of two processes on one PostgreSQL", () => {
  let server: TestPostgres;
  let proxy: DatabaseProxy;
  let here: OpenedStore;
  let there: OpenedStore;
  let project: Project;

  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.stop());
  beforeEach(async () => {
    const databaseUrl = await server.createDatabase();
    proxy = await startDatabaseProxy(databaseUrl);
    here = await openStore({ databaseUrl: proxy.url, dataDir: "memory" });
    there = await openStore({ databaseUrl, dataDir: "memory" });
    project = await addProject(there.store);
  });
  afterEach(async () => {
    proxy?.restore();
    await here?.close();
    await there?.close();
    await proxy?.close();
  });

  /** A key and a session that are known here. */
  async function addKnown() {
    const key = await addKey(there.store, project);
    const { id: sessionId } = await addSession(there.store, project);
    await here.store.apiKeys.findProject(key.keyHash);
    await becomeKnown(here.store, project.id, sessionId);
    return { key, sessionId };
  }

  test("what is known and fresh is answered without asking the database", async () => {
    const { key, sessionId } = await addKnown();
    // Only the pool: what tells of changes goes on.
    proxy.silence("tapin");
    const silentSince = performance.now();
    await awaitCondition("it is believed longer than without a sign of life", async () => {
      const known = await here.store.sessions.findPending(sessionId);
      return known !== null && performance.now() - silentSince > BELIEF_MS;
    });
    expect(await here.store.apiKeys.findProject(key.keyHash)).toEqual(project);
  });

  test("a revoked key is refused from the answer on, also where the LISTEN connection is silent", async () => {
    const { key, sessionId } = await addKnown();
    const silent = await addKnown();
    await there.store.apiKeys.revoke(project.id, key.id);
    expect(await here.store.apiKeys.findProject(key.keyHash)).toBeNull();
    await becomeKnown(here.store, project.id, sessionId);
    expect(await here.store.apiKeys.findProject(silent.key.keyHash)).toEqual(project);

    proxy.silence(LISTENER_NAME);
    await there.store.apiKeys.revoke(project.id, silent.key.id);
    expect(await here.store.apiKeys.findProject(silent.key.keyHash)).toBeNull();
    expect(await here.store.sessions.findPending(sessionId)).toBeNull();
  });

  test("nothing known before a loss of the LISTEN connection is believed after it", async () => {
    const { sessionId } = await addKnown();
    const other = await addKnown();
    const follower = follow(here.changes, "any", project.id);
    proxy.silence(LISTENER_NAME);
    await there.store.sessions.cancel(project.id, sessionId);
    proxy.cut();
    proxy.restore();
    expect(await follower.next(10_000)).toBe("project");
    follower.close();
    await becomeKnown(here.store, project.id, other.sessionId);
    expect(await here.store.sessions.findPending(sessionId)).toBeNull();
  });
});
