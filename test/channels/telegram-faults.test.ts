// The Telegram bot when the Bot API or the network misbehaves: retries, giving up, and what must
// not be lost.

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Stage, setStage } from "./bot-stage.ts";
import { SITE_URL } from "./scripted-handlers.ts";

const ANNA = { id: "4242", lang: "en" };
const LOGIN = "l:Token00000000000000001";

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

function tooMany(seconds: number) {
  const description = `Too Many Requests: retry after ${seconds}`;
  const body = { ok: false, error_code: 429, description, parameters: { retry_after: seconds } };
  return { kind: "answer", status: 429, body } as const;
}

function refusal(code: number, description: string) {
  const body = { ok: false, error_code: code, description };
  return { kind: "answer", status: code, body } as const;
}

const SERVER_ERROR = refusal(500, "Internal Server Error");

async function botMessages() {
  const chat = await stage.sandbox.getChat({ channel: "telegram", userId: "4242" });
  return chat.messages.filter((message) => message.from === "bot");
}

async function openPrompt() {
  const chat = await stage.open("auth_demo", ANNA);
  return chat.messages.at(-1)?.messageId ?? "";
}

describe("TelegramBot sending", () => {
  it("waits as long as a 429 asks for, then shows what was decided", async () => {
    await stage.startedBot();
    const messageId = await openPrompt();
    stage.proxy.fail("editMessageText", tooMany(1));
    const before = performance.now();
    void stage.sandbox.telegram.tapData("4242", messageId, LOGIN);
    await stage.proxy.until((proxy) => proxy.callsOf("editMessageText").at(1)?.answered === true);
    expect(performance.now() - before).toBeGreaterThanOrEqual(990);
    expect((await botMessages())[0]?.buttons).toEqual([{ label: "Go to website", url: SITE_URL }]);
    expect(stage.lines("error")).toEqual([]);
  });

  it("gives up at once on a 429 that asks for too long, logs it, and goes on", async () => {
    await stage.startedBot();
    const messageId = await openPrompt();
    stage.proxy.fail("editMessageText", tooMany(60));
    await stage.sandbox.telegram.tapData("4242", messageId, LOGIN);
    expect(stage.proxy.callsOf("editMessageText")).toHaveLength(1);
    expect(stage.lines("error")).toMatchObject([
      { message: expect.stringContaining("what was decided stands") },
    ]);
    await stage.sandbox.telegram.tapData("4242", messageId, LOGIN);
    expect((await botMessages())[0]?.buttons).toEqual([{ label: "Go to website", url: SITE_URL }]);
  });

  it.each([
    ["a server error", SERVER_ERROR],
    ["a dropped socket", { kind: "drop" }],
    ["a page that is no JSON", { kind: "answer", status: 502, body: "<html>Bad gateway</html>" }],
  ] as const)("tries again after %s", async (_, fault) => {
    await stage.startedBot();
    stage.proxy.fail("sendMessage", fault);
    await stage.open("auth_demo", ANNA);
    expect(await botMessages()).toHaveLength(1);
    expect(stage.handlers.of("shown")).toHaveLength(1);
    expect(stage.lines("error")).toEqual([]);
  });

  it("T7 an edit whose answer was lost is done: the second try changes nothing and is no error", async () => {
    await stage.startedBot();
    const messageId = await openPrompt();
    stage.proxy.fail("editMessageText", { kind: "drop", after: true });
    await stage.sandbox.telegram.tapData("4242", messageId, LOGIN);
    await stage.proxy.until((proxy) => proxy.callsOf("editMessageText").at(1)?.answered === true);
    expect((await botMessages())[0]?.buttons).toEqual([{ label: "Go to website", url: SITE_URL }]);
    expect(stage.lines("warn", "error")).toEqual([]);
  });

  it("gives up after three tries, logs it, and goes on", async () => {
    await stage.startedBot();
    stage.proxy.fail("sendMessage", SERVER_ERROR, 3);
    await stage.open("auth_demo", ANNA);
    await stage.proxy.until((proxy) => proxy.callsOf("sendMessage").at(2)?.answered === true);
    await stage.open("auth_demo", ANNA);
    expect(await botMessages()).toHaveLength(1);
    expect(stage.lines("error")).toHaveLength(1);
  });

  it("a tap that is too old to acknowledge still has its effect, without a warning", async () => {
    await stage.startedBot();
    const messageId = await openPrompt();
    const late =
      "Bad Request: query is too old and response timeout expired or query ID is invalid";
    stage.proxy.fail("answerCallbackQuery", refusal(400, late));
    void stage.sandbox.telegram.tapData("4242", messageId, LOGIN);
    await stage.proxy.until((proxy) => proxy.callsOf("editMessageText").at(0)?.answered === true);
    expect((await botMessages())[0]?.buttons).toEqual([{ label: "Go to website", url: SITE_URL }]);
    expect(stage.lines("warn", "error")).toEqual([]);
  });

  it("in a crowd makes a hundred calls at a time; the rest wait in line, and nobody goes without", async () => {
    await stage.startedBot();
    const people = Array.from({ length: 120 }, (_, n) => ({ id: String(n + 1), lang: "en" }));
    const keyboard = [[{ text: "Login", callback_data: LOGIN }]];
    const atOnce: number[] = [];
    stage.proxy.fail("answerCallbackQuery", { kind: "slow", ms: 1500 }, people.length);
    const answered = stage.proxy.until((proxy) => {
      const calls = ["answerCallbackQuery", "editMessageText"].flatMap((call) => [
        ...proxy.callsOf(call),
      ]);
      atOnce.push(calls.filter((call) => !call.answered && !call.left).length);
      return calls.filter((call) => call.answered).length === 2 * people.length;
    });
    for (const person of people) {
      const user = { ...person, firstName: "Anna" };
      const messageId = stage.sandbox.telegram.addBotMessage(user, { text: "Log in?", keyboard });
      void stage.sandbox.telegram.tapData(person.id, messageId, LOGIN);
    }
    await answered;
    expect(Math.max(...atOnce)).toBe(100);
    expect(people.every(({ id }) => stage.isConfirmed(id))).toBe(true);
    expect(stage.lines("warn", "error")).toEqual([]);
  });

  it("a tap whose acknowledgement hangs or fails still has its effect", async () => {
    await stage.startedBot();
    const messageId = await openPrompt();
    stage.proxy.fail("answerCallbackQuery", { kind: "slow", ms: 1500 });
    void stage.sandbox.telegram.tapData("4242", messageId, LOGIN);
    await stage.proxy.until((proxy) => proxy.callsOf("editMessageText").at(0)?.answered === true);
    expect(stage.proxy.callsOf("answerCallbackQuery")[0]?.answered).toBe(false);
    expect((await botMessages())[0]?.buttons).toEqual([{ label: "Go to website", url: SITE_URL }]);
    await stage.proxy.until((proxy) => proxy.callsOf("answerCallbackQuery")[0]?.answered === true);
    // Twice, for Deno itself sends a request once more when a connection it had used before breaks.
    stage.proxy.fail("answerCallbackQuery", { kind: "drop" }, 2);
    void stage.sandbox.telegram.tapData("4242", messageId, LOGIN);
    await stage.proxy.until((proxy) => proxy.callsOf("editMessageText").at(1)?.answered === true);
    expect(stage.lines("warn").map((line) => line.message)).toEqual([
      "a tap could not be acknowledged",
    ]);
  });
});

describe("TelegramBot.start", () => {
  it("rejects with a sentence when the token is wrong, without telling the token", async () => {
    const token = "123456:wrong-token-wrong-token";
    const bot = stage.bot({ token });
    const error = await bot.start().then(
      () => null,
      (thrown: unknown) => thrown,
    );
    expect(String(error)).toContain("Telegram refuses the bot token");
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain(token);
  });

  it("resolves while the API is down, and works once it is up", async () => {
    stage.proxy.setDown(true);
    const bot = stage.bot();
    await bot.start();
    expect(bot.username).toBeNull();
    await stage.proxy.until((proxy) => proxy.callsOf("getMe").length >= 3);
    stage.proxy.setDown(false);
    await stage.open("auth_demo", ANNA);
    expect(bot.username).toBe(stage.sandbox.telegram.username);
    expect(await botMessages()).toHaveLength(1);
    expect(stage.lines("warn")[0]?.message).toBe("Telegram cannot be reached; trying again");
  });

  it("can be stopped while the API is down", async () => {
    stage.proxy.setDown(true);
    const bot = stage.bot({ timing: { firstBackoffMs: 60_000 } });
    await bot.start();
    await bot.stop();
    expect(stage.proxy.callsOf("getMe")).toHaveLength(1);
  });

  it("works without its menu of commands", async () => {
    stage.proxy.fail("setMyCommands", SERVER_ERROR);
    await stage.startedBot();
    await stage.open("auth_demo", ANNA);
    expect(await botMessages()).toHaveLength(1);
    expect(stage.lines("warn", "error")).toEqual([]);
  });
});

describe("TelegramBot polling", () => {
  it.each([
    ["dropped sockets", { kind: "drop" }],
    ["server errors", SERVER_ERROR],
    ["a 429", tooMany(0)],
  ] as const)("goes on after %s, logs it once, and loses nothing", async (_, fault) => {
    stage.proxy.fail("getUpdates", fault, 3);
    await stage.startedBot();
    await stage.open("auth_demo", ANNA);
    expect(await botMessages()).toHaveLength(1);
    expect(stage.lines("warn")).toHaveLength(1);
    expect(stage.lines("info").at(-1)?.message).toBe("Telegram's updates come again");
  });

  it("a batch whose answer was lost is fetched again", async () => {
    await stage.startedBot();
    await stage.open("auth_demo", ANNA);
    stage.proxy.fail("getUpdates", { kind: "drop", after: true });
    await stage.open("auth_demo", ANNA);
    await stage.open("auth_demo", ANNA);
    expect(stage.handlers.of("start")).toHaveLength(3);
  });

  it("leaves a foreign webhook alone, says so once, and takes over when it is gone", async () => {
    await stage.call("setWebhook", { url: "https://other.example.com/secret-path" });
    await stage.startedBot();
    await stage.proxy.until((proxy) => proxy.callsOf("getWebhookInfo").length >= 1);
    expect(stage.proxy.callsOf("deleteWebhook")).toEqual([]);
    await stage.proxy.until((proxy) => proxy.callsOf("getUpdates").length >= 2);
    const warnings = stage.lines("warn");
    expect(warnings).toHaveLength(1);
    expect(warnings[0]?.message).toContain("a webhook at https://other.example.com");
    expect(JSON.stringify(warnings)).not.toContain("secret-path");
    await stage.call("deleteWebhook");
    await stage.open("auth_demo", ANNA);
    await stage.proxy.until((proxy) => proxy.callsOf("sendMessage").at(0)?.answered === true);
    expect(await botMessages()).toHaveLength(1);
  });

  it("says once that another program polls, and takes the updates back", async () => {
    await stage.startedBot();
    await stage.proxy.until((proxy) => proxy.callsOf("getUpdates").length >= 1);
    const hasLooked = () => stage.proxy.callsOf("getWebhookInfo").length >= 1;
    while (!hasLooked()) await stage.call("getUpdates", { timeout: 1 });
    await stage.proxy.until((proxy) => proxy.callsOf("getUpdates").length >= 2);
    expect(stage.lines("warn").map((line) => line.message)).toEqual([
      expect.stringContaining("another program asks for this bot's updates too"),
    ]);
    await stage.open("auth_demo", ANNA);
    expect(await botMessages()).toHaveLength(1);
  });

  it("says once that the token is no longer accepted", async () => {
    stage.proxy.fail("getUpdates", refusal(401, "Unauthorized"), 3);
    await stage.startedBot();
    await stage.proxy.until((proxy) => proxy.callsOf("getUpdates").length >= 4);
    expect(stage.lines("error").map((line) => line.message)).toEqual([
      expect.stringContaining("no longer accepts the bot token"),
    ]);
  });
});
