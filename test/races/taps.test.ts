// T7, T8 through the whole service: a person who taps many times or two buttons at once, a website
// that cancels in the same moment, many people at once. Races below the bot, which takes one
// person's taps in order, are in decide-prompt.test.ts.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { awaitCondition } from "../support/await-condition.ts";
import { CLIENTS } from "../support/clients.ts";
import type { ContractClient, StatusAnswer, WatchMessage } from "../support/contract-client.ts";
import { type Bubble, codeOf, labelsOf, makePerson, type Person } from "../support/person.ts";
import { queryOnce } from "../support/postgres.ts";
import { holdLock } from "../support/row-lock.ts";
import {
  confirmLogin,
  makePostgresStorage,
  makeSite,
  openPrompt,
  type Site,
  STORAGES,
  settledBubble,
  type TestStorage,
} from "../support/site.ts";
import { RUNTIMES, startTapin, type Tapin } from "../support/tapin.ts";

const ROUNDS = 30;

/** Rounds that run side by side. */
const AT_ONCE = 10;

interface Service {
  readonly storage: TestStorage;
  readonly tapin: Tapin;
  readonly site: Site;
  stop(): Promise<void>;
}

async function startService(
  makeStorage: () => Promise<TestStorage>,
  runtime: (typeof RUNTIMES)[number],
): Promise<Service> {
  const storage = await makeStorage();
  const tapin = await startTapin({ runtime, env: storage.env });
  const site = await makeSite(tapin);
  return {
    storage,
    tapin,
    site,
    async stop() {
      site.close();
      await tapin.end();
      await storage.remove();
    },
  };
}

/** A session whose link a person has opened, watched over gRPC and SSE with its watch token. */
interface OpenedLogin {
  readonly sessionId: string;
  readonly person: Person;
  readonly prompt: Bubble;
  /** A client with the watch token. */
  readonly page: ContractClient;
  /** The last message of each watcher. */
  readonly ends: Promise<readonly WatchMessage[]>;
  close(): void;
}

async function openLogin({ tapin, site }: Service): Promise<OpenedLogin> {
  const { sessionId, telegramLink, watchToken } = await site.rest.createSession();
  const pages = [CLIENTS.REST(tapin.url, watchToken), CLIENTS.gRPC(tapin.url, watchToken)];
  const ends = Promise.all(pages.map((page) => lastOf(page.watchSession(sessionId))));
  const person = makePerson(tapin.url);
  return {
    sessionId,
    person,
    prompt: await openPrompt(person, telegramLink),
    page: pages[0] as ContractClient,
    ends,
    close() {
      for (const page of pages) page.close();
    },
  };
}

async function lastOf(stream: AsyncIterable<WatchMessage>): Promise<WatchMessage> {
  let last: WatchMessage | null = null;
  for await (const message of stream) {
    if (last !== null && last.status !== "pending") throw new Error("a message after the end");
    last = message;
  }
  if (last === null) throw new Error("no message");
  return last;
}

/** A tap on a button that another tap has just removed is no tap: the sandbox refuses it. */
async function tapIfThere(person: Person, label: string, messageId: string): Promise<boolean> {
  try {
    await person.tap(label, messageId);
    return true;
  } catch (error) {
    if (/no such button/.test(String(error))) return false;
    throw error;
  }
}

async function inRounds(round: (index: number) => Promise<void>): Promise<void> {
  for (let first = 0; first < ROUNDS; first += AT_ONCE) {
    await Promise.all(Array.from({ length: AT_ONCE }, (_, index) => round(first + index)));
  }
}

/** Everybody who can know it says the same of how the session ended; `completed` or `cancelled`. */
async function expectOneEnd(
  login: OpenedLogin,
  { site, storage }: Service,
): Promise<"completed" | "cancelled"> {
  const { sessionId, page, person, prompt } = login;
  const ends = await login.ends;
  const [end] = ends as [WatchMessage];
  const told: StatusAnswer =
    end.code === undefined ? { status: end.status } : { status: end.status, code: end.code };
  expect(["completed", "cancelled"]).toContain(end.status);
  for (const other of ends) expect(other).toEqual({ ...told, opened: true, sequence: 3 });
  expect(await page.getSessionStatus(sessionId)).toEqual(told);
  // The watch token is the recipient already: with the API key nobody is told the code any more.
  const expected = end.status === "completed" ? "expired" : "cancelled";
  expect(await site.rest.getSessionStatus(sessionId)).toEqual({ status: expected });
  const bubble = await settledBubble(person, prompt.message_id);
  if (end.status === "completed") expect(codeOf(bubble)).toBe(end.code);
  else expect(labelsOf(bubble)).toEqual([]);
  if (storage.databaseUrl !== null) {
    const text = "select status from sessions where id = $1";
    expect(await queryOnce(storage.databaseUrl, text, [sessionId])).toEqual([
      { status: end.status },
    ]);
  }
  return end.status as "completed" | "cancelled";
}

describe.each(STORAGES)("taps on $name", { timeout: 60_000 }, ({ makeStorage }) => {
  let service: Service;
  beforeAll(async () => {
    service = await startService(makeStorage, "node");
  });
  afterAll(() => service?.stop());

  test("T8 Login and Cancel tapped at the same moment have one end that all readers agree on", async () => {
    await inRounds(async (index) => {
      const login = await openLogin(service);
      const { person, prompt } = login;
      const labels = index % 2 === 0 ? ["Login", "Cancel"] : ["Cancel", "Login"];
      const taps = labels.map((label) => tapIfThere(person, label, prompt.message_id));
      expect((await Promise.all(taps)).includes(true)).toBe(true);
      await expectOneEnd(login, service);
      login.close();
    });
  });

  test("T8 cancelSession and Login at the same moment have one end that all readers agree on", async () => {
    await inRounds(async (index) => {
      const login = await openLogin(service);
      const { person, prompt, sessionId } = login;
      const website = index % 2 === 0 ? service.site.rest : service.site.grpc;
      const tap = tapIfThere(person, "Login", prompt.message_id);
      const [answer] = await Promise.all([website.cancelSession(sessionId), tap]);
      expect(await expectOneEnd(login, service)).toBe(answer.status);
      login.close();
    });
  });
});

describe("100 Login taps on PostgreSQL", () => {
  let service: Service;
  beforeAll(async () => {
    service = await startService(makePostgresStorage, "node");
  });
  afterAll(() => service?.stop());

  test("T7 100 simultaneous Login taps are one transition, one code and one subscriber", async () => {
    const { storage, site } = service;
    const databaseUrl = storage.databaseUrl as string;
    const login = await openLogin(service);
    const { sessionId, person, prompt } = login;
    // While the session is locked no tap takes effect, so every one is made before the first is
    // decided.
    const statement = "select 1 from sessions where id = $1 for update";
    const lock = await holdLock(databaseUrl, statement, [sessionId]);
    const taps = Array.from({ length: 100 }, () => person.tap("Login", prompt.message_id));
    await Promise.all(taps);
    await lock.release();
    const [end] = (await login.ends) as [WatchMessage];
    // What a person does takes effect in order: an answer to this means that every tap has had its
    // own.
    await person.type("/help");
    const answered = async () => (await person.chat()).at(-1)?.from === "bot";
    await awaitCondition("the bot answers what was typed last", answered);
    const bubble = await person.bubble(prompt.message_id);
    expect(codeOf(bubble)).toBe(end.code);
    expect(end).toMatchObject({ status: "completed", sequence: 3 });
    const counts = `select
      (select count(*) from grants where session_id = $1)::integer as grants,
      (select count(*) from subscribers where messenger_user_id = $2)::integer as subscribers,
      (select sequence from sessions where id = $1) as sequence`;
    const expected = [{ grants: 1, subscribers: 1, sequence: 3 }];
    expect(await queryOnce(databaseUrl, counts, [sessionId, person.id])).toEqual(expected);
    expect(await person.chat()).toHaveLength(4);
    await site.rest.verifyCode({ code: end.code as string });
    login.close();
  });
});

describe.each([
  { runtime: RUNTIMES[0], storage: STORAGES[0] },
  { runtime: RUNTIMES[1], storage: STORAGES[1] },
] as const)("20 people on $runtime and $storage.name", ({ runtime, storage }) => {
  let service: Service;
  beforeAll(async () => {
    if (storage === undefined) throw new Error("no storage");
    service = await startService(storage.makeStorage, runtime);
  });
  afterAll(() => service?.stop());

  test("20 people log in at once and each website page gets the code of its own person", async () => {
    const { tapin, site } = service;
    const logins = await Promise.all(
      Array.from({ length: 20 }, async (_, index) => {
        const website = { rest: index % 2 === 0 ? site.rest : site.grpc };
        const who = { first_name: `Person ${index}`, username: `person_${index}` };
        const login = await confirmLogin(tapin, website, { who, input: { state: `tab-${index}` } });
        const { sessionId, watchToken } = login.session;
        const told = await website.rest.getSessionStatus(sessionId, { bearer: watchToken });
        expect(told).toEqual({ status: "completed", code: login.code });
        const profile = await website.rest.verifyCode({ code: login.code });
        expect(profile).toMatchObject({
          firstName: who.first_name,
          username: who.username,
          state: `tab-${index}`,
        });
        return { code: login.code, subscriberId: profile.subscriberId };
      }),
    );
    expect(new Set(logins.map(({ code }) => code)).size).toBe(20);
    expect(new Set(logins.map(({ subscriberId }) => subscriberId)).size).toBe(20);
  });
});
