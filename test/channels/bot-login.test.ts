// The login as a person sees it: the same scenarios on both messengers, with updates polled and
// delivered to a webhook, over real HTTP against the pretend messengers.

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ANNA, IVAN, LOGIN, STAGES, type Stage, setStage } from "./bot-stage.ts";
import { confirmed, SITE_URL } from "./scripted-handlers.ts";

const GO = [{ label: "Go to website", url: SITE_URL }];

describe.each(STAGES)("bot on $channel, $mode", ({ channel, mode }) => {
  let stage: Stage;

  beforeEach(async () => {
    stage = await setStage({ channel, mode });
  });

  afterEach(async () => {
    await stage.close();
  });

  describe("login", () => {
    it("shows the prompt for a deep link, and after Login the confirmation in its place", async () => {
      const bot = await stage.startedBot();
      expect(bot).toMatchObject({ channel, username: stage.messenger.username });
      expect(bot.messengerBotId).toMatch(/^\d+$/);
      const prompt = await stage.openPrompt();
      expect(prompt.text).toMatch(/^Sign in to Demo Shop\?\nSite: demo\.example\.com\n/);
      expect(prompt.buttons).toEqual([{ label: "Login" }, { label: "Cancel" }]);
      expect(stage.handlers.of("start")).toMatchObject([
        {
          payload: "auths_aBcDeFgH12345678",
          person: { channel, userId: "4242", firstName: "Anna", lastName: null, lang: "en" },
        },
      ]);
      const shown = { chatId: "4242", messageId: prompt.messageId };
      expect(stage.handlers.of("shown")).toMatchObject([{ message: shown }]);
      await stage.tap("4242", prompt.messageId, "Login");
      await stage.until(() => stage.isConfirmed());
      expect(stage.lastMessage("4242")).toMatchObject({ messageId: prompt.messageId, buttons: GO });
      expect(stage.handlers.of("tap").map((told) => told.data)).toEqual([LOGIN]);
      expect(stage.lines("warn", "error")).toEqual([]);
    });

    it("Cancel ends the login and removes the buttons", async () => {
      await stage.startedBot();
      const { messageId } = await stage.openPrompt();
      await stage.tap("4242", messageId, "Cancel");
      await stage.until(() => stage.buttons().length === 0);
      expect(stage.lastMessage("4242")).toMatchObject({ messageId, text: "Sign-in cancelled." });
    });

    it("offers the match numbers and hands on which one was tapped", async () => {
      const choices = ["17", "23", "42", "88"];
      stage.handlers.onStart = async () => stage.handlers.prompt({ choices });
      await stage.startedBot();
      const prompt = await stage.openPrompt();
      expect(prompt.buttons.map(({ label }) => label)).toEqual([...choices, "Cancel"]);
      await stage.tap("4242", prompt.messageId, "42");
      await stage.until(() => stage.isConfirmed());
      expect(stage.handlers.of("tap")[0]?.data).toBe("m:Token00000000000000001:42");
    });

    it("T2 opening the bot alone, /help and any other text only offer help", async () => {
      await stage.startedBot();
      await stage.open("", ANNA);
      await stage.say("4242", "/help");
      await stage.say("4242", "hello");
      await stage.until(() => stage.botMessages("4242").length === 3);
      for (const { text } of stage.botMessages("4242")) expect(text).toMatch(/^Open the sign-in/);
      expect(stage.handlers.of("start")).toEqual([]);
    });

    it("T12 whoever taps is named by the messenger, not by the button", async () => {
      await stage.startedBot();
      const { messageId } = await stage.openPrompt(ANNA);
      await stage.openPrompt(IVAN);
      stage.handlers.onTap = async () => ({ kind: "stale" });
      await stage.tapData("5151", messageId, LOGIN);
      await stage.until(() => stage.handlers.of("tap").length === 1);
      expect(stage.handlers.of("tap")[0]?.person.userId).toBe("5151");
      await stage.until(() => stage.botMessages("5151").length === 2);
      expect(stage.buttons("4242")).toEqual([{ label: "Login" }, { label: "Cancel" }]);
    });

    it("T22 /stop is handed on and confirmed", async () => {
      await stage.startedBot();
      await stage.openPrompt();
      await stage.say("4242", "/stop");
      await stage.until(() => stage.lastMessage("4242").text.startsWith("Notifications are off"));
      expect(stage.handlers.of("stop").map((told) => told.person.userId)).toEqual(["4242"]);
    });

    it("T22 asks about notifications after Login, and keeps the way to the website", async () => {
      const token = "Token00000000000000001";
      stage.handlers.onTap = async (_, data) =>
        confirmed(data === LOGIN ? { subscribeToken: token } : { subscribed: true });
      await stage.startedBot();
      const { messageId } = await stage.openPrompt();
      await stage.tap("4242", messageId, "Login");
      await stage.until(
        () => stage.buttons().length === 2 && stage.buttons()[0]?.label === "Go to website",
      );
      expect(stage.buttons()).toEqual([...GO, { label: "Notify me" }]);
      await stage.tap("4242", messageId, "Notify me");
      await stage.until(() => stage.buttons().length === 1);
      expect(stage.botMessages("4242")).toHaveLength(1);
      expect(stage.lastMessage("4242").text).toMatch(/^Notifications are on/);
      expect(stage.buttons()).toEqual(GO);
      expect(stage.handlers.of("tap").at(-1)?.data).toBe(`s:${token}`);
      expect(stage.lines("warn", "error")).toEqual([]);
    });

    it("speaks the language that was chosen with /lang from then on", async () => {
      await stage.startedBot();
      await stage.openPrompt();
      await stage.say("4242", "/lang");
      await stage.until(() => stage.botMessages("4242").length === 2);
      const { messageId, text, buttons: choices } = stage.lastMessage("4242");
      expect(text).toBe("Choose the language of this bot:");
      expect(choices).toEqual([{ label: "Русский" }, { label: "English" }]);
      await stage.tap("4242", messageId, "Русский");
      await stage.until(() => stage.lastMessage("4242").text === "Выберите язык этого бота:");
      expect(stage.handlers.of("lang")).toMatchObject([{ lang: "ru", person: { lang: "en" } }]);
      expect((await stage.openPrompt()).text).toMatch(/^Войти в Demo Shop\?/);
      expect(stage.handlers.of("tap")).toEqual([]);
    });

    it("T13 forged data leaves the message it is sent with as it was", async () => {
      stage.handlers.onTap = async () => ({ kind: "stale" });
      await stage.startedBot();
      const prompt = await stage.openPrompt();
      await stage.tapData("4242", prompt.messageId, `l:${"F".repeat(22)}`);
      await stage.until(() => stage.botMessages("4242").length === 2);
      expect(stage.botMessages("4242")[0]).toEqual(prompt);
      expect(stage.lastMessage("4242").text).toMatch(/^This button no longer works/);
    });

    it("T13 a dead button's message becomes the notice", async () => {
      stage.handlers.onTap = async () => ({ kind: "stale" });
      await stage.startedBot();
      const { messageId } = await stage.openPrompt();
      await stage.tap("4242", messageId, "Login");
      await stage.until(() => stage.buttons().length === 0);
      expect(stage.lastMessage("4242")).toMatchObject({
        messageId,
        text: expect.stringMatching(/^This button no longer works/),
      });
    });
  });
});
