// The table of prompts on both databases: one live prompt per person, and which messages need an
// edit.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Store } from "../../src/core/ports.ts";
import type { Project } from "../../src/core/project.ts";
import type { Prompt, PromptStatus } from "../../src/core/prompt.ts";
import type { PromptDraft } from "../../src/core/prompt-ports.ts";
import type { Person } from "../../src/core/subscriber.ts";
import { DATABASES, type RunningDatabase } from "../support/databases.ts";
import { addGrant, addProject, addSession, person, promptDraft, settlingBot } from "./seed.ts";

describe.each(DATABASES)("prompts on $name", (kind) => {
  let database: RunningDatabase;
  let store: Store;

  beforeAll(async () => {
    database = await kind.start();
    store = database.store;
  });
  afterAll(() => database?.stop());

  const endTime = (table: string, condition: string) =>
    database.query(
      `update ${table} set expires_at = clock_timestamp() - interval '1 second' where ${condition}`,
    );

  async function addPrompt(
    project: Project,
    who: Person,
    change: Partial<PromptDraft> = {},
  ): Promise<string> {
    const draft = promptDraft(who, change);
    await store.prompts.create(project.id, draft);
    return draft.token;
  }

  async function show(token: string): Promise<string> {
    await store.prompts.setShown(token, { chatId: "77", messageId: "1001" });
    return token;
  }

  async function approve(project: Project, who: Person, token: string): Promise<string> {
    const subscriber = await store.subscribers.upsert(project.id, who, true);
    const { id } = await addGrant(store, project, { subscriberId: subscriber.id });
    expect(await store.prompts.approve(project.id, token, id)).toBe(true);
    return id;
  }

  async function takeAll(): Promise<Map<string, PromptStatus>> {
    const taken = await store.prompts.takeStale([settlingBot()], 1000);
    return new Map(taken.map((prompt) => [prompt.token, prompt.status]));
  }

  /** A second worker comes while the first is not done; only PGlite makes it wait. */
  async function twoWorkers(limit: number): Promise<readonly (readonly Prompt[])[]> {
    let second: Promise<readonly Prompt[]> = Promise.resolve([]);
    const first = await store.transaction(async (inside) => {
      const taken = await inside.prompts.takeStale([settlingBot()], limit);
      second = store.prompts.takeStale([settlingBot()], limit);
      if (database.url !== null) await second;
      return taken;
    });
    return [first, await second];
  }

  test("create makes the person's one live prompt; an older live one becomes replaced (T11)", async () => {
    const [project, other] = [await addProject(store), await addProject(store)];
    const who = person();
    const { id } = await addSession(store, project);
    const first = await addPrompt(project, who, { sessionId: id });
    expect(await store.prompts.find(first)).toEqual({
      token: first,
      projectId: project.id,
      sessionId: id,
      channel: "telegram",
      userId: who.userId,
      lang: "ru",
      bot: "telegram:1",
      status: "live",
      grantId: null,
      shown: null,
    });
    const elsewhere = await addPrompt(other, who);
    const onMax = await addPrompt(project, { ...who, channel: "max" });
    const second = await addPrompt(project, who);
    expect((await store.prompts.find(first))?.status).toBe("replaced");
    for (const token of [elsewhere, onMax, second]) {
      expect((await store.prompts.find(token))?.status).toBe("live");
    }
    expect(await store.prompts.find("missing")).toBeNull();
  });

  test("create 20 at once for one person leaves one live", async () => {
    const project = await addProject(store);
    const who = person();
    const tokens = await Promise.all(Array.from({ length: 20 }, () => addPrompt(project, who)));
    const found = await Promise.all(tokens.map((token) => store.prompts.find(token)));
    expect(found.filter((prompt) => prompt?.status === "live")).toHaveLength(1);
    expect(found.filter((prompt) => prompt?.status === "replaced")).toHaveLength(19);
  });

  test("create is undone with the transaction it joins", async () => {
    const project = await addProject(store);
    const who = person();
    const old = await addPrompt(project, who);
    const failed = store.transaction(async (inside) => {
      await inside.prompts.create(project.id, promptDraft(who));
      expect((await inside.prompts.find(old))?.status).toBe("replaced");
      throw new Error("no");
    });
    await expect(failed).rejects.toThrow("no");
    expect((await store.prompts.find(old))?.status).toBe("live");
  });

  test("setShown notes the message", async () => {
    const token = await addPrompt(await addProject(store), person());
    await show(token);
    const shown = { chatId: "77", messageId: "1001" };
    expect((await store.prompts.find(token))?.shown).toEqual(shown);
  });

  test("T7 100 simultaneous approvals of one prompt: one", async () => {
    const project = await addProject(store);
    const who = person();
    const token = await addPrompt(project, who);
    const subscriber = await store.subscribers.upsert(project.id, who, true);
    const { id } = await addGrant(store, project, { subscriberId: subscriber.id });
    const answers = await Promise.all(
      Array.from({ length: 100 }, () => store.prompts.approve(project.id, token, id)),
    );
    expect(answers.filter(Boolean)).toHaveLength(1);
    expect(await store.prompts.find(token)).toMatchObject({ status: "approved", grantId: id });
  });

  test("approve before its grant is made works within one transaction", async () => {
    const project = await addProject(store);
    const who = person();
    const token = await addPrompt(project, who);
    const subscriber = await store.subscribers.upsert(project.id, who, true);
    const id = crypto.randomUUID();
    await store.transaction(async (inside) => {
      expect(await inside.prompts.approve(project.id, token, id)).toBe(true);
      await addGrant(inside, project, { id, subscriberId: subscriber.id });
    });
    expect((await store.prompts.find(token))?.grantId).toBe(id);
  });

  test("approve and close move a live prompt of the project only", async () => {
    const [project, other] = [await addProject(store), await addProject(store)];
    const who = person();
    const token = await addPrompt(project, who);
    const grantId = crypto.randomUUID();
    expect(await store.prompts.approve(other.id, token, grantId)).toBe(false);
    expect(await store.prompts.close(other.id, token, "cancelled")).toBe(false);
    expect(await store.prompts.close(project.id, token, "cancelled")).toBe(true);
    expect(await store.prompts.close(project.id, token, "mismatched")).toBe(false);
    expect(await store.prompts.approve(project.id, token, grantId)).toBe(false);
    expect((await store.prompts.find(token))?.status).toBe("cancelled");
  });

  test("a live prompt whose time is over reads as expired and cannot be approved", async () => {
    const project = await addProject(store);
    const token = await addPrompt(project, person());
    await endTime("prompts", `token = '${token}'`);
    expect((await store.prompts.find(token))?.status).toBe("expired");
    expect(await store.prompts.approve(project.id, token, crypto.randomUUID())).toBe(false);
  });

  test("takeStale hands out each message that needs an edit once, with what became of it", async () => {
    await takeAll();
    const project = await addProject(store);
    const inSession = async () => {
      const { id } = await addSession(store, project);
      return { id, token: await show(await addPrompt(project, person(), { sessionId: id })) };
    };
    const [works, overdue, cancelled, sessionOver, marked] = [
      await inSession(),
      await inSession(),
      await inSession(),
      await inSession(),
      await inSession(),
    ];
    await endTime("prompts", `token = '${overdue.token}'`);
    await store.sessions.cancel(project.id, cancelled.id);
    await endTime("sessions", `id = '${sessionOver.id}'`);
    await database.query(`update sessions set status = 'expired' where id = '${marked.id}'`);
    const who = person();
    const replaced = await show(await addPrompt(project, who));
    const live = await show(await addPrompt(project, who));
    const codes = await Promise.all(
      ["working", "used", "late"].map(async (name) => {
        const tapper = person();
        const token = await show(await addPrompt(project, tapper));
        return { name, token, grantId: await approve(project, tapper, token) };
      }),
    );
    const [working, used, late] = codes;
    await database.query(
      `update grants set used_at = clock_timestamp() where id = '${used?.grantId}'`,
    );
    await endTime("grants", `id = '${late?.grantId}'`);
    expect(await takeAll()).toEqual(
      new Map([
        [overdue.token, "expired"],
        [cancelled.token, "cancelled"],
        [sessionOver.token, "expired"],
        [marked.token, "expired"],
        [replaced, "replaced"],
        [used?.token, "used"],
        [late?.token, "expired"],
      ]),
    );
    expect(await takeAll()).toEqual(new Map());
    expect((await store.prompts.find(cancelled.token))?.status).toBe("cancelled");
    expect((await store.prompts.find(works.token))?.status).toBe("live");
    expect((await store.prompts.find(live))?.status).toBe("live");
    expect((await store.prompts.find(working?.token ?? ""))?.status).toBe("approved");
    await database.query(
      `update grants set used_at = clock_timestamp() where id = '${working?.grantId}'`,
    );
    expect(await takeAll()).toEqual(new Map([[working?.token, "used"]]));
  });

  test("T4 takeStale hands a prompt out again after a while, until setSettled", async () => {
    await takeAll();
    const token = await show(await addPrompt(await addProject(store), person()));
    await endTime("prompts", `token = '${token}'`);
    const lapse = () =>
      database.query(
        `update prompts set settling_until = clock_timestamp() where token = '${token}'`,
      );
    for (let turn = 0; turn < 3; turn += 1) {
      expect(await takeAll()).toEqual(new Map([[token, "expired"]]));
      expect(await takeAll()).toEqual(new Map());
      await lapse();
    }
    await store.prompts.setSettled(token);
    expect(await takeAll()).toEqual(new Map());
  });

  test("T3 takeStale calls a prompt expired, not used, whose code was burnt by wrong verifiers", async () => {
    await takeAll();
    const project = await addProject(store);
    const who = person();
    const { id: sessionId } = await addSession(store, project);
    const token = await show(await addPrompt(project, who, { sessionId }));
    await store.sessions.open(sessionId, who);
    await store.sessions.approve(project.id, sessionId, who);
    const grantId = await approve(project, who, token);
    await database.query(`update grants set used_at = clock_timestamp() where id = '${grantId}'`);
    expect(await takeAll()).toEqual(new Map([[token, "expired"]]));
  });

  test("takeStale leaves out what the tap itself closed, and waits for the message", async () => {
    await takeAll();
    const project = await addProject(store);
    const closed = await show(await addPrompt(project, person()));
    await store.prompts.close(project.id, closed, "cancelled");
    const wrong = await show(await addPrompt(project, person()));
    await store.prompts.close(project.id, wrong, "mismatched");
    const unseen = await addPrompt(project, person());
    await endTime("prompts", `token = '${unseen}'`);
    expect(await takeAll()).toEqual(new Map());
    await show(unseen);
    const taken = await store.prompts.takeStale([settlingBot()], 10);
    expect(taken).toEqual([
      expect.objectContaining({
        token: unseen,
        status: "expired",
        shown: { chatId: "77", messageId: "1001" },
      }),
    ]);
  });

  test("takeStale keeps to its bot and its limit; two workers never get the same prompt", async () => {
    await takeAll();
    const project = await addProject(store);
    const tokens: string[] = [];
    for (let made = 0; made < 30; made++) {
      const token = await show(await addPrompt(project, person()));
      await endTime("prompts", `token = '${token}'`);
      tokens.push(token);
    }
    for (const other of ["max:1", "telegram:2"]) {
      expect(await store.prompts.takeStale([settlingBot(other)], 10)).toEqual([]);
    }
    expect(await store.prompts.takeStale([settlingBot()], 3)).toHaveLength(3);
    const [first = [], second = []] = await twoWorkers(7);
    const handedOut = [...first, ...second].map((prompt) => prompt.token);
    expect(first).toHaveLength(7);
    expect(second).toHaveLength(7);
    expect(new Set(handedOut).size).toBe(14);
    const rest = await takeAll();
    expect(rest.size).toBe(13);
    expect(tokens).toEqual(expect.arrayContaining([...handedOut, ...rest.keys()]));
  });
});
