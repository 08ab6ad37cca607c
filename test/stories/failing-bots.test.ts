// A project's bot that is replaced or removed while people have its prompts before them, and one
// whose token the messenger refuses: what people see, what links lead to, and what the operator is
// told.

import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { awaitCondition } from "../support/await-condition.ts";
import { type BotApi, startBotApi } from "../support/bot-api.ts";
import type { CreatedSession } from "../support/contract-client.ts";
import { type Stage, type StoryProject, startStage } from "../support/story-stage.ts";
import { startTapin } from "../support/tapin.ts";

const SOON = { timeout: 10_000 };
const EXPIRED = {
  text: "This request has expired. Start again on the site.",
  buttons: [],
};

let api: BotApi;
let stage: Stage;
let project: StoryProject;
let people = 5000;
const newPerson = () => {
  people += 1;
  return String(people);
};

const setBot = (index: number) =>
  stage.admin("PUT", `projects/${project.slug}/bots/telegram`, { token: api.bot(index).token });
const removeBot = () => stage.admin("DELETE", `projects/${project.slug}/bots/telegram`);

/** Name of the bot that the link leads to; null = there is no link. */
async function botOfLink(of = project): Promise<string | null> {
  const { telegramLink } = await of.client().getLink();
  return telegramLink && new URL(telegramLink).pathname.slice(1);
}

const awaitBot = (username: string | null) =>
  awaitCondition(`the link shows ${username}`, async () => (await botOfLink()) === username);

/** What a bot's newest message says to the person. */
async function lastOf(index: number, userId: string) {
  const { messages } = await api.bot(index).sandbox.getChat({ channel: "telegram", userId });
  return messages.at(-1);
}

/** A person opens a new session's link; what they have before them then. */
async function openNew(index: number): Promise<{ userId: string; session: CreatedSession }> {
  await awaitBot(api.bot(index).username);
  const session = await project.client().createSession();
  const userId = newPerson();
  await api.bot(index).open(session.telegramLink, userId);
  return { userId, session };
}

/**
 * The session's link in another bot: the website's page asks for it anew, with the same session.
 */
const linkIn = (index: number, { sessionId }: CreatedSession) =>
  `https://t.me/${api.bot(index).username}?start=auths_${sessionId}`;

describe("a project's bot that goes", () => {
  beforeAll(async () => {
    api = await startBotApi(["GatewayBot", "ShopLoginBot", "NewShopBot"]);
    stage = await startStage({ env: api.env });
    project = await stage.project();
  });
  afterAll(async () => {
    await stage?.stop();
    await api?.close();
  });

  it("replaced: its live prompts say that they are over, and the session opens in the new bot", async () => {
    await setBot(1);
    const { userId, session } = await openNew(1);
    const bystander = await project.client().createSession();
    await setBot(2);
    await expect.poll(() => lastOf(1, userId), SOON).toMatchObject(EXPIRED);
    await awaitBot("NewShopBot");
    const website = project.client();
    expect(await website.getSessionStatus(session.sessionId)).toEqual({ status: "pending" });
    await api.bot(2).open(linkIn(2, session), userId);
    await api.bot(2).tap("Login", userId);
    expect(await website.getSessionStatus(session.sessionId)).toMatchObject({
      status: "completed",
    });
    // The old bot takes no updates any more.
    const silent = await api.bot(1).open(bystander.telegramLink, newPerson());
    expect(silent.join("\n")).not.toContain("Sign in");
  });

  it("removed: the code's button stays while the code works and goes once it is used", async () => {
    await setBot(1);
    const { userId, session } = await openNew(1);
    const address = new URL((await api.bot(1).tap("Login", userId)) ?? "");
    const other = await openNew(1);
    await removeBot();
    await expect.poll(() => lastOf(1, other.userId), SOON).toMatchObject(EXPIRED);
    expect((await lastOf(1, userId))?.buttons).toMatchObject([{ label: "Go to website" }]);
    const code = address.searchParams.get("code") ?? "";
    await project.client().verifyCode({ code });
    await expect
      .poll(() => lastOf(1, userId), SOON)
      .toMatchObject({ text: "You are signed in.", buttons: [] });
    expect(await project.client().getSessionStatus(session.sessionId)).toEqual({
      status: "expired",
    });
    await api.bot(0).open(linkIn(0, other.session), other.userId);
    expect((await lastOf(0, other.userId))?.text).toMatch(/^Sign in to Corner Shop\?/);
  });

  it("set anew with the same token: its live prompts go on working", async () => {
    await setBot(1);
    const { userId, session } = await openNew(1);
    await setBot(1);
    // Once another prompt is settled, the sweeper has come by.
    const other = await openNew(1);
    const first = await lastOf(1, other.userId);
    const newer = await project.client().createSession();
    await expect
      .poll(async () => await api.bot(1).open(newer.telegramLink, other.userId), SOON)
      .toContain("A newer sign-in request has replaced this one.");
    expect(first?.text).toMatch(/^Sign in to Corner Shop\?/);
    await expect
      .poll(
        async () =>
          await api
            .bot(1)
            .tap("Login", userId)
            .catch(() => null),
        SOON,
      )
      .toContain("https://shop.example/login?code=");
    expect(await project.client().getSessionStatus(session.sessionId)).toMatchObject({
      status: "completed",
    });
  });
});

describe("a project's bot whose token is refused", () => {
  beforeAll(async () => {
    api = await startBotApi(["GatewayBot", "ShopLoginBot"]);
    stage = await startStage({ env: api.env });
    project = await stage.project();
    await setBot(1);
    await awaitBot("ShopLoginBot");
  });
  afterEach(() => {
    api.bot(1).tokenValid = true;
  });
  afterAll(async () => {
    await stage?.stop();
    await api?.close();
  });

  interface Finding {
    readonly subject: string;
    readonly problems: readonly string[];
  }
  const doctor = async (url?: string) => {
    const { findings } = await stage.admin("GET", "doctor", undefined, url);
    return (findings as Finding[]).find(({ subject }) => subject.includes("@ShopLoginBot"));
  };

  it("while it runs: no link until the token is accepted again; the doctor names SetBot", async () => {
    const website = project.client();
    api.bot(1).tokenValid = false;
    const finding = await doctor();
    expect(finding?.problems).toEqual([
      "Telegram: the bot token is refused: set it again with SetBot",
    ]);
    expect(await website.getLink()).toMatchObject({ telegramLink: null, configured: false });
    expect((await website.createSession()).telegramLink).toBeNull();
    expect(await botOfLink(await stage.project())).toBe("GatewayBot");
    api.bot(1).tokenValid = true;
    expect((await doctor())?.problems).toEqual([]);
    expect(await botOfLink()).toBe("ShopLoginBot");
  });

  it("at the start: the service starts, without the link until the token is accepted", async () => {
    api.bot(1).tokenValid = false;
    const env = { TAPIN_DATABASE_URL: stage.databaseUrl, ...api.env };
    const second = await startTapin({ env });
    try {
      const website = stage.clientAt(second.url, project.apiKey);
      expect((await website.getLink()).telegramLink).toBeNull();
      expect((await doctor(second.url))?.problems).toHaveLength(1);
      api.bot(1).tokenValid = true;
      // It asks again by itself; the operator who asks is told sooner.
      await stage.admin("GET", "doctor", undefined, second.url);
      expect((await website.getLink()).telegramLink).toContain("/ShopLoginBot?");
      expect(second.output()).toContain("set it again with SetBot");
      expect(second.output()).not.toContain(api.bot(1).token.split(":")[1]);
    } finally {
      await second.end();
    }
  });

  it("under a secret that does not open it: no link, and this Tapin's own bot does not stand in", async () => {
    const TAPIN_SECRET = "another-secret-for-tests-that-is-long-enough";
    const env = { TAPIN_DATABASE_URL: stage.databaseUrl, ...api.env, TAPIN_SECRET };
    const second = await startTapin({ env });
    try {
      const website = stage.clientAt(second.url, project.apiKey);
      expect((await website.getLink()).telegramLink).toBeNull();
      const { findings } = await stage.admin("GET", "doctor", undefined, second.url);
      expect(findings).toContainEqual({
        subject: "bot telegram @ShopLoginBot",
        healthy: false,
        problems: ["no key of TAPIN_SECRET opens its token: set it again with SetBot"],
      });
    } finally {
      await second.end();
    }
  });
});

describe("SetBot before this Tapin knows its own bot", () => {
  beforeAll(async () => {
    api = await startBotApi(["GatewayBot"]);
    api.bot(0).reachable = false;
    stage = await startStage({ env: api.env });
    project = await stage.project();
  });
  afterAll(async () => {
    await stage?.stop();
    await api?.close();
  });

  it("refuses this Tapin's own bot all the same", async () => {
    await expect(setBot(0)).rejects.toThrow("unavailable");
    // By now the pauses between two tries have grown to seconds.
    await awaitCondition("it was asked again and again", async () => api.bot(0).refusedCalls >= 5);
    api.bot(0).reachable = true;
    await expect(setBot(0)).rejects.toThrow("This bot is this Tapin's own.");
    expect(await botOfLink()).toBeNull();
  });
});
