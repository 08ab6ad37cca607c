// The count of cancels behind the cool-down against prompt bombing (T11), on both databases.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Store } from "../../src/core/ports.ts";
import type { Project } from "../../src/core/project.ts";
import type { PromptStatus } from "../../src/core/prompt.ts";
import type { PromptDraft } from "../../src/core/prompt-ports.ts";
import type { Person } from "../../src/core/subscriber.ts";
import { DATABASES, type RunningDatabase } from "../support/databases.ts";
import { addGrant, addProject, addSession, person, promptDraft, settlingBot } from "./seed.ts";

describe.each(DATABASES)("countCancelled on $name", (kind) => {
  let database: RunningDatabase;
  let store: Store;

  beforeAll(async () => {
    database = await kind.start();
    store = database.store;
  });
  afterAll(() => database?.stop());

  async function addPrompt(
    project: Project,
    who: Person,
    change: Partial<PromptDraft> = {},
  ): Promise<string> {
    const draft = promptDraft(who, change);
    await store.prompts.create(project.id, draft);
    return draft.token;
  }

  test("counts what this person cancelled or mismatched for this project of late (T11)", async () => {
    const [project, other] = [await addProject(store), await addProject(store)];
    const [who, bystander] = [person(), person()];
    const count = (seconds = 60) => store.prompts.countCancelled(project.id, who, seconds);
    const close = async (status: PromptStatus, of = project, by: Person = who) => {
      const token = await addPrompt(of, by);
      expect(await store.prompts.close(of.id, token, status)).toBe(true);
      return token;
    };
    expect(await count()).toBe(0);
    const first = await close("cancelled");
    await close("mismatched");
    expect(await count()).toBe(2);
    await close("cancelled", other);
    await close("cancelled", project, bystander);
    await close("cancelled", project, { ...who, channel: "max" });
    await close("expired");
    await addPrompt(project, who);
    const grant = await addGrant(store, project, {
      subscriberId: (await store.subscribers.upsert(project.id, who, true)).id,
    });
    const approved = await addPrompt(project, who);
    expect(await store.prompts.approve(project.id, approved, grant.id)).toBe(true);
    expect(await count()).toBe(2);
    await database.query(
      `update prompts set closed_at = closed_at - interval '61 seconds' where token = '${first}'`,
    );
    expect(await count()).toBe(1);
    expect(await count(3600)).toBe(2);
  });

  test("leaves out a session that the website cancelled", async () => {
    const project = await addProject(store);
    const who = person();
    const { id } = await addSession(store, project);
    const token = await addPrompt(project, who, { sessionId: id });
    await store.prompts.setShown(token, { chatId: "77", messageId: "1001" });
    await store.sessions.cancel(project.id, id);
    const taken = await store.prompts.takeStale([settlingBot()], 1000);
    expect(taken).toEqual([expect.objectContaining({ token, status: "cancelled" })]);
    expect(await store.prompts.countCancelled(project.id, who, 60)).toBe(0);
  });

  test("counts 20 simultaneous cancels of one prompt once", async () => {
    const project = await addProject(store);
    const who = person();
    const token = await addPrompt(project, who);
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => store.prompts.close(project.id, token, "cancelled")),
    );
    expect(answers.filter(Boolean)).toHaveLength(1);
    expect(await store.prompts.countCancelled(project.id, who, 60)).toBe(1);
  });
});
