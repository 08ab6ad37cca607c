// Prompts in many hands: newer ones replace older ones, the first account owns the session, and
// buttons that are stale, forwarded or forged do nothing: T11, T12, T13.

import { randomInt } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ChatMessage, SandboxUser } from "../../src/sandbox/chat.ts";
import type { ContractClient, CreatedSession } from "../support/contract-client.ts";
import { type MessengerServer, startMessengers } from "../support/messenger-server.ts";
import { type Stage, startStage } from "../support/story-stage.ts";

const SOON = { timeout: 10_000 };
const PENDING = { status: "pending" };
const REPLACED = { text: "A newer sign-in request has replaced this one.", buttons: [] };
const TAKEN = {
  text: "Another account has already opened this request. Start again on the site.",
  buttons: [],
};
const STALE = "This button no longer works. Start again on the site.";

let telegram: MessengerServer;
let stage: Stage;
let website: ContractClient;
beforeAll(async () => {
  telegram = await startMessengers();
  stage = await startStage({ env: telegram.telegramEnv });
  website = (await stage.project()).client();
});
afterAll(async () => {
  await stage.stop();
  await telegram.close();
});

/** A person who can also tap what no button of theirs carries. */
function newPerson() {
  const user: SandboxUser = { id: String(randomInt(1, 2 ** 47)), firstName: "John", lang: "en" };
  const owner = { channel: "telegram", userId: user.id } as const;
  const { sandbox } = telegram;
  const last = async (chat: Promise<{ messages: readonly ChatMessage[] }>) =>
    (await chat).messages.at(-1) as ChatMessage;
  return {
    open: ({ telegramLink }: CreatedSession) =>
      last(sandbox.openLink({ link: telegramLink ?? "", user })),
    tap: ({ messageId }: ChatMessage, label: string) =>
      last(sandbox.tapButton({ ...owner, messageId, label })),
    tapData: (messageId: string, data: string) =>
      last(sandbox.telegram.tapData(user.id, messageId, data)),
    async bubble({ messageId }: ChatMessage) {
      const { messages } = await sandbox.getChat(owner);
      return messages.find((message) => message.messageId === messageId);
    },
  };
}

const newSession = () => website.createSession();
const statusOf = ({ sessionId }: CreatedSession) => website.getSessionStatus(sessionId);

/** What the buttons of a session's newest prompt carry in front of their decision. */
async function tokenOf({ sessionId }: CreatedSession): Promise<string> {
  const [row] = await stage.query(
    "select token from prompts where session_id = $1 order by created_at desc limit 1",
    [sessionId],
  );
  return String(row?.token);
}

it("the link is the messenger's own, as the contract shows it", async () => {
  const { sessionId, telegramLink } = await newSession();
  expect(telegramLink).toBe(`https://t.me/TapinDemoBot?start=auths_${sessionId}`);
});

describe("T11 one live prompt for each project and person", () => {
  it("the newer one replaces the older one and says so", async () => {
    const person = newPerson();
    const [first, second] = [await newSession(), await newSession()];
    const older = await person.open(first);
    const newer = await person.open(second);
    await expect.poll(() => person.bubble(older), SOON).toMatchObject(REPLACED);
    expect(await statusOf(first)).toEqual(PENDING);
    await person.tap(newer, "Login");
    expect(await statusOf(second)).toMatchObject({ status: "completed" });
    expect(await statusOf(first)).toEqual(PENDING);
  });

  it("opening the same link again moves the buttons to the newer message", async () => {
    const person = newPerson();
    const session = await newSession();
    const older = await person.open(session);
    const newer = await person.open(session);
    await expect.poll(() => person.bubble(older), SOON).toMatchObject(REPLACED);
    await person.tap(newer, "Login");
    expect(await statusOf(session)).toMatchObject({ status: "completed" });
  });

  it("prompts of two projects and of two people stand side by side", async () => {
    const [person, neighbour] = [newPerson(), newPerson()];
    const other = (await stage.project()).client();
    const mine = await newSession();
    const elsewhere = await other.createSession();
    const theirs = await newSession();
    const prompt = await person.open(mine);
    const second = await person.open(elsewhere);
    const third = await neighbour.open(theirs);
    await person.tap(prompt, "Login");
    await person.tap(second, "Login");
    await neighbour.tap(third, "Login");
    for (const session of [mine, theirs]) {
      expect(await statusOf(session)).toMatchObject({ status: "completed" });
    }
    expect(await other.getSessionStatus(elsewhere.sessionId)).toMatchObject({
      status: "completed",
    });
  });
});

describe("T12 the first account to open the link owns the session", () => {
  it("a second account is refused and the first still logs in", async () => {
    const [owner, stranger] = [newPerson(), newPerson()];
    const session = await newSession();
    const prompt = await owner.open(session);
    expect(await stranger.open(session)).toMatchObject(TAKEN);
    expect(await statusOf(session)).toEqual(PENDING);
    await owner.tap(prompt, "Login");
    expect(await statusOf(session)).toMatchObject({ status: "completed" });
    expect((await stranger.open(session)).text).toBe("This request was already used.");
  });

  it.each(["l", "c", "s"])(
    "a forwarded prompt's %s: button does nothing in other hands",
    async (verb) => {
      const [owner, stranger] = [newPerson(), newPerson()];
      const session = await newSession();
      const prompt = await owner.open(session);
      await stranger.open(await newSession());
      const answer = await stranger.tapData(prompt.messageId, `${verb}:${await tokenOf(session)}`);
      expect(answer.text).toBe(STALE);
      expect(await statusOf(session)).toEqual(PENDING);
      expect(await owner.bubble(prompt)).toEqual(prompt);
      await owner.tap(prompt, "Login");
      expect(await statusOf(session)).toMatchObject({ status: "completed" });
    },
  );
});

describe("T13 a stale or forged button has no effect", () => {
  it.each(["l", "c"])("the replaced prompt's %s: button decides nothing", async (verb) => {
    const person = newPerson();
    const [first, second] = [await newSession(), await newSession()];
    const older = await person.open(first);
    const stale = `${verb}:${await tokenOf(first)}`;
    const newer = await person.open(second);
    await person.tapData(older.messageId, stale);
    expect(await statusOf(first)).toEqual(PENDING);
    expect(await statusOf(second)).toEqual(PENDING);
    await person.tap(newer, "Login");
    expect(await statusOf(second)).toMatchObject({ status: "completed" });
  });

  it("Login after Cancel stays cancelled, Cancel after Login stays completed", async () => {
    for (const [label, data, status] of [
      ["Cancel", "l", "cancelled"],
      ["Login", "c", "completed"],
    ] as const) {
      const person = newPerson();
      const session = await newSession();
      const prompt = await person.open(session);
      const late = `${data}:${await tokenOf(session)}`;
      await person.tap(prompt, label);
      await person.tapData(prompt.messageId, late);
      expect(await statusOf(session)).toMatchObject({ status });
    }
  });

  it("T7 a second Login shows the same code again and subscribes once", async () => {
    const person = newPerson();
    const session = await newSession();
    const prompt = await person.open(session);
    const again = `l:${await tokenOf(session)}`;
    const confirmed = await person.tap(prompt, "Login");
    expect(await person.tapData(prompt.messageId, again)).toEqual(confirmed);
    const grants = await stage.query("select id from grants where session_id = $1", [
      session.sessionId,
    ]);
    expect(grants).toHaveLength(1);
  });

  it.each(["l:", "l:AAAAAAAAAAAAAAAAAAAAAA", "login", "", "x".repeat(64), "m:TOKEN:42", "s:TOKEN"])(
    "forged data %j leaves the prompt as it is",
    async (forged) => {
      const person = newPerson();
      const session = await newSession();
      const prompt = await person.open(session);
      await person.tapData(prompt.messageId, forged.replace("TOKEN", await tokenOf(session)));
      expect(await statusOf(session)).toEqual(PENDING);
      await person.tap(prompt, "Login");
      expect(await statusOf(session)).toMatchObject({ status: "completed" });
    },
  );

  it("T22 the button that asks for notifications does nothing in other hands, nor before Login", async () => {
    const site = (await stage.project({ subscription: "ask" })).client();
    const [owner, stranger] = [newPerson(), newPerson()];
    const session = await site.createSession();
    const subscribed = () =>
      stage.query(
        `select 1 from subscribers join projects on projects.id = project_id
         where subscription = 'ask' and subscribed`,
      );
    const prompt = await owner.open(session);
    const notify = `s:${await tokenOf(session)}`;
    await owner.tapData(prompt.messageId, notify);
    await owner.tap(prompt, "Login");
    await stranger.open(await newSession());
    expect((await stranger.tapData(prompt.messageId, notify)).text).toBe(STALE);
    expect(await subscribed()).toEqual([]);
    await owner.tapData(prompt.messageId, notify);
    expect(await subscribed()).toHaveLength(1);
  });

  it("T2 Login forged on a prompt that asks for the match code approves nothing", async () => {
    const person = newPerson();
    const session = await website.createSession({ matchCode: true });
    const prompt = await person.open(session);
    await person.tapData(prompt.messageId, `l:${await tokenOf(session)}`);
    expect(await statusOf(session)).toEqual(PENDING);
    await person.tap(prompt, session.matchCode ?? "");
    expect(await statusOf(session)).toMatchObject({ status: "completed" });
  });
});
