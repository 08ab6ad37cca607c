// The bots of projects on both databases: one project for each bot account, a revision for each
// change.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Store } from "../../src/core/ports.ts";
import { DATABASES, type RunningDatabase } from "../support/databases.ts";
import { addProject, botDraft } from "./seed.ts";

describe.each(DATABASES)("bots on $name", (kind) => {
  let database: RunningDatabase;
  let store: Store;

  beforeAll(async () => {
    database = await kind.start();
    store = database.store;
  });
  afterAll(() => database?.stop());

  test("set makes the project's bot of this channel, find and list give it back", async () => {
    const [project, other] = [await addProject(store), await addProject(store)];
    const draft = botDraft();
    const bot = await store.bots.set(project.id, draft);
    expect(bot).toEqual({ ...draft, projectId: project.id, revision: expect.any(String) });
    expect(await store.bots.find(project.id, "telegram")).toEqual(bot);
    expect(await store.bots.find(project.id, "max")).toBeNull();
    expect(await store.bots.find(other.id, "telegram")).toBeNull();
    const onMax = await store.bots.set(project.id, botDraft({ channel: "max" }));
    const foreign = await store.bots.set(other.id, botDraft());
    const listed = await store.bots.list();
    expect(listed).toEqual(expect.arrayContaining([bot, onMax, foreign]));
  });

  test("set again replaces the bot; every set has a revision of its own, also without a change", async () => {
    const project = await addProject(store);
    const [first, second] = [botDraft(), botDraft({ username: "NewBot", sealedToken: "new" })];
    const seen = [await store.bots.set(project.id, first), await store.bots.set(project.id, first)];
    const last = await store.bots.set(project.id, second);
    expect(last).toMatchObject(second);
    expect(new Set([...seen, last].map((bot) => bot?.revision)).size).toBe(3);
    const mine = (await store.bots.list()).filter((bot) => bot.projectId === project.id);
    expect(mine).toEqual([last]);
  });

  test("set is null for another project's bot account, which stays as it is; a freed one can be had", async () => {
    const [owner, thief] = [await addProject(store), await addProject(store)];
    const draft = botDraft();
    const owned = await store.bots.set(owner.id, draft);
    const kept = await store.bots.set(thief.id, botDraft());
    expect(await store.bots.set(thief.id, { ...draft, sealedToken: "stolen" })).toBeNull();
    expect(await store.bots.find(owner.id, "telegram")).toEqual(owned);
    expect(await store.bots.find(thief.id, "telegram")).toEqual(kept);
    const sameIdElsewhere = { ...draft, channel: "max" } as const;
    expect(await store.bots.set(thief.id, sameIdElsewhere)).not.toBeNull();
    await store.bots.set(owner.id, botDraft());
    expect(await store.bots.set(thief.id, draft)).toMatchObject(draft);
  });

  test("set of one bot account by 20 projects at once: one has it", async () => {
    const projects = await Promise.all(Array.from({ length: 20 }, () => addProject(store)));
    const draft = botDraft();
    const answers = await Promise.all(projects.map(({ id }) => store.bots.set(id, draft)));
    const won = answers.filter((bot) => bot !== null);
    expect(won).toHaveLength(1);
    const listed = await store.bots.list();
    expect(listed.filter((bot) => bot.messengerBotId === draft.messengerBotId)).toEqual(won);
  });

  test("set of 20 bot accounts by one project at once leaves one", async () => {
    const project = await addProject(store);
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => store.bots.set(project.id, botDraft())),
    );
    expect(new Set(answers.map((bot) => bot?.revision)).size).toBe(20);
    expect(answers).toContainEqual(await store.bots.find(project.id, "telegram"));
  });

  test("set that is refused leaves the transaction it joins alive; set is undone with it", async () => {
    const [owner, other] = [await addProject(store), await addProject(store)];
    const draft = botDraft();
    await store.bots.set(owner.id, draft);
    await store.transaction(async (inside) => {
      expect(await inside.bots.set(other.id, draft)).toBeNull();
      await inside.projects.update(other.id, { name: "Renamed" });
    });
    expect((await store.projects.find(other.id))?.name).toBe("Renamed");
    const failed = store.transaction(async (inside) => {
      expect(await inside.bots.set(other.id, botDraft())).not.toBeNull();
      throw new Error("no");
    });
    await expect(failed).rejects.toThrow("no");
    expect(await store.bots.find(other.id, "telegram")).toBeNull();
  });

  test("remove takes the bot of this project and channel only, and tells whether there was one", async () => {
    const [project, other] = [await addProject(store), await addProject(store)];
    await store.bots.set(project.id, botDraft());
    await store.bots.set(project.id, botDraft({ channel: "max" }));
    await store.bots.set(other.id, botDraft());
    expect(await store.bots.remove(project.id, "telegram")).toBe(true);
    expect(await store.bots.remove(project.id, "telegram")).toBe(false);
    expect(await store.bots.find(project.id, "telegram")).toBeNull();
    expect(await store.bots.find(project.id, "max")).not.toBeNull();
    expect(await store.bots.find(other.id, "telegram")).not.toBeNull();
  });
});
