// What takeStale hands out beside the prompts' own ends, on both databases: prompts of a bot that
// has left, whether the person may be asked to subscribe, and the language they read.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Store } from "../../src/core/ports.ts";
import type { SubscriptionPolicy } from "../../src/core/project.ts";
import type { StalePrompt } from "../../src/core/prompt.ts";
import type { SettlingBot } from "../../src/core/prompt-ports.ts";
import type { Person } from "../../src/core/subscriber.ts";
import { DATABASES, type RunningDatabase } from "../support/databases.ts";
import { addGrant, addProject, person, promptDraft, settlingBot, text } from "./seed.ts";

describe.each(DATABASES)("takeStale on $name", (kind) => {
  let database: RunningDatabase;
  let store: Store;

  beforeAll(async () => {
    database = await kind.start();
    store = database.store;
  });
  afterAll(() => database?.stop());

  const take = (...bots: SettlingBot[]) => store.prompts.takeStale(bots, 1000);

  /** A prompt of this bot that was shown. */
  async function addShown(bot: string, projectId?: string, who: Person = person()) {
    const draft = promptDraft(who, { bot });
    await store.prompts.create(projectId ?? (await addProject(store)).id, draft);
    await store.prompts.setShown(draft.token, { chatId: "77", messageId: "1001" });
    return draft.token;
  }

  /** A login under this policy whose code is used: what its message is to be settled to. */
  async function settledLogin(
    subscription: SubscriptionPolicy,
    subscribed: boolean,
    who: Person = person(),
  ): Promise<StalePrompt | undefined> {
    const bot = `telegram:${text(8)}`;
    const project = await addProject(store, { subscription });
    const token = await addShown(bot, project.id, who);
    const subscriber = await store.subscribers.upsert(project.id, who, subscribed);
    const { id } = await addGrant(store, project, { subscriberId: subscriber.id });
    expect(await store.prompts.approve(project.id, token, id)).toBe(true);
    expect(await take(settlingBot(bot))).toEqual([]);
    await database.query(`update grants set used_at = clock_timestamp() where id = '${id}'`);
    return (await take(settlingBot(bot)))[0];
  }

  test("hands out the live prompts of a bot that has left, as expired, and no others", async () => {
    const [left, stays] = [`telegram:${text(8)}`, `telegram:${text(8)}`];
    const token = await addShown(left);
    const kept = await addShown(stays);
    const bots = [settlingBot(stays), { bot: left, hasLeft: true }];
    expect(await take(settlingBot(left))).toEqual([]);
    expect(await take(...bots)).toEqual([expect.objectContaining({ token, status: "expired" })]);
    expect((await store.prompts.find(kept))?.status).toBe("live");
    expect((await store.prompts.find(token))?.status).toBe("expired");
  });

  test.each([
    ["ask", false, true],
    ["ask", true, false],
    ["automatic", false, false],
    ["off", false, false],
  ] as const)("T22 under %s, subscribed %s: the person may be asked: %s", async (...row) => {
    const [policy, subscribed, asks] = row;
    expect(await settledLogin(policy, subscribed)).toMatchObject({ status: "used", asks });
  });

  test("T22 whoever never logged in is not asked", async () => {
    const bot = `telegram:${text(8)}`;
    const project = await addProject(store, { subscription: "ask" });
    const who = person();
    await addShown(bot, project.id, who);
    await addShown(bot, project.id, who);
    expect(await take(settlingBot(bot))).toMatchObject([{ status: "replaced", asks: false }]);
  });

  test("tells the language that was chosen since, else the one the prompt was written in", async () => {
    const who = person({ lang: "de" });
    expect(await settledLogin("off", false, who)).toMatchObject({ lang: "de" });
    await store.subscribers.setLang(who, "ru");
    expect(await settledLogin("off", false, who)).toMatchObject({ lang: "ru" });
  });

  test("T4 a message that is shown once more is settled once more", async () => {
    const bot = `telegram:${text(8)}`;
    const who = person();
    const { id } = await addProject(store);
    const token = await addShown(bot, id, who);
    await addShown(bot, id, who);
    expect(await take(settlingBot(bot))).toMatchObject([{ token }]);
    await store.prompts.setSettled(token);
    expect(await take(settlingBot(bot))).toEqual([]);
    await store.prompts.setShown(token, { chatId: "77", messageId: "1002" });
    expect(await take(settlingBot(bot))).toMatchObject([{ token, shown: { messageId: "1002" } }]);
  });
});
