// The webhook's registration on both messengers: made at the start, repaired when it is lost or
// changed, and never at the cost of somebody else's; and what polling does about webhooks.

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CHANNELS } from "../../src/core/subscriber.ts";
import { ALWAYS, ANNA, SECRET, type Stage, setStage } from "./bot-stage.ts";
import { refusal } from "./messenger-calls.ts";

const FOREIGN = "https://other.example.com/secret-path";

describe.each(CHANNELS)("webhook on %s", (channel) => {
  let stage: Stage;
  const clock = { now: 0 };

  beforeEach(async () => {
    clock.now = Date.now();
    stage = await setStage({ channel, mode: "webhook", now: () => clock.now });
  });

  afterEach(async () => {
    await stage.close();
    expect(JSON.stringify(stage.log)).not.toContain("secret-path");
  });

  /** Resolves after the bot has looked at its registration so many times more. */
  async function afterLooks(count: number) {
    const looks = () => stage.proxy.callsOf(stage.calls.webhooks).length;
    const before = looks();
    await stage.until(() => looks() >= before + count);
  }

  const removals = () => stage.proxy.callsOf(stage.calls.remove);
  const registrations = () => stage.proxy.callsOf(stage.calls.register);

  it("is registered at the start, with its secret and the kinds of update", async () => {
    await stage.startedBot();
    expect(await stage.registered()).toEqual([stage.hookUrl]);
    const expected =
      channel === "telegram"
        ? {
            secret_token: SECRET,
            allowed_updates: ["message", "callback_query", "my_chat_member"],
            max_connections: 100,
          }
        : {
            secret: SECRET,
            update_types: [
              "bot_started",
              "message_created",
              "message_callback",
              "bot_stopped",
              "dialog_removed",
            ],
          };
    expect(registrations()[0]?.body).toEqual({ url: stage.hookUrl, ...expected });
    await afterLooks(3);
    expect(registrations()).toHaveLength(1);
    expect(stage.lines("warn", "error")).toEqual([]);
  });

  if (channel === "telegram") {
    it("is registered anew at each start: nobody can tell which secret the messenger has", async () => {
      await stage.registerForeign(stage.hookUrl);
      await stage.startedBot();
      await stage.openPrompt();
      expect(stage.botMessages("4242")).toHaveLength(1);
    });
  } else {
    it("is left alone at the next start, for what is on its way to it might be lost", async () => {
      const first = await stage.startedBot();
      await first.stop();
      await stage.startedBot();
      await afterLooks(2);
      expect(registrations()).toHaveLength(1);
      await stage.openPrompt();
    });
  }

  it("is repaired when it was lost", async () => {
    await stage.startedBot();
    await stage.unregister(stage.hookUrl);
    await stage.until(() => registrations().at(1)?.answered === true);
    expect(await stage.registered()).toEqual([stage.hookUrl]);
    await stage.openPrompt();
    await stage.until(() => stage.lines("warn").length === 1);
    expect(stage.lines("warn")[0]?.message).toContain("had lost or changed the webhook");
  });

  // https://dev.max.ru/docs-api/methods/POST/subscriptions
  if (channel === "max") {
    it("is repaired when MAX dropped it, as it does after 8 hours of failures", async () => {
      await stage.startedBot();
      stage.hook.deaf = true;
      void stage.open("auth_lost", ANNA);
      await stage.until(() => stage.hook.refused > 0);
      await afterLooks(2);
      expect(registrations()).toHaveLength(1);
      clock.now += 8 * 3_600_000;
      await stage.until(() => registrations().at(1)?.answered === true);
      expect(await stage.registered()).toEqual([stage.hookUrl]);
      await stage.until(() => stage.lines("warn").length === 1);
      expect(stage.lines("warn")[0]?.message).toContain("had lost or changed the webhook");
      stage.hook.deaf = false;
      await stage.openPrompt();
      // What was on its way is lost with the subscription: nothing says that MAX would keep it.
      expect(stage.handlers.of("start")).toHaveLength(1);
    });
  }

  it("is repaired when its kinds of update were changed", async () => {
    await stage.startedBot();
    if (channel === "telegram") {
      await stage.call("setWebhook", {
        url: stage.hookUrl,
        secret_token: SECRET,
        allowed_updates: ["message"],
      });
    } else {
      const body = { url: stage.hookUrl, secret: SECRET, update_types: ["message_created"] };
      await stage.callMax("POST", "/subscriptions", body);
    }
    await stage.until(() => registrations().at(1)?.answered === true);
    const { messageId } = await stage.openPrompt();
    await stage.tap("4242", messageId, "Login");
    await stage.until(() => stage.isConfirmed());
  });

  it("is registered once the messenger can be reached again", async () => {
    stage.fail("webhooks", { kind: "drop" }, 2);
    stage.fail("register", refusal(channel, 500, "Internal Server Error"), 2);
    await stage.startedBot();
    await stage.until(() => registrations().at(2)?.answered === true);
    await stage.openPrompt();
    expect(stage.lines("warn")).toHaveLength(1);
    expect(stage.lines("warn")[0]?.message).toContain("cannot be reached about the webhook");
  });

  it("says what to do when the messenger refuses the address", async () => {
    stage.fail("register", refusal(channel, 400, "bad webhook: HTTPS url must be provided"));
    await stage.startedBot();
    await stage.until(() => stage.lines("warn").length === 1);
    expect(stage.lines("warn")[0]?.message).toContain("check the public URL");
  });

  it("a foreign one is left untouched, and said what to do about, once", async () => {
    await stage.registerForeign(FOREIGN);
    const bot = stage.bot();
    await bot.start();
    await afterLooks(3);
    const expected = channel === "telegram" ? [FOREIGN] : [FOREIGN, stage.hookUrl];
    expect(await stage.registered()).toEqual(expected);
    expect(removals()).toEqual([]);
    const told = stage.lines("warn", "error");
    expect(told).toHaveLength(1);
    expect(told[0]?.message).toContain("a webhook at https://other.example.com");
    expect(told[0]?.message).toContain("remove it with the Bot API's");
    const report = await bot.inspect();
    expect(report.webhook?.registeredOrigins).toContain("https://other.example.com");
    expect(report.problems).toHaveLength(1);
    expect(JSON.stringify(report)).not.toContain("secret-path");
  });

  it("is registered as soon as the foreign one is gone", async () => {
    await stage.registerForeign(FOREIGN);
    await stage.bot().start();
    await afterLooks(1);
    await stage.unregister(FOREIGN);
    await stage.until(() => registrations().some((call) => call.answered));
    await stage.openPrompt(ANNA);
    expect(await stage.registered()).toEqual([stage.hookUrl]);
  });

  it("takes the place of an older one of ours, under another path of the same folder", async () => {
    const older = new URL("an-older-path", stage.hookUrl).href;
    await stage.registerForeign(older);
    await stage.startedBot();
    await afterLooks(2);
    expect(await stage.registered()).toEqual([stage.hookUrl]);
    expect(stage.lines("warn", "error")).toEqual([]);
  });

  it("a bot that leaves takes the webhook of ours away, and one that stops does not", async () => {
    const bot = await stage.startedBot();
    await bot.stop();
    expect(await stage.registered()).toEqual([stage.hookUrl]);
    const again = await stage.startedBot();
    await again.leave();
    expect(await stage.registered()).toEqual([]);
    expect(stage.lines("warn", "error")).toEqual([]);
  });

  it("a bot that leaves lets a foreign webhook be", async () => {
    await stage.registerForeign(FOREIGN);
    const bot = stage.bot();
    await bot.start();
    await afterLooks(1);
    await bot.leave();
    expect(await stage.registered()).toEqual([FOREIGN]);
  });

  it("a bot that leaves while the messenger is out of reach is gone all the same", async () => {
    const bot = await stage.startedBot();
    stage.fail("webhooks", { kind: "drop" }, 10);
    await bot.leave();
    expect(stage.lines("info").at(-1)?.message).toBe("the webhook could not be removed");
    await expect(bot.receive({})).rejects.toThrow("has been stopped");
  });

  it("polling removes the webhook of ours that stands where it would register one", async () => {
    await stage.registerForeign(stage.hookUrl);
    await stage.startedBot({
      updates: { kind: "polling", lease: ALWAYS, ownWebhookUrl: stage.hookUrl },
    });
    await stage.openPrompt();
    expect(await stage.registered()).toEqual([]);
    expect(stage.lines("warn", "error")).toEqual([]);
  });

  it.each([
    ["of somebody else", FOREIGN, null],
    ["under another path of the same host", "sibling", "own"],
  ])(
    "polling leaves a webhook %s, says so once, and begins when it is gone",
    async (_, at, own) => {
      const url = at === "sibling" ? new URL("sibling", stage.hookUrl).href : at;
      await stage.registerForeign(url);
      const ownWebhookUrl = own === null ? null : stage.hookUrl;
      const bot = stage.bot({ updates: { kind: "polling", lease: ALWAYS, ownWebhookUrl } });
      await bot.start();
      await afterLooks(2);
      expect(await stage.registered()).toEqual([url]);
      expect(removals()).toEqual([]);
      const warnings = stage.lines("warn");
      expect(warnings).toHaveLength(1);
      expect(warnings[0]?.message).toContain(`a webhook at ${new URL(url).origin}`);
      await stage.unregister(url);
      await stage.openPrompt();
    },
  );
});
