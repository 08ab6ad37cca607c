// Two processes on one PostgreSQL: what happens through one is seen on the other at once.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { awaitAnswer } from "../support/await-condition.ts";
import { CLIENTS, DIALECTS } from "../support/clients.ts";
import { type ContractClient, refusalOf, type WatchMessage } from "../support/contract-client.ts";
import { type Stage, type StoryProject, startStage } from "../support/story-stage.ts";
import { startTapin, type Tapin } from "../support/tapin.ts";

/**
 * Milliseconds within which a change must arrive: a watcher that only polled would look after 14 s.
 */
const AT_ONCE_MS = 7000;

let stage: Stage;
let second: Tapin;
let project: StoryProject;
const clients: ContractClient[] = [];
beforeAll(async () => {
  stage = await startStage();
  second = await startTapin({
    env: { TAPIN_DATABASE_URL: stage.databaseUrl, TAPIN_SANDBOX: "off" },
  });
  project = await stage.project();
});
afterAll(async () => {
  for (const client of clients) client.close();
  expect(await second.end()).toBe(0);
  await stage.stop();
});

function onSecond(dialect: keyof typeof CLIENTS, bearer: string): ContractClient {
  const client = CLIENTS[dialect](second.url, bearer);
  clients.push(client);
  return client;
}

describe.each(DIALECTS)("watchSession over %s", (dialect) => {
  it("on the second process sees the login that the first confirms", async () => {
    const session = await project.client().createSession({ state: "s" });
    const person = stage.person();
    const seen: WatchMessage[] = [];
    const times: number[] = [];
    let acted = 0;
    const tab = onSecond(dialect, session.watchToken);
    for await (const message of tab.watchSession(session.sessionId)) {
      seen.push(message);
      times.push(performance.now() - acted);
      acted = performance.now();
      if (message.status !== "pending") continue;
      if (message.opened) await person.tap("Login");
      else await person.open(session.telegramLink);
    }
    expect(seen.map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
    for (const time of times.slice(1)) expect(time).toBeLessThan(AT_ONCE_MS);
    const code = seen.at(-1)?.code ?? "";
    const profile = await onSecond(dialect, project.apiKey).verifyCode({ code });
    expect(profile.state).toBe("s");
    expect((await refusalOf(project.client().verifyCode({ code }))).reason).toBe("code_invalid");
  });

  it("on the first process sees the second one cancel", async () => {
    const session = await project.client().createSession();
    const statuses: string[] = [];
    for await (const { status } of project.client(dialect).watchSession(session.sessionId)) {
      statuses.push(status);
      if (status !== "pending") continue;
      await onSecond(dialect, session.watchToken).cancelSession(session.sessionId);
    }
    expect(statuses).toEqual(["pending", "cancelled"]);
  });
});

describe("T21 a revoked API key", () => {
  it.each(DIALECTS)("is refused on the next call over %s, on every process", async (dialect) => {
    const { slug, keyId, apiKey } = await stage.project();
    const other = String(
      (await stage.admin("POST", `projects/${slug}/keys`, { name: "b" })).api_key,
    );
    const callers = [stage.client(dialect, apiKey), onSecond(dialect, apiKey)];
    for (const caller of callers) expect(await caller.getLink()).toBeTruthy();
    await stage.admin("DELETE", `projects/${slug}/keys/${keyId}`);
    for (const caller of callers) {
      expect(await refusalOf(caller.getLink())).toMatchObject({
        reason: "unauthorized",
        code: dialect === "REST" ? 401 : "unauthenticated",
      });
    }
    expect(await stage.client(dialect, other).getLink()).toBeTruthy();
  });

  it("is shown once and then only by its last characters; its use is noted", async () => {
    const { slug, keyId, apiKey } = await stage.project();
    expect(apiKey).toMatch(/^tapin_live_[A-Za-z0-9]{32}$/);
    await stage.client("REST", apiKey).getLink();
    const list = await awaitAnswer("the use is noted", async () => {
      const found = await stage.admin("GET", `projects/${slug}/keys`);
      return JSON.stringify(found).includes('"last_used_at":null') ? null : found;
    });
    expect(list.keys).toMatchObject([
      {
        key_id: keyId,
        hint: apiKey.slice(-4),
        last_used_at: expect.stringMatching(/^20\d\d-/),
        revoked_at: null,
      },
    ]);
    expect(JSON.stringify(list)).not.toContain(apiKey.slice(0, -4));
  });
});
