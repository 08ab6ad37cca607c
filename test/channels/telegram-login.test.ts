// The login through the Telegram bot as a person sees it, over real HTTP against the pretend
// Telegram.

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { buttonData } from "../../src/core/prompt.ts";
import { type Stage, setStage } from "./bot-stage.ts";
import { confirmed, gate, promptRow, SITE_URL } from "./scripted-handlers.ts";

const ANNA = { id: "4242", lang: "en" };
const IVAN = { id: "5151", lang: "ru" };

let stage: Stage;

beforeEach(async () => {
  stage = await setStage();
});

afterEach(async () => {
  await stage.close();
  const log = JSON.stringify(stage.log);
  expect(log).not.toContain(stage.token);
  expect(log).not.toContain("SECRETCODE");
});

function tap(userId: string, messageId: string, label: string) {
  return stage.sandbox.tapButton({ channel: "telegram", userId, messageId, label });
}

function say(userId: string, text: string) {
  return stage.sandbox.sendText({ channel: "telegram", userId, text });
}

async function lastMessage(userId: string) {
  const chat = await stage.sandbox.getChat({ channel: "telegram", userId });
  const message = chat.messages.at(-1);
  if (message === undefined) throw new Error("the chat is empty");
  return message;
}

async function openPrompt(user = ANNA) {
  await stage.open("auths_aBcDeFgH12345678", user);
  return await lastMessage(user.id);
}

describe("TelegramBot", () => {
  it("shows the prompt for a deep link, and after Login the confirmation with the site's button", async () => {
    const bot = await stage.startedBot();
    expect(bot.username).toBe(stage.sandbox.telegram.username);
    const prompt = await openPrompt();
    expect(prompt.text).toMatch(/^Sign in to Demo Shop\?\nSite: demo\.example\.com\n/);
    expect(prompt.buttons).toEqual([{ label: "Login" }, { label: "Cancel" }]);
    expect(stage.handlers.of("start")).toEqual([
      {
        kind: "start",
        payload: "auths_aBcDeFgH12345678",
        person: {
          channel: "telegram",
          userId: "4242",
          firstName: "Anna",
          lastName: null,
          username: null,
          avatarUrl: null,
          lang: "en",
        },
      },
    ]);
    await stage.until(() => stage.handlers.of("shown").length > 0);
    expect(stage.handlers.of("shown")).toEqual([
      {
        kind: "shown",
        token: "Token00000000000000001",
        message: { chatId: "4242", messageId: prompt.messageId },
      },
    ]);

    await tap("4242", prompt.messageId, "Login");
    const confirmed = await lastMessage("4242");
    expect(confirmed.messageId).toBe(prompt.messageId);
    expect(confirmed.text).toMatch(/^Demo Shop\nConfirmed\. Return to the page with the QR code/);
    expect(confirmed.buttons).toEqual([{ label: "Go to website", url: SITE_URL }]);
    expect(stage.lines("warn", "error")).toEqual([]);
  });

  it("T4 sends the prompt protected and without previews, and edits without previews", async () => {
    await stage.startedBot();
    const prompt = await openPrompt();
    await tap("4242", prompt.messageId, "Login");
    const off = { link_preview_options: { is_disabled: true } };
    expect(stage.proxy.callsOf("sendMessage")[0]?.body).toMatchObject({
      protect_content: true,
      ...off,
    });
    expect(stage.proxy.callsOf("editMessageText")[0]?.body).toMatchObject(off);
  });

  it("speaks Russian to a person whose Telegram is Russian", async () => {
    await stage.startedBot();
    const prompt = await openPrompt(IVAN);
    expect(prompt.text).toMatch(/^Войти в Demo Shop\?/);
    expect(prompt.buttons.map((button) => button.label)).toEqual(["Войти", "Отмена"]);
    await tap("5151", prompt.messageId, "Войти");
    expect((await lastMessage("5151")).buttons[0]?.label).toBe("Перейти на сайт");
  });

  it("Cancel ends the login and removes the buttons", async () => {
    await stage.startedBot();
    const prompt = await openPrompt();
    await tap("4242", prompt.messageId, "Cancel");
    expect(await lastMessage("4242")).toMatchObject({
      messageId: prompt.messageId,
      text: "Sign-in cancelled.",
      buttons: [],
    });
  });

  it("offers the match numbers and hands on which one was tapped", async () => {
    stage.handlers.onStart = async () =>
      stage.handlers.prompt({ choices: ["17", "23", "42", "88"] });
    await stage.startedBot();
    const prompt = await openPrompt();
    expect(prompt.buttons.map((button) => button.label)).toEqual([
      "17",
      "23",
      "42",
      "88",
      "Cancel",
    ]);
    await tap("4242", prompt.messageId, "42");
    expect(stage.handlers.of("tap")[0]?.data).toBe("m:Token00000000000000001:42");
  });

  it("T2 /start alone, /help and any other text only offer help", async () => {
    await stage.startedBot();
    await stage.open("", ANNA);
    await say("4242", "/help");
    await say("4242", "hello");
    const chat = await stage.sandbox.getChat({ channel: "telegram", userId: "4242" });
    const answers = chat.messages.filter((message) => message.from === "bot");
    expect(answers).toHaveLength(3);
    for (const answer of answers) expect(answer.text).toMatch(/^Open the sign-in link/);
    expect(stage.handlers.told).toEqual([]);
  });

  it("T22 /stop is handed on and confirmed", async () => {
    await stage.startedBot();
    await openPrompt();
    await say("4242", "/stop");
    expect((await lastMessage("4242")).text).toMatch(/^Notifications are off/);
    expect(stage.handlers.of("stop").map((told) => told.person.userId)).toEqual(["4242"]);
  });

  it("T7 a hundred simultaneous taps are each decided, in order, and leave one confirmation", async () => {
    await stage.startedBot();
    const prompt = await openPrompt();
    const taps = Array.from({ length: 100 }, () =>
      stage.sandbox.telegram.tapData("4242", prompt.messageId, "l:Token00000000000000001"),
    );
    await Promise.all(taps);
    await stage.proxy.until((proxy) => proxy.callsOf("editMessageText").length >= 100);
    expect(stage.handlers.of("tap")).toHaveLength(100);
    const chat = await stage.sandbox.getChat({ channel: "telegram", userId: "4242" });
    expect(chat.messages.filter((message) => message.from === "bot")).toHaveLength(1);
    expect((await lastMessage("4242")).buttons).toEqual([
      { label: "Go to website", url: SITE_URL },
    ]);
    expect(stage.lines("warn", "error")).toEqual([]);
  });

  it("T7 acknowledges a tap before it edits, and while the decision still takes its time", async () => {
    const decision = gate();
    stage.handlers.onTap = async () => {
      await decision.passed;
      return { kind: "cancelled" };
    };
    await stage.startedBot();
    const prompt = await openPrompt();
    const tapped = tap("4242", prompt.messageId, "Cancel");
    await stage.proxy.until((proxy) => proxy.callsOf("answerCallbackQuery")[0]?.answered === true);
    expect(stage.proxy.callsOf("editMessageText")).toEqual([]);
    decision.open();
    await tapped;
    expect(stage.proxy.callsOf("answerCallbackQuery")).toHaveLength(1);
    expect((await lastMessage("4242")).text).toBe("Sign-in cancelled.");
  });

  it("T13 a dead button's message becomes the notice", async () => {
    stage.handlers.onTap = async () => ({ kind: "stale" });
    await stage.startedBot();
    const prompt = await openPrompt();
    await tap("4242", prompt.messageId, "Login");
    expect(await lastMessage("4242")).toMatchObject({
      messageId: prompt.messageId,
      text: "This button no longer works. Start again on the site.",
      buttons: [],
    });
  });

  it("T13 forged data leaves the message it is sent with as it was", async () => {
    stage.handlers.onTap = async () => ({ kind: "stale" });
    await stage.startedBot();
    const prompt = await openPrompt();
    const forged = buttonData("F".repeat(22), { kind: "login" });
    await stage.sandbox.telegram.tapData("4242", prompt.messageId, forged);
    const chat = await stage.sandbox.getChat({ channel: "telegram", userId: "4242" });
    expect(chat.messages.find((message) => message.messageId === prompt.messageId)).toEqual(prompt);
    expect((await lastMessage("4242")).text).toMatch(/^This button no longer works/);
  });

  it("shows a decided prompt anew when its message was deleted, and reports where", async () => {
    await stage.startedBot();
    const prompt = await openPrompt();
    await stage.call("deleteMessage", { chat_id: 4242, message_id: Number(prompt.messageId) });
    await stage.sandbox.telegram.tapData("4242", prompt.messageId, "l:Token00000000000000001");
    const confirmed = await lastMessage("4242");
    expect(confirmed.messageId).not.toBe(prompt.messageId);
    expect(confirmed.buttons).toEqual([{ label: "Go to website", url: SITE_URL }]);
    expect(stage.proxy.callsOf("sendMessage").at(-1)?.body).toMatchObject({
      protect_content: true,
    });
    expect(stage.handlers.of("shown").at(-1)).toEqual({
      kind: "shown",
      token: "Token00000000000000001",
      message: { chatId: "4242", messageId: confirmed.messageId },
    });
  });

  it("shows a decided prompt anew when its message is deleted while it is being decided", async () => {
    await stage.startedBot();
    const prompt = await openPrompt();
    stage.handlers.onTap = async () => {
      await stage.call("deleteMessage", { chat_id: 4242, message_id: Number(prompt.messageId) });
      return { kind: "cancelled" };
    };
    await tap("4242", prompt.messageId, "Cancel");
    await stage.proxy.until((proxy) => proxy.callsOf("sendMessage").at(1)?.answered === true);
    expect((await lastMessage("4242")).text).toBe("Sign-in cancelled.");
    expect(stage.lines("error")).toEqual([]);
  });

  it("sends the link as text when Telegram refuses it in a button, and logs it without the code", async () => {
    const url = "http://localhost:3000/callback?code=SECRETCODE";
    stage.handlers.onTap = async () => confirmed({ url });
    await stage.startedBot();
    const prompt = await openPrompt();
    await tap("4242", prompt.messageId, "Login");
    await stage.proxy.until((proxy) => proxy.callsOf("editMessageText").at(1)?.answered === true);
    expect(await lastMessage("4242")).toMatchObject({
      messageId: prompt.messageId,
      text: expect.stringContaining(`or continue on the site here:\n${url}`),
      buttons: [],
    });
    expect(stage.lines("warn").map((line) => line.message)).toEqual([
      expect.stringContaining("the link is sent as text"),
    ]);
  });

  it("reports that a person blocked the bot and came back", async () => {
    await stage.startedBot();
    await openPrompt();
    await stage.sandbox.setBlocked({ channel: "telegram", userId: "4242", blocked: true });
    await stage.sandbox.setBlocked({ channel: "telegram", userId: "4242", blocked: false });
    expect(stage.handlers.of("reachable").map((told) => told.reachable)).toEqual([false, true]);
  });

  it("reports a person as unreachable when sending to them is forbidden", async () => {
    await stage.startedBot();
    const blocked = "Forbidden: bot was blocked by the user";
    const body = { ok: false, error_code: 403, description: blocked };
    stage.proxy.fail("sendMessage", { kind: "answer", status: 403, body });
    await stage.open("auth_demo", ANNA);
    expect(stage.handlers.of("reachable")).toMatchObject([
      { reachable: false, person: { userId: "4242" } },
    ]);
    expect(stage.handlers.of("shown")).toEqual([]);
    expect(stage.lines("error")).toEqual([]);
  });

  it("tells a person that something went wrong when a handler throws, and goes on", async () => {
    stage.handlers.onStart = async () => {
      throw new Error(`database: no answer for /bot${stage.token}/x`);
    };
    await stage.startedBot();
    await stage.open("auth_demo", ANNA);
    expect((await lastMessage("4242")).text).toMatch(/^Something went wrong/);
    expect(stage.lines("error")[0]?.fields).toMatchObject({
      error: expect.stringContaining("database: no answer for /bot<token>/x"),
    });
    stage.handlers.onStart = async () => stage.handlers.prompt();
    await stage.open("auth_demo", ANNA);
    expect((await lastMessage("4242")).text).toMatch(/^Sign in to/);
  });

  it("a tap that could not be decided leaves the buttons, so that the person can try again", async () => {
    const works = stage.handlers.onTap;
    stage.handlers.onTap = async () => {
      throw new Error("database: no answer");
    };
    await stage.startedBot();
    const prompt = await openPrompt();
    await tap("4242", prompt.messageId, "Login");
    expect((await lastMessage("4242")).text).toMatch(/^Something went wrong/);
    stage.handlers.onTap = works;
    await tap("4242", prompt.messageId, "Login");
    const chat = await stage.sandbox.getChat({ channel: "telegram", userId: "4242" });
    const message = chat.messages.find((entry) => entry.messageId === prompt.messageId);
    expect(message?.buttons).toEqual([{ label: "Go to website", url: SITE_URL }]);
  });

  it("T12 does nothing in a group", async () => {
    const group = { id: -100, type: "supergroup", title: "Group" };
    const from = { id: 4242, is_bot: false, first_name: "Anna" };
    const text = "/start auth_demo";
    const update = { update_id: 7, message: { message_id: 1, date: 1, chat: group, from, text } };
    const body = { ok: true, result: [update] };
    stage.proxy.fail("getUpdates", { kind: "answer", status: 200, body });
    await stage.startedBot();
    await stage.proxy.until((proxy) => proxy.callsOf("getUpdates").length > 1);
    expect(stage.proxy.callsOf("getUpdates").at(-1)?.body).toMatchObject({ offset: 8 });
    expect(stage.proxy.callsOf("sendMessage")).toEqual([]);
    expect(stage.handlers.told).toEqual([]);
  });

  it("sets the menu of commands in both languages", async () => {
    await stage.startedBot();
    await stage.proxy.until((proxy) => proxy.callsOf("setMyCommands").at(1)?.answered === true);
    const english = await stage.call("getMyCommands");
    const russian = await stage.call("getMyCommands", { language_code: "ru" });
    expect(english.result).toMatchObject([
      { command: "help" },
      { command: "lang" },
      { command: "stop" },
    ]);
    expect(russian.result).toMatchObject([
      { command: "help", description: "Как войти на сайт" },
      { command: "lang" },
      { command: "stop" },
    ]);
  });
});

describe("TelegramBot.settle", () => {
  it.each([
    ["expired", "This request has expired. Start again on the site."],
    ["cancelled", "Sign-in cancelled."],
    ["replaced", "A newer sign-in request has replaced this one."],
    ["used", "This request was already used."],
    ["mismatched", "That is not the number on the page"],
  ] as const)("T4 edits a prompt that is %s and removes its buttons", async (status, text) => {
    const bot = await stage.startedBot();
    const { messageId } = await openPrompt();
    const shown = { chatId: "4242", messageId };
    await bot.settle(promptRow({ status, shown }));
    const message = await lastMessage("4242");
    expect(message.text).toContain(text);
    expect(message.buttons).toEqual([]);
    await bot.settle(promptRow({ status, shown }));
    expect(stage.lines("warn", "error")).toEqual([]);
  });

  it("T4 waits for an edit of the same message that is under way, so that the button does not come back", async () => {
    const bot = await stage.startedBot();
    const { messageId } = await openPrompt();
    stage.proxy.fail("editMessageText", { kind: "slow", ms: 200 });
    void tap("4242", messageId, "Login");
    await stage.proxy.until((proxy) => proxy.callsOf("editMessageText").length === 1);
    const grantId = "b7d0c1de-0000-4000-8000-000000000002";
    const shown = { chatId: "4242", messageId };
    expect(await bot.settle(promptRow({ status: "used", grantId, shown }))).toBe(true);
    await stage.proxy.until((proxy) =>
      proxy.callsOf("editMessageText").every((call) => call.answered),
    );
    expect(await lastMessage("4242")).toMatchObject({
      text: "You are signed in.",
      buttons: [],
    });
  });

  it("leaves a prompt that is live, approved or was never shown", async () => {
    const bot = await stage.startedBot();
    const { messageId } = await openPrompt();
    const shown = { chatId: "4242", messageId };
    await bot.settle(promptRow({ status: "live", shown }));
    await bot.settle(promptRow({ status: "approved", shown }));
    await bot.settle(promptRow({ status: "expired", shown: null }));
    expect(stage.proxy.callsOf("editMessageText")).toEqual([]);
  });

  it("sends nothing in place of a message that is gone, or to a person who blocked the bot", async () => {
    const bot = await stage.startedBot();
    const { messageId } = await openPrompt();
    await bot.settle(promptRow({ shown: { chatId: "4242", messageId: "1" } }));
    await stage.sandbox.setBlocked({ channel: "telegram", userId: "4242", blocked: true });
    await bot.settle(promptRow({ shown: { chatId: "4242", messageId } }));
    expect(stage.proxy.callsOf("sendMessage")).toHaveLength(1);
    expect(stage.lines("warn", "error")).toEqual([]);
  });
});
