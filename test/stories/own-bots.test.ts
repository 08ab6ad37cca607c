// A project's own bot: set, used, listed and taken away without a restart; its token is in no
// answer, in no row and in no line of the log.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { awaitCondition } from "../support/await-condition.ts";
import { type BotApi, startBotApi } from "../support/bot-api.ts";
import { restFetch } from "../support/rest-client.ts";
import { type Stage, type StoryProject, startStage } from "../support/story-stage.ts";

let api: BotApi;
let stage: Stage;
let project: StoryProject;
/** Everything AdminService has answered here. */
const answers: string[] = [];
beforeAll(async () => {
  api = await startBotApi(["GatewayBot", "ShopLoginBot", "NewShopBot"]);
  stage = await startStage({ env: api.env });
  project = await stage.project();
});
afterAll(async () => {
  await stage?.stop();
  await api?.close();
});

async function admin(method: string, path: string, body?: object, headers = {}) {
  const call = { method, bearer: stage.tapin.adminToken, headers, ...(body && { body }) };
  const response = await restFetch(`${stage.url}/v1/admin/projects/${path}`, call);
  const text = await response.text();
  answers.push(text);
  return { status: response.status, answer: JSON.parse(text) };
}

const setBot = (token: string, slug = project.slug) =>
  admin("PUT", `${slug}/bots/telegram`, { token });

async function botOfLink(of = project): Promise<string> {
  const { telegramLink } = await of.client().getLink();
  return new URL(telegramLink ?? "").pathname.slice(1);
}

const awaitBot = (username: string) =>
  awaitCondition(`the link shows ${username}`, async () => (await botOfLink()) === username);

/** Logs a person in through a bot; who they are for the project. */
async function logInBy(index: number): Promise<string> {
  const website = project.client();
  const { telegramLink, sessionId } = await website.createSession();
  await api.bot(index).open(telegramLink, "4711");
  const address = new URL((await api.bot(index).tap("Login", "4711")) ?? "");
  const code = address.searchParams.get("code") ?? "";
  expect(await website.getSessionStatus(sessionId)).toEqual({ status: "completed", code });
  return (await website.verifyCode({ code })).subscriberId;
}

describe("SetBot, ListBots and RemoveBot", () => {
  let subscriberId: string;

  it("before: the project has this Tapin's bot, and no own one", async () => {
    expect(await botOfLink()).toBe("GatewayBot");
    expect(await admin("GET", `${project.slug}/bots`)).toEqual({
      status: 200,
      answer: { bots: [] },
    });
    subscriberId = await logInBy(0);
  });

  it("SetBot answers with the bot; links show it, and a login goes through it", async () => {
    expect(await setBot(api.bot(1).token)).toEqual({
      status: 200,
      answer: { channel: "telegram", username: "ShopLoginBot" },
    });
    await awaitBot("ShopLoginBot");
    expect(await logInBy(1)).toBe(subscriberId);
    expect(await admin("GET", `${project.slug}/bots`)).toEqual({
      status: 200,
      answer: { bots: [{ channel: "telegram", username: "ShopLoginBot" }] },
    });
  });

  it("it speaks for its project only, and another project keeps this Tapin's bot", async () => {
    const other = await stage.project({ name: "Other Shop" });
    expect(await botOfLink(other)).toBe("GatewayBot");
    const { telegramLink, sessionId } = await other.client().createSession();
    const link = (telegramLink ?? "").replace("GatewayBot", "ShopLoginBot");
    const texts = await api.bot(1).open(link, "815");
    expect(texts.join("\n")).not.toContain("Other Shop");
    expect(await other.client().getSessionStatus(sessionId)).toEqual({ status: "pending" });
    expect(await setBot(api.bot(1).token, other.slug)).toMatchObject({
      status: 409,
      answer: { code: "conflict" },
    });
  });

  it("this Tapin's own bot and a refused token are no bots for a project", async () => {
    expect(await setBot(api.bot(0).token)).toMatchObject({
      status: 409,
      answer: { code: "conflict" },
    });
    const refused = await setBot(`${api.bot(1).token}-refused`);
    expect(refused).toMatchObject({
      status: 400,
      answer: { code: "validation_failed", violations: [{ field: "token" }] },
    });
    expect(await botOfLink()).toBe("ShopLoginBot");
  });

  it("SetBot again replaces it without a restart", async () => {
    expect((await setBot(api.bot(2).token)).status).toBe(200);
    await awaitBot("NewShopBot");
    expect(await logInBy(2)).toBe(subscriberId);
  });

  it("a call tells its trace to a Bot API of one's own; what the bot does by itself tells none", async () => {
    const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
    const headers = { traceparent: `00-${traceId}-00f067aa0ba902b7-01`, tracestate: "shop=1" };
    const body = { token: api.bot(2).token };
    const path = `${project.slug}/bots/telegram`;
    expect((await admin("PUT", path, body, headers)).status).toBe(200);
    expect(await logInBy(2)).toBe(subscriberId);
    const { traces } = api.bot(2);
    expect(traces.map(([method]) => method)).toContain("getMe");
    for (const [method, parent, state] of traces) {
      expect(["getMe", "getWebhookInfo"]).toContain(method);
      expect(parent).toMatch(new RegExp(`^00-${traceId}-(?!00f067aa0ba902b7)[0-9a-f]{16}-01$`));
      expect(state).toBe("shop=1");
    }
  });

  it("the token is in no answer, in no row and in no line of the log", async () => {
    const { telegramLink } = await project.client().createSession();
    const rows = await everyRow();
    expect(rows).toContain("NewShopBot");
    const told = [...answers, telegramLink ?? "", rows, stage.tapin.output()].join("\n");
    for (const index of [0, 1, 2]) {
      const { token } = api.bot(index);
      const [, secret = ""] = token.split(":");
      for (const form of [secret, Buffer.from(token).toString("base64").slice(0, 40)]) {
        expect(told.includes(form)).toBe(false);
      }
    }
  });

  it("RemoveBot gives the project this Tapin's bot back; a second time there is none", async () => {
    expect(await admin("DELETE", `${project.slug}/bots/telegram`)).toEqual({
      status: 200,
      answer: {},
    });
    await awaitBot("GatewayBot");
    expect(await logInBy(0)).toBe(subscriberId);
    expect(await admin("DELETE", `${project.slug}/bots/telegram`)).toMatchObject({
      status: 404,
      answer: { code: "not_found" },
    });
  });
});

/** Every row of every table, as text. */
async function everyRow(): Promise<string> {
  const tables = await stage.query(
    "select table_name from information_schema.tables where table_schema = 'public'",
  );
  const texts = tables.map(async ({ table_name }) => {
    const rows = await stage.query(`select row_to_json(t)::text as row from "${table_name}" t`);
    return rows.map(({ row }) => String(row)).join("\n");
  });
  return (await Promise.all(texts)).join("\n");
}
