// Webhooks: logins whose updates the messengers deliver, and what a forged delivery comes to.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { awaitAnswer, awaitCondition } from "../support/await-condition.ts";
import { type BotApi, startBotApi } from "../support/bot-api.ts";
import { codeOf } from "../support/person.ts";
import { restFetch } from "../support/rest-client.ts";
import { type Stage, type StoryProject, startStage } from "../support/story-stage.ts";
import { RUNTIMES } from "../support/tapin.ts";

/** Bytes an update may have. */
const UPDATE_LIMIT = 256 * 1024;

describe.each(RUNTIMES)("TAPIN_UPDATES=webhook with the sandbox, on %s", (runtime) => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await startStage({ runtime, env: { TAPIN_UPDATES: "webhook" } });
  });
  afterAll(() => stage.stop());

  it.each(["telegram", "max"] as const)("a login through %s", async (channel) => {
    const website = (await stage.project()).client();
    const session = await website.createSession();
    const link = channel === "max" ? session.maxLink : session.telegramLink;
    const person = stage.person({ channel });
    const code = codeOf(await person.logIn(link));
    expect(await website.getSessionStatus(session.sessionId)).toEqual({
      status: "completed",
      code,
    });
    expect(await website.verifyCode({ code })).toMatchObject({ channel, firstName: "John" });
  });
});

describe("T19 deliveries to /hooks", () => {
  let api: BotApi;
  let stage: Stage;
  let project: StoryProject;
  let hook: string;
  beforeAll(async () => {
    api = await startBotApi(["GatewayBot", "ShopLoginBot"]);
    stage = await startStage({ env: { ...api.env, TAPIN_UPDATES: "webhook" } });
    project = await stage.project();
    hook = await awaitAnswer("the webhook is registered", async () => {
      const url = await api.bot(0).webhookUrl();
      return url === "" ? null : url;
    });
  });
  afterAll(async () => {
    await stage?.stop();
    await api?.close();
  });

  const sent = () => api.bot(0).calls.filter((method) => method === "sendMessage").length;
  /** Calls of the bot, but for those that it makes by itself. */
  const outgoing = () =>
    api
      .bot(0)
      .calls.filter(
        (method) => !["getMe", "getWebhookInfo", "setWebhook", "setMyCommands"].includes(method),
      );

  async function deliver(url: string, body: string, secret?: string) {
    const headers = {
      "content-type": "application/json",
      ...(secret === undefined ? {} : { "x-telegram-bot-api-secret-token": secret }),
    };
    const response = await fetch(url, { method: "POST", headers, body });
    const text = await response.text();
    return { status: response.status, code: text === "" ? null : JSON.parse(text).code };
  }

  let updateId = 5_000_000;
  /** An update as Telegram makes it: a person presses START. */
  function started(sessionId: string): string {
    updateId += 1;
    const user = { id: 666, is_bot: false, first_name: "Mallory", language_code: "en" };
    const text = `/start auths_${sessionId}`;
    const message = {
      message_id: updateId,
      date: Math.floor(Date.now() / 1000),
      chat: { id: user.id, type: "private", first_name: user.first_name },
      from: user,
      text,
      entities: [{ type: "bot_command", offset: 0, length: 6 }],
    };
    return JSON.stringify({ update_id: updateId, message });
  }

  it("an unknown path is not found, and the answer is the envelope", async () => {
    const { sessionId } = await project.client().createSession();
    const { webhookSecret } = api.bot(0);
    const origin = `${stage.url}/hooks/`;
    for (const path of ["", "telegram", "x".repeat(32), `${hook.split("/").at(-1)}x`]) {
      expect(await deliver(origin + path, started(sessionId), webhookSecret)).toEqual({
        status: 404,
        code: "not_found",
      });
    }
  });

  it("a wrong secret is unauthorized and starts nothing; the right one shows the prompt", async () => {
    const { sessionId, watchToken } = await project.client().createSession();
    const { webhookSecret } = api.bot(0);
    const before = sent();
    const calls = outgoing();
    const update = started(sessionId);
    const wrong = [undefined, "", "wrong", webhookSecret.slice(1), `${webhookSecret}x`];
    for (const secret of wrong) {
      expect([secret, await deliver(hook, update, secret)]).toEqual([
        secret,
        { status: 401, code: "unauthorized" },
      ]);
    }
    const opened = async () => {
      for await (const status of stage.client("REST", watchToken).watchSession(sessionId)) {
        return status.opened;
      }
      return undefined;
    };
    expect(await opened()).toBe(false);
    expect(outgoing()).toEqual(calls);

    // The very same update with the secret: what was refused would have had an effect.
    expect(await deliver(hook, update, webhookSecret)).toEqual({ status: 200, code: null });
    await awaitCondition("the link was opened", async () => (await opened()) === true);
    await awaitCondition("the prompt was sent", async () => sent() === before + 1);
  });

  it("the same update delivered twice is handled once", async () => {
    const { webhookSecret } = api.bot(0);
    const [first, second] = [
      await project.client().createSession(),
      await project.client().createSession(),
    ];
    const before = sent();
    const update = started(first.sessionId);
    for (const body of [update, update, started(second.sessionId)]) {
      expect(await deliver(hook, body, webhookSecret)).toEqual({ status: 200, code: null });
    }
    // What one person does is handled in order: after the third nothing of the second is to come.
    await awaitCondition("both prompts were sent", async () => sent() >= before + 2);
    expect(sent()).toBe(before + 2);
  });

  it("a body over 256 KiB is too large, one of 256 KiB is read", async () => {
    const { webhookSecret } = api.bot(0);
    const body = (bytes: number) => `{"x":"${"x".repeat(bytes - 8)}"}`;
    expect(await deliver(hook, body(UPDATE_LIMIT + 1), webhookSecret)).toEqual({
      status: 413,
      code: "body_too_large",
    });
    expect(body(UPDATE_LIMIT)).toHaveLength(UPDATE_LIMIT);
    expect(await deliver(hook, body(UPDATE_LIMIT), webhookSecret)).toEqual({
      status: 200,
      code: null,
    });
    expect(await deliver(hook, "{", webhookSecret)).toEqual({
      status: 400,
      code: "validation_failed",
    });
  });

  it("RemoveBot ends the deliveries to a project's own bot", async () => {
    const bot = api.bot(1);
    const path = `${stage.url}/v1/admin/projects/${project.slug}/bots/telegram`;
    const admin = { bearer: stage.tapin.adminToken };
    const set = await restFetch(path, { ...admin, method: "PUT", body: { token: bot.token } });
    expect(set.status).toBe(200);
    const registered = async () => (await bot.webhookUrl()).startsWith(`${stage.url}/hooks/`);
    await awaitCondition("its webhook is registered", registered);
    expect((await restFetch(path, { ...admin, method: "DELETE" })).status).toBe(200);
    await awaitCondition("its webhook is gone", async () => (await bot.webhookUrl()) === "");
    expect(await api.bot(0).webhookUrl()).toBe(hook);
  });

  it("GET is no delivery", async () => {
    const headers = { "x-telegram-bot-api-secret-token": api.bot(0).webhookSecret };
    const response = await fetch(hook, { headers });
    expect([response.status, response.headers.get("allow")]).toEqual([405, "POST"]);
  });
});
