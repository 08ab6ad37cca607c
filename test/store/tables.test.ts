// Projects, API keys, leases and transactions on both databases.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Store } from "../../src/core/ports.ts";
import { SUBSCRIPTION_POLICIES } from "../../src/core/project.ts";
import { sha256Hex } from "../../src/core/secret.ts";
import { DATABASES, type RunningDatabase } from "../support/databases.ts";
import { addProject, addSession, botDraft, person, projectDraft, text } from "./seed.ts";

const NO_ID = "00000000-0000-4000-8000-000000000000";

describe.each(DATABASES)("tables on $name", (kind) => {
  let database: RunningDatabase;
  let store: Store;

  beforeAll(async () => {
    database = await kind.start();
    store = database.store;
  });
  afterAll(() => database?.stop());

  test("projects.create gives back what was asked for; a taken slug is null, even at once", async () => {
    const draft = projectDraft({
      redirectUris: ["https://a.example/x,y", 'https://b.example/"z"'],
    });
    const project = await store.projects.create(draft);
    expect(project).toEqual({
      ...draft,
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      createdAt: expect.any(Date),
    });
    expect(await store.projects.create({ ...draft, name: "Thief" })).toBeNull();
    const slug = `p-${text(8).toLowerCase()}`;
    const made = await Promise.all(
      Array.from({ length: 10 }, () => store.projects.create(projectDraft({ slug }))),
    );
    expect(made.filter((one) => one !== null)).toHaveLength(1);
  });

  test("projects.find and findBySlug find it; missing ones and texts that are no UUID are null", async () => {
    const project = await addProject(store, { callbackUrl: null, originUrl: null });
    expect(await store.projects.find(project.id)).toEqual(project);
    expect(await store.projects.findBySlug(project.slug)).toEqual(project);
    expect(await store.projects.find(NO_ID)).toBeNull();
    expect(await store.projects.find("nonsense")).toBeNull();
    expect(await store.projects.findBySlug("missing")).toBeNull();
  });

  test("projects.list goes through all of them by slug, page by page", async () => {
    const prefix = `list-${text(6).toLowerCase()}`;
    for (const tail of ["b", "a-", "a", "c", "-"]) {
      await addProject(store, { slug: `${prefix}${tail}` });
    }
    const seen: string[] = [];
    let afterSlug = `${prefix}`;
    for (;;) {
      const page = await store.projects.list({ afterSlug, limit: 2 });
      const mine = page.map((project) => project.slug).filter((slug) => slug.startsWith(prefix));
      seen.push(...mine);
      if (mine.length < 2) break;
      afterSlug = mine.at(-1) ?? "";
    }
    expect(seen).toEqual(["-", "a", "a-", "b", "c"].map((tail) => `${prefix}${tail}`));
  });

  test("projects.update changes only the fields that are there", async () => {
    const [project, other] = [await addProject(store), await addProject(store)];
    const named = await store.projects.update(project.id, { name: "New", callbackUrl: null });
    expect(named).toEqual({ ...project, name: "New", callbackUrl: null });
    const change = {
      originUrl: "https://new.example",
      redirectUris: ["https://new.example/a"],
      matchCodeRequired: true,
      subscription: "ask" as const,
    };
    expect(await store.projects.update(project.id, change)).toEqual({ ...named, ...change });
    expect(await store.projects.update(project.id, {})).toEqual({ ...named, ...change });
    expect(await store.projects.update(NO_ID, { name: "x" })).toBeNull();
    expect(await store.projects.update("nonsense", { name: "x" })).toBeNull();
    expect(await store.projects.update("nonsense", {})).toBeNull();
    expect(await store.projects.find(other.id)).toEqual(other);
  });

  test("projects.subscription is one of three, and automatic where nothing is said", async () => {
    for (const subscription of SUBSCRIPTION_POLICIES) {
      const project = await addProject(store, { subscription });
      expect((await store.projects.find(project.id))?.subscription).toBe(subscription);
    }
    const slug = `p-${text(8).toLowerCase()}`;
    const insert = (columns: string, values: string) =>
      database.query(
        `insert into projects (slug, name${columns}) values ('${slug}', 'x'${values})`,
      );
    await expect(insert(", subscription", ", 'maybe'")).rejects.toThrow(/check constraint/);
    await insert("", "");
    expect((await store.projects.findBySlug(slug))?.subscription).toBe("automatic");
  });

  test("projects.isOrigin compares in lower case", async () => {
    const host = text(8);
    await addProject(store, { originUrl: `https://${host}.example` });
    expect(await store.projects.isOrigin(`https://${host.toLowerCase()}.example`)).toBe(true);
    expect(await store.projects.isOrigin(`https://${host.toUpperCase()}.example`)).toBe(true);
    expect(await store.projects.isOrigin(`https://${host}.example:444`)).toBe(false);
  });

  test("apiKeys.findProject finds by hash until the key is revoked (T21)", async () => {
    const project = await addProject(store);
    const hash = sha256Hex(text(32));
    const key = await store.apiKeys.create(project.id, { name: "prod", hint: "abcd", hash });
    expect(key).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      name: "prod",
      hint: "abcd",
      createdAt: expect.any(Date),
      lastUsedAt: null,
      revokedAt: null,
    });
    expect(await store.apiKeys.findProject(hash)).toEqual(project);
    expect(await store.apiKeys.findProject(sha256Hex("other"))).toBeNull();
    expect(await store.apiKeys.revoke(project.id, key.id)).toBe(true);
    expect(await store.apiKeys.findProject(hash)).toBeNull();
    const [revoked] = await store.apiKeys.list(project.id);
    expect(revoked?.revokedAt).toBeInstanceOf(Date);
    expect(await store.apiKeys.revoke(project.id, key.id)).toBe(true);
    expect(await store.apiKeys.list(project.id)).toEqual([revoked]);
  });

  test("apiKeys.list and revoke keep to the project", async () => {
    const [project, other] = [await addProject(store), await addProject(store)];
    const names = ["first", "second", "third"];
    for (const name of names) {
      await store.apiKeys.create(project.id, { name, hint: "h", hash: sha256Hex(text(32)) });
    }
    const keys = await store.apiKeys.list(project.id);
    expect(keys.map((key) => key.name)).toEqual(names);
    expect(await store.apiKeys.list(other.id)).toEqual([]);
    expect(await store.apiKeys.revoke(other.id, keys[0]?.id ?? "")).toBe(false);
    expect(await store.apiKeys.revoke(project.id, NO_ID)).toBe(false);
    expect(await store.apiKeys.revoke(project.id, "nonsense")).toBe(false);
    expect((await store.apiKeys.list(project.id)).every((key) => key.revokedAt === null)).toBe(
      true,
    );
  });

  test("apiKeys.touch notes the use, at most once a minute", async () => {
    const project = await addProject(store);
    const hash = sha256Hex(text(32));
    await store.apiKeys.create(project.id, { name: "k", hint: "h", hash });
    const lastUsed = async () => (await store.apiKeys.list(project.id))[0]?.lastUsedAt;
    // As another process does: in a transaction nothing is remembered.
    const touchElsewhere = () => store.transaction(async (inside) => inside.apiKeys.touch(hash));
    const turnBack = () =>
      database.query(
        `update api_keys set last_used_at = last_used_at - interval '61 seconds' where hash = '${hash}'`,
      );
    await touchElsewhere();
    const first = await lastUsed();
    expect(first).toBeInstanceOf(Date);
    await store.apiKeys.touch(hash);
    expect(await lastUsed()).toEqual(first);
    await turnBack();
    // This process has noted it and does not ask again.
    await store.apiKeys.touch(hash);
    expect((await lastUsed())?.getTime()).toBeLessThan(first?.getTime() ?? 0);
    await touchElsewhere();
    expect((await lastUsed())?.getTime()).toBeGreaterThanOrEqual(first?.getTime() ?? Infinity);
  });

  test("leases.acquire is one holder's until it ends or is released", async () => {
    const name = text(8);
    expect(await store.leases.acquire(name, "a", 60)).toBe(true);
    expect(await store.leases.acquire(name, "b", 60)).toBe(false);
    expect(await store.leases.acquire(name, "a", 60)).toBe(true);
    await store.leases.release(name, "b");
    expect(await store.leases.acquire(name, "b", 60)).toBe(false);
    await store.leases.release(name, "a");
    expect(await store.leases.acquire(name, "b", 60)).toBe(true);
    await database.query(`update leases set expires_at = clock_timestamp() where name = '${name}'`);
    expect(await store.leases.acquire(name, "a", 60)).toBe(true);
    expect(await store.leases.acquire(name, "b", 60)).toBe(false);
  });

  test("leases.acquire by 20 holders at once: one gets it", async () => {
    const name = text(8);
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, holder) => store.leases.acquire(name, `h${holder}`, 60)),
    );
    expect(answers.filter(Boolean)).toHaveLength(1);
  });

  test("ping answers while the database does", async () => {
    await expect(store.ping(5000)).resolves.toBeUndefined();
  });

  test("deleting a project takes all of its rows along", async () => {
    const project = await addProject(store);
    await store.subscribers.upsert(project.id, person(), true);
    await store.apiKeys.create(project.id, { name: "k", hint: "h", hash: sha256Hex(text(32)) });
    await store.bots.set(project.id, botDraft());
    await database.query(`delete from projects where id = '${project.id}'`);
    for (const table of ["api_keys", "subscribers", "bots"]) {
      const rows = await database.query(
        `select 1 from ${table} where project_id = '${project.id}'`,
      );
      expect(rows).toEqual([]);
    }
  });

  test("transaction undoes everything when the work throws, and nested calls join it", async () => {
    const project = await addProject(store);
    const id = text(16);
    const failed = store.transaction(async (outer) => {
      await outer.transaction((inner) => addSession(inner, project, { id }));
      expect(await outer.sessions.findAny(id)).not.toBeNull();
      throw new Error("no");
    });
    await expect(failed).rejects.toThrow("no");
    expect(await store.sessions.findAny(id)).toBeNull();
    const kept = await store.transaction((inside) => addSession(inside, project, { id }));
    expect((await store.sessions.findAny(id))?.id).toBe(kept.id);
  });

  test("a call beside an open transaction is not part of it and does not block it", async () => {
    const project = await addProject(store);
    const [inId, outId] = [text(16), text(16)];
    let outside: Promise<unknown> = Promise.resolve();
    const failed = store.transaction(async (inside) => {
      await addSession(inside, project, { id: inId });
      outside = addSession(store, project, { id: outId });
      await addSession(inside, project);
      throw new Error("no");
    });
    await expect(failed).rejects.toThrow("no");
    await outside;
    expect(await store.sessions.findAny(inId)).toBeNull();
    expect(await store.sessions.findAny(outId)).not.toBeNull();
  });

  test("50 transactions at once all end", async () => {
    const project = await addProject(store);
    const ids = Array.from({ length: 50 }, () => text(16));
    await Promise.all(
      ids.map((id) =>
        store.transaction(async (inside) => {
          await addSession(inside, project, { id });
          await inside.sessions.cancel(project.id, id);
        }),
      ),
    );
    for (const id of ids) expect((await store.sessions.findAny(id))?.status).toBe("cancelled");
  });
});
