// Subscribers and chosen languages on both databases: identity, subscription, and whom a bot speaks
// for.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Store } from "../../src/core/ports.ts";
import type { Project } from "../../src/core/project.ts";
import type { Person, Subscriber } from "../../src/core/subscriber.ts";
import { DATABASES, type RunningDatabase } from "../support/databases.ts";
import { addProject, botDraft, person } from "./seed.ts";

const NO_ID = "00000000-0000-4000-8000-000000000000";
const DEFAULT_BOT = { projectId: null };

describe.each(DATABASES)("subscribers on $name", (kind) => {
  let database: RunningDatabase;
  let store: Store;

  beforeAll(async () => {
    database = await kind.start();
    store = database.store;
  });
  afterAll(() => database?.stop());

  /**
   * One person's rows with a project that has no bot, one with a bot on Telegram, one with a bot on
   * MAX.
   */
  async function threeProjects(who: Person): Promise<readonly [Project, Subscriber][]> {
    const projects = [await addProject(store), await addProject(store), await addProject(store)];
    await store.bots.set(projects[1]?.id ?? "", botDraft());
    await store.bots.set(projects[2]?.id ?? "", botDraft({ channel: "max" }));
    return Promise.all(
      projects.map(
        async (project) =>
          [project, await store.subscribers.upsert(project.id, who, true)] as [Project, Subscriber],
      ),
    );
  }

  const read = (rows: readonly [Project, Subscriber][]) =>
    Promise.all(rows.map(([project, { id }]) => store.subscribers.find(project.id, id)));

  test("upsert keeps a known picture when the messenger tells none", async () => {
    const project = await addProject(store);
    const who = person({ avatarUrl: "https://pic.example/1" });
    const upsert = (avatarUrl: string | null) =>
      store.subscribers.upsert(project.id, { ...who, avatarUrl }, null);
    await upsert(who.avatarUrl);
    expect((await upsert(null)).avatarUrl).toBe("https://pic.example/1");
    expect((await upsert("https://pic.example/2")).avatarUrl).toBe("https://pic.example/2");
  });

  test("upsert keeps the identity through renames (T17)", async () => {
    const [project, other] = [await addProject(store), await addProject(store)];
    const who = person({ avatarUrl: "https://pic.example/1", lastName: null });
    const first = await store.subscribers.upsert(project.id, who, true);
    expect(first).toEqual({
      ...who,
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      projectId: project.id,
      tags: [],
      subscribed: true,
      reachable: true,
    });
    const renamed = { ...who, username: null, firstName: "Jane", lang: "en" };
    const second = await store.subscribers.upsert(project.id, renamed, true);
    expect(second).toEqual({ ...first, ...renamed });
    expect(await store.subscribers.find(project.id, first.id)).toEqual(second);
    const elsewhere = await store.subscribers.upsert(other.id, who, true);
    expect(elsewhere.id).not.toBe(first.id);
    const onMax = await store.subscribers.upsert(project.id, { ...who, channel: "max" }, true);
    expect(onMax.id).not.toBe(first.id);
  });

  test("upsert subscribes only when told to, and null leaves it as it is (T22)", async () => {
    const project = await addProject(store);
    const who = person();
    const upsert = async (subscribe: boolean | null, by: Person = who) =>
      (await store.subscribers.upsert(project.id, by, subscribe)).subscribed;
    expect(await upsert(null)).toBe(false);
    expect(await upsert(true)).toBe(true);
    expect(await upsert(null)).toBe(true);
    expect(await upsert(false)).toBe(false);
    expect(await upsert(null)).toBe(false);
    expect(await upsert(false, person())).toBe(false);
    expect(await upsert(true, person())).toBe(true);
  });

  test("upsert makes the person reachable again", async () => {
    const project = await addProject(store);
    const who = person();
    await store.subscribers.upsert(project.id, who, null);
    await store.subscribers.setReachable(who, false, DEFAULT_BOT);
    expect((await store.subscribers.upsert(project.id, who, null)).reachable).toBe(true);
  });

  test("upsert 50 times at once makes one row", async () => {
    const project = await addProject(store);
    const who = person();
    const rows = await Promise.all(
      Array.from({ length: 50 }, () => store.subscribers.upsert(project.id, who, true)),
    );
    expect(new Set(rows.map((row) => row.id)).size).toBe(1);
  });

  test("find keeps to the project", async () => {
    const [project, other] = [await addProject(store), await addProject(store)];
    const { id } = await store.subscribers.upsert(project.id, person(), true);
    expect(await store.subscribers.find(other.id, id)).toBeNull();
    expect(await store.subscribers.find(project.id, NO_ID)).toBeNull();
    expect(await store.subscribers.find(project.id, "nonsense")).toBeNull();
  });

  test("unsubscribe at the default bot ends it with the projects that have no bot on that channel", async () => {
    const who = person();
    const rows = await threeProjects(who);
    const bystander = await threeProjects(person());
    const onMax = { ...who, channel: "max" } as const;
    expect(await store.subscribers.unsubscribe(onMax, DEFAULT_BOT)).toBe(0);
    expect(await store.subscribers.unsubscribe(who, DEFAULT_BOT)).toBe(2);
    expect(await store.subscribers.unsubscribe(who, DEFAULT_BOT)).toBe(0);
    expect((await read(rows)).map((row) => row?.subscribed)).toEqual([false, true, false]);
    expect((await read(bystander)).map((row) => row?.subscribed)).toEqual([true, true, true]);
  });

  test("unsubscribe at a project's bot ends it with that project only", async () => {
    const who = person();
    const rows = await threeProjects(who);
    const scope = { projectId: rows[1]?.[0].id ?? "" };
    expect(await store.subscribers.unsubscribe(who, scope)).toBe(1);
    expect(await store.subscribers.unsubscribe(who, scope)).toBe(0);
    expect((await read(rows)).map((row) => row?.subscribed)).toEqual([true, false, true]);
  });

  test("setReachable keeps to the projects of the bot, and to the person", async () => {
    const who = person();
    const rows = await threeProjects(who);
    const bystander = await threeProjects(person());
    const reachable = async () => (await read(rows)).map((row) => row?.reachable);
    const scope = { projectId: rows[1]?.[0].id ?? "" };
    expect(await store.subscribers.setReachable(who, false, DEFAULT_BOT)).toBe(2);
    expect(await reachable()).toEqual([false, true, false]);
    expect(await store.subscribers.setReachable(who, false, scope)).toBe(1);
    expect(await reachable()).toEqual([false, false, false]);
    expect(await store.subscribers.setReachable(who, true, DEFAULT_BOT)).toBe(2);
    expect(await store.subscribers.setReachable(who, true, DEFAULT_BOT)).toBe(0);
    expect(await reachable()).toEqual([true, false, true]);
    expect((await read(bystander)).map((row) => row?.reachable)).toEqual([true, true, true]);
  });

  test("a project whose bot was removed is the default bot's again", async () => {
    const who = person();
    const project = await addProject(store);
    await store.bots.set(project.id, botDraft());
    await store.subscribers.upsert(project.id, who, true);
    expect(await store.subscribers.unsubscribe(who, DEFAULT_BOT)).toBe(0);
    await store.bots.remove(project.id, "telegram");
    expect(await store.subscribers.unsubscribe(who, DEFAULT_BOT)).toBe(1);
  });

  test("langOf is what the account chose last, without being a subscriber of anything", async () => {
    const who = person();
    expect(await store.subscribers.langOf(who)).toBeNull();
    await store.subscribers.setLang(who, "en");
    expect(await store.subscribers.langOf(who)).toBe("en");
    await store.subscribers.setLang(who, "ru");
    expect(await store.subscribers.langOf(who)).toBe("ru");
    expect(await store.subscribers.langOf({ ...who, channel: "max" })).toBeNull();
    expect(await store.subscribers.langOf(person())).toBeNull();
  });

  test("setLang 20 times at once keeps one of them", async () => {
    const who = person();
    await Promise.all(
      Array.from({ length: 20 }, (_, turn) =>
        store.subscribers.setLang(who, turn % 2 === 0 ? "en" : "ru"),
      ),
    );
    expect(["en", "ru"]).toContain(await store.subscribers.langOf(who));
  });
});
