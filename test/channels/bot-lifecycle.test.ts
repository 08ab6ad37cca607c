// A bot from its start to its stop, through an outage of the messenger, and how it tells how it is
// doing. On both messengers, with updates polled and delivered to a webhook.

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { LOGIN, STAGES, type Stage, setStage } from "./bot-stage.ts";
import { refusal } from "./messenger-calls.ts";
import { promptRow } from "./scripted-handlers.ts";

describe.each(STAGES)("bot on $channel, $mode", ({ channel, mode }) => {
  let stage: Stage;

  beforeEach(async () => {
    stage = await setStage({ channel, mode });
  });

  afterEach(async () => {
    await stage.close();
  });

  describe("outage of the messenger", () => {
    it("longer than the session: what people did meanwhile is answered when it is over", async () => {
      await stage.startedBot();
      const { messageId } = await stage.openPrompt();
      stage.proxy.setDown(true);
      // Polling learns of nothing now; a webhook's update comes, and its answer gets lost.
      void stage.tap("4242", messageId, "Login");
      const level = mode === "polling" ? "warn" : "error";
      await stage.until(() => stage.lines(level).length > 0);
      stage.handlers.onTap = async () => ({ kind: "expired" });
      stage.proxy.setDown(false);
      if (mode === "webhook") void stage.tap("4242", messageId, "Login");
      await stage.until(() => stage.buttons().length === 0);
      expect(stage.lastMessage("4242").text).toMatch(/^This request has expired/);
      expect(await stage.openPrompt()).toMatchObject({
        buttons: [{ label: "Login" }, { label: "Cancel" }],
      });
    });

    it("what was decided just before it stands: shown at the next tap, settled when it is used", async () => {
      const bot = await stage.startedBot();
      const { messageId } = await stage.openPrompt();
      const works = stage.handlers.onTap;
      stage.handlers.onTap = async (person, data) => {
        stage.proxy.setDown(true);
        return await works(person, data);
      };
      void stage.tapData("4242", messageId, LOGIN);
      await stage.until(() => stage.lines("error").length === 1);
      expect(stage.lines("error")[0]?.message).toContain("what was decided stands");
      const used = promptRow({ channel, status: "used", shown: { chatId: "4242", messageId } });
      expect(await bot.settle(used)).toBe(false);
      stage.handlers.onTap = works;
      stage.proxy.setDown(false);
      await stage.tapData("4242", messageId, LOGIN);
      await stage.until(() => stage.isConfirmed());
      expect(await bot.settle(used)).toBe(true);
      expect(stage.botMessages("4242")).toMatchObject([{ messageId, buttons: [] }]);
    });

    it("at the start: the bot begins to work when it is over", async () => {
      stage.proxy.setDown(true);
      const bot = stage.bot();
      await bot.start();
      expect(bot.username).toBeNull();
      await expect(bot.receive({})).rejects.toThrow("who this bot is");
      await stage.until(() => stage.proxy.callsOf(stage.calls.me).length >= 3);
      stage.proxy.setDown(false);
      await stage.until(() => bot.username === stage.messenger.username);
      await stage.begun();
      await stage.openPrompt();
      expect(stage.lines("warn")[0]?.message).toMatch(/cannot be reached; trying again$/);
    });

    it("at the stop: the bot ends all the same", async () => {
      stage.proxy.setDown(true);
      const bot = stage.bot({ timing: { firstBackoffMs: 60_000 } });
      await bot.start();
      await bot.stop();
      expect(stage.proxy.callsOf(stage.calls.me)).toHaveLength(1);
      await expect(bot.receive({})).rejects.toThrow("stopped");
    });
  });

  it("ends at once although the database hangs, and takes nothing in any more", async () => {
    const bot = await stage.startedBot({ timing: { drainMs: 0 } });
    let noting = 0;
    stage.handlers.onNote = () => {
      noting += 1;
      return new Promise<never>(() => undefined);
    };
    void stage.open("auth_demo", { id: "4242" });
    await stage.until(() => noting === 1);
    await bot.stop();
    await expect(bot.receive({})).rejects.toThrow("stopped");
  });

  describe("start, settle and inspect", () => {
    it("rejects a wrong token with a sentence, without telling the token", async () => {
      const token = "123456:wrong-token-wrong-token";
      const bot = stage.bot({ token });
      const error = await bot.start().then(
        () => null,
        (thrown: unknown) => thrown,
      );
      expect(String(error)).toContain("refuses the bot token");
      expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain(token);
      const report = await bot.inspect();
      expect(report).toMatchObject({ tokenValid: false, username: null, webhook: null });
      expect(JSON.stringify(report)).not.toContain(token);
    });

    it("goes on after a wrong token, and works once the token is accepted", async () => {
      stage.proxy.fail(stage.calls.me, refusal(channel, 401, "Unauthorized"), 3);
      const bot = stage.bot();
      await expect(bot.start()).rejects.toThrow("refuses the bot token");
      expect(bot.tokenRefused).toBe(true);
      await stage.until(() => bot.username === stage.messenger.username);
      expect(bot.tokenRefused).toBe(false);
      await stage.begun();
      await stage.openPrompt();
      expect(stage.lines("error")).toHaveLength(1);
    });

    it("learns by itself that its token is refused, and that it is accepted again", async () => {
      const bot = await stage.startedBot({
        tokenAdvice: "ask the caretaker",
        timing: { tokenCheckMs: 20 },
      });
      expect(bot.tokenRefused).toBe(false);
      stage.proxy.fail(stage.calls.me, refusal(channel, 500, "Internal Server Error"), 2);
      stage.proxy.fail(stage.calls.me, refusal(channel, 401, "Unauthorized"), 3);
      await stage.until(() => bot.tokenRefused);
      await stage.until(() => !bot.tokenRefused);
      expect(stage.lines("error").map(({ message }) => message)).toEqual(
        mode === "webhook"
          ? [expect.stringContaining("no longer accepts the bot token: ask the caretaker")]
          : [],
      );
      await stage.openPrompt();
    });

    it("is told by an inspection that its token is refused", async () => {
      const bot = await stage.startedBot({ tokenAdvice: "ask the caretaker" });
      stage.proxy.fail(stage.calls.me, refusal(channel, 401, "Unauthorized"));
      const { problems } = await bot.inspect();
      expect(problems).toEqual([
        expect.stringMatching(/the bot token is refused: ask the caretaker$/),
      ]);
      expect(bot.tokenRefused).toBe(true);
      await bot.inspect();
      expect(bot.tokenRefused).toBe(false);
    });

    it("T22 settles a login that is done, with the button for who may be asked to subscribe", async () => {
      const bot = await stage.startedBot();
      const { messageId } = await stage.openPrompt();
      const shown = { chatId: "4242", messageId };
      const done = { channel, status: "used", grantId: "a-grant", shown } as const;
      await bot.settle(promptRow({ ...done, asks: true }));
      expect(stage.lastMessage("4242").text).toBe("You are signed in.");
      expect(stage.buttons()).toEqual([{ label: "Notify me" }]);
      await bot.settle(promptRow(done));
      expect(stage.buttons()).toEqual([]);
    });

    it("T4 notes a message once more in which it shows the code, so that it is settled after that", async () => {
      await stage.startedBot();
      const { messageId } = await stage.openPrompt();
      const before = stage.handlers.of("shown").length;
      await stage.tap("4242", messageId, "Login");
      await stage.until(() => stage.handlers.of("shown").length > before);
      expect(stage.handlers.of("shown").at(-1)).toEqual({
        kind: "shown",
        token: "Token00000000000000001",
        message: { chatId: "4242", messageId },
      });
    });

    it("T4 settles after its stop too", async () => {
      const bot = await stage.startedBot();
      const { messageId } = await stage.openPrompt();
      await bot.stop();
      const shown = { chatId: "4242", messageId };
      expect(await bot.settle(promptRow({ channel, shown }))).toBe(true);
      expect(stage.buttons()).toEqual([]);
    });

    it.each(["expired", "cancelled", "replaced", "used", "mismatched"] as const)(
      "T4 settles a prompt that is %s: no button is left",
      async (status) => {
        const bot = await stage.startedBot();
        const { messageId } = await stage.openPrompt();
        const shown = { chatId: "4242", messageId };
        await bot.settle(promptRow({ channel, status, shown }));
        expect(stage.lastMessage("4242")).toMatchObject({ messageId, buttons: [] });
        await bot.settle(promptRow({ channel, status, shown }));
        await bot.settle(promptRow({ channel, status: "live", shown }));
        expect(stage.botMessages("4242")).toHaveLength(1);
        expect(stage.lines("warn", "error")).toEqual([]);
      },
    );

    it("settles nothing for a person who blocked the bot, or where the message is gone", async () => {
      const bot = await stage.startedBot();
      const { messageId } = await stage.openPrompt();
      await stage.messenger.setBlocked("4242", true);
      const shown = { chatId: "4242", messageId };
      expect(await bot.settle(promptRow({ channel, shown }))).toBe(true);
      await stage.deleteMessage("4242", messageId);
      expect(await bot.settle(promptRow({ channel, shown }))).toBe(true);
      expect(stage.botMessages("4242")).toEqual([]);
      expect(stage.lines("error")).toEqual([]);
    });

    it("T4 settle answers false while the messenger is down, and true once it has edited", async () => {
      const bot = await stage.startedBot();
      const { messageId } = await stage.openPrompt();
      const shown = { chatId: "4242", messageId };
      stage.proxy.setDown(true);
      expect(await bot.settle(promptRow({ channel, shown }))).toBe(false);
      stage.proxy.setDown(false);
      expect(await bot.settle(promptRow({ channel, shown }))).toBe(true);
    });

    it("reports that all is well", async () => {
      const bot = await stage.startedBot();
      const report = await bot.inspect();
      expect(report).toEqual({
        channel,
        tokenValid: true,
        username: stage.messenger.username,
        messengerBotId: bot.messengerBotId,
        mode,
        leaseHeld: mode === "polling" ? true : null,
        webhook: {
          expectedOrigin: mode === "webhook" ? new URL(stage.hookUrl).origin : null,
          registeredOrigins: mode === "webhook" ? [new URL(stage.hookUrl).origin] : [],
          registered: mode === "webhook",
          lastError: null,
          pendingUpdates: channel === "telegram" ? 0 : null,
        },
        problems: [],
      });
    });

    it("reports that the messenger cannot be asked, and not more than that", async () => {
      const bot = await stage.startedBot();
      stage.proxy.setDown(true);
      const report = await bot.inspect();
      expect(report).toMatchObject({ tokenValid: null, username: stage.messenger.username });
      expect(report.problems).toHaveLength(1);
      expect(report.problems[0]).toContain("cannot be asked");
      expect(JSON.stringify(report)).not.toContain(stage.token);
    });

    it("works without its menu of commands", async () => {
      stage.proxy.fail(stage.calls.commands, refusal(channel, 500, "Internal Server Error"), 9);
      await stage.startedBot();
      await stage.openPrompt();
      expect(stage.lines("warn", "error")).toEqual([]);
    });
  });
});
