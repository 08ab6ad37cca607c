// A crowd logs in through one bot in the same moment, while the messenger keeps to its vendor's
// limits: everybody gets through, nobody twice, and how long that takes is printed.

import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { SandboxChannel } from "../../src/sandbox/sandbox.ts";
import { awaitAnswer } from "../support/await-condition.ts";
import { CLIENTS } from "../support/clients.ts";
import {
  CallError,
  type ContractClient,
  type CreatedSession,
  type Profile,
} from "../support/contract-client.ts";
import { printFigure } from "../support/figure.ts";
import { type MessengerServer, startMessengers } from "../support/messenger-server.ts";
import { queryOnce } from "../support/postgres.ts";
import { makePostgresStorage, makeSite, type Site, type TestStorage } from "../support/site.ts";
import { type Runtime, startTapin, type Tapin } from "../support/tapin.ts";

/** Watchers on one gRPC connection: the service takes 100 streams on each. */
const WATCHERS_A_CONNECTION = 50;

/** How long the last one of the crowd may wait for a message of the bot, in milliseconds. */
const PATIENCE_MS = 120_000;

/** Calls that one client makes at most for one answer of a busy service. */
const MOST_TRIES = 10;

/** Pause before a client comes again, in milliseconds. */
const TRY_AGAIN_MS = 1000;

/**
 * Most answers with 429 for each person, on average: a bot that kept to the limits meets few, and
 * one that ran against them again and again would meet many.
 */
const MOST_429_A_PERSON = 0.25;

/** One person's way through the crowd: when what happened, in milliseconds of this process. */
interface Passage {
  readonly session: CreatedSession;
  readonly profile: Profile;
  readonly tappedAt: number;
  readonly completedAt: number;
  readonly shownAt: number;
}

/** Who comes, and how. */
interface Setting {
  readonly channel: SandboxChannel;
  readonly updates: "polling" | "webhook";
  readonly runtime: Runtime;
  readonly people: number;
}

interface Crowd extends Setting {
  readonly messengers: MessengerServer;
  readonly storage: TestStorage & { readonly databaseUrl: string };
  readonly tapin: Tapin;
  readonly site: Site;
  /** Clients that watch, each with connections of its own. */
  readonly pages: readonly ContractClient[];
  /** One entry for each call that had to be made again. */
  readonly repeated: string[];
  stop(): Promise<void>;
}

async function gather(setting: Setting): Promise<Crowd> {
  const { channel, updates, runtime, people } = setting;
  const messengers = await startMessengers({
    telegramRules: { rateLimits: true },
    maxRules: { rateLimits: true, webhookUrls: "any" },
  });
  const storage = await makePostgresStorage();
  const bot = channel === "telegram" ? messengers.telegramEnv : messengers.maxEnv;
  const env = { ...storage.env, ...bot, TAPIN_UPDATES: updates };
  const tapin = await startTapin({ runtime, env });
  const site = await makeSite(tapin);
  const grpc = Array.from({ length: people / 2 / WATCHERS_A_CONNECTION }, () =>
    CLIENTS.gRPC(tapin.url, null),
  );
  // A watch over SSE has its connection for itself.
  const pages = grpc.flatMap((client) => [client, CLIENTS.REST(tapin.url, null)]);
  return {
    ...setting,
    messengers,
    storage,
    tapin,
    site,
    pages,
    repeated: [],
    async stop() {
      for (const page of pages) page.close();
      site.close();
      await tapin.end();
      await storage.remove();
      await messengers.close();
    },
  };
}

/**
 * Calls until there is an answer: a busy service may say `unavailable`, and every client has to
 * come again then, after a pause. Rejects with the last refusal when there is no answer to
 * {@link MOST_TRIES} calls.
 */
async function patiently<T>(crowd: Crowd, call: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await call();
    } catch (error) {
      const isBusy = error instanceof CallError && error.reason === "unavailable";
      if (!isBusy || tries === MOST_TRIES) throw error;
      crowd.repeated.push(error.reason);
      await pause(TRY_AGAIN_MS);
    }
  }
}

/** Watches until the login is completed; when that was, and the code. */
async function watch(page: ContractClient, { sessionId, watchToken }: CreatedSession) {
  for await (const { status, code } of page.watchSession(sessionId, { bearer: watchToken })) {
    if (status === "pending") continue;
    expect(status).toBe("completed");
    return { completedAt: performance.now(), code: code ?? "" };
  }
  throw new Error("the watch ended without an end of the login");
}

/** The newest message of the person's chat, once it carries that button. */
async function shown({ messengers, channel }: Crowd, userId: string, label: string) {
  const { sandbox } = messengers;
  const look = async () => {
    const { messages } = await sandbox.getChat({ channel, userId });
    const newest = messages.at(-1);
    const button = newest?.buttons.find((each) => each.label === label);
    return newest === undefined || button === undefined ? null : { ...newest, url: button.url };
  };
  const message = await awaitAnswer(`${label} for ${userId}`, look, PATIENCE_MS);
  return { ...message, at: performance.now() };
}

/** Verifies twice in the same moment: one of the two gets the profile, the other is refused. */
async function verifyTwice(crowd: Crowd, { sessionId }: CreatedSession, code: string) {
  const { rest, grpc } = crowd.site;
  const calls = [rest, grpc].map((client) => {
    const headers = { "idempotency-key": `${client.dialect} ${sessionId}` };
    return patiently(crowd, () => client.verifyCode({ code }, { headers }));
  });
  const results = await Promise.allSettled(calls);
  const profiles = results.flatMap((it) => (it.status === "fulfilled" ? [it.value] : []));
  const refusals = results.flatMap((it) => (it.status === "rejected" ? [it.reason] : []));
  for (const refusal of refusals) {
    if (!(refusal instanceof CallError)) throw refusal;
    expect(refusal.reason).toBe("code_invalid");
  }
  const [profile] = profiles;
  if (profile === undefined || profiles.length !== 1)
    throw new Error(`${profiles.length} profiles`);
  return profile;
}

async function pass(crowd: Crowd, index: number, session: CreatedSession): Promise<Passage> {
  const { channel, messengers, pages } = crowd;
  const { sandbox } = messengers;
  const userId = String(1_000_000 + index);
  const page = pages[index % pages.length] as ContractClient;
  const completed = patiently(crowd, () => watch(page, session));
  const link = (channel === "telegram" ? session.telegramLink : session.maxLink) ?? "";
  // The answers of the sandbox are not waited for: in a crowd they come long before the bot does.
  void sandbox.openLink({ link, user: { id: userId, firstName: `Person ${index}`, lang: "en" } });
  const prompt = await shown(crowd, userId, "Login");
  const tappedAt = performance.now();
  void sandbox.tapButton({ channel, userId, messageId: prompt.messageId, label: "Login" });
  const { completedAt, code } = await completed;
  const confirmed = await shown(crowd, userId, "Go to website");
  const { messages } = await sandbox.getChat({ channel, userId });
  const fromBot = messages.filter(({ from }) => from === "bot");
  expect(fromBot.map(({ messageId }) => messageId)).toEqual([prompt.messageId]);
  expect(new URL(confirmed.url ?? "").searchParams.get("code")).toBe(code);
  const profile = await verifyTwice(crowd, session, code);
  expect(profile).toMatchObject({ channel, firstName: `Person ${index}` });
  return { session, profile, tappedAt, completedAt, shownAt: confirmed.at };
}

function spread(values: readonly number[]): string {
  const sorted = [...values].sort((left, right) => left - right);
  const at = (part: number) => Math.round(sorted[Math.floor((sorted.length - 1) * part)] ?? 0);
  return `median ${at(0.5)} ms, worst ${at(1)} ms`;
}

function print(crowd: Crowd, passages: readonly Passage[]): void {
  const { people, channel, updates, runtime, messengers, repeated } = crowd;
  const title = `${people} people at once, ${channel}, ${updates}, ${runtime}`;
  const figure = (what: string, value: string) => printFigure(`${title}, ${what}`, value);
  figure("tap to completed", spread(passages.map((it) => it.completedAt - it.tappedAt)));
  figure("tap to the confirmed message", spread(passages.map((it) => it.shownAt - it.tappedAt)));
  const last = Math.max(...passages.map(({ shownAt }) => shownAt));
  const first = Math.min(...passages.map(({ tappedAt }) => tappedAt));
  figure("first tap to the last confirmed message", `${Math.round((last - first) / 1000)} s`);
  const calls = [...messengers.answers.values()].reduce((sum, count) => sum + count, 0);
  figure("calls made again after `unavailable`", String(repeated.length));
  figure("calls of the bot", `${calls}, of these ${messengers.answers.get(429) ?? 0} met with 429`);
}

/** What the database says of the crowd. */
const COUNTS = `select
  (select count(*) from sessions where status = 'verified')::integer as sessions,
  (select count(*) from subscribers)::integer as subscribers,
  (select count(*) from grants)::integer as grants,
  (select count(*) from grants where used_at is not null)::integer as used`;

describe.each<Setting>([
  { channel: "telegram", updates: "polling", runtime: "node", people: 500 },
  { channel: "max", updates: "polling", runtime: "node", people: 500 },
  { channel: "telegram", updates: "webhook", runtime: "deno", people: 200 },
])("$people people at once through $channel by $updates on $runtime", (setting) => {
  const { people } = setting;
  let crowd: Crowd;
  beforeAll(async () => {
    crowd = await gather(setting);
  });
  afterAll(() => crowd?.stop());

  test("all log in within the vendor's limits, none twice, and no tap waits for the prompts of others", {
    timeout: 2 * PATIENCE_MS,
  }, async () => {
    const { site, storage } = crowd;
    const sessions = await Promise.all(
      Array.from({ length: people }, () => patiently(crowd, () => site.rest.createSession())),
    );
    const passages = await Promise.all(
      sessions.map((session, index) => pass(crowd, index, session)),
    );
    print(crowd, passages);
    expect(crowd.messengers.answers.get(429) ?? 0).toBeLessThanOrEqual(people * MOST_429_A_PERSON);
    // Everybody makes four calls: create, watch, and verify twice.
    expect(crowd.repeated.length).toBeLessThanOrEqual(people);
    expect(new Set(passages.map(({ profile }) => profile.subscriberId)).size).toBe(people);
    const [counts] = await queryOnce(storage.databaseUrl, COUNTS);
    const all = { sessions: people, subscribers: people, grants: people, used: people };
    expect(counts).toEqual(all);
    // In MAX answers and prompts stand in one line: nobody's answer may wait until the last one is
    // asked.
    if (setting.channel !== "max") return;
    const lastTap = Math.max(...passages.map(({ tappedAt }) => tappedAt));
    const early = passages.filter(({ shownAt }) => shownAt < lastTap);
    expect(early.length).toBeGreaterThanOrEqual(people / 4);
  });
});
