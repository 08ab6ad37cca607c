// What pretend people can do, with a real grammY bot polling the pretend Telegram: each wish
// answers when the bot has reacted, and no wish gets lost among many.

import type { Bot } from "grammy";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Chat } from "../../src/sandbox/chat.ts";
import { REACTION_TIMEOUT_MS } from "../../src/sandbox/reactions.ts";
import {
  makeBot,
  makeLoginBot,
  type SandboxServer,
  startPolling,
  startSandboxServer,
} from "./chat-server.ts";

const channel = "telegram" as const;
let server: SandboxServer;
let bot: Bot;
let stop: () => Promise<void>;
const blockChanges: string[] = [];

beforeAll(async () => {
  server = await startSandboxServer();
  bot = makeLoginBot(server.sandbox);
  bot.on("my_chat_member", ({ myChatMember }) => {
    const { status } = myChatMember.new_chat_member;
    blockChanges.push(`${myChatMember.from.id} ${myChatMember.old_chat_member.status} ${status}`);
  });
  stop = await startPolling(bot);
});

afterAll(async () => {
  await stop();
  await server.close();
});

function open(id: string, start = "auths_x", lang = "en"): Promise<Chat> {
  const link = `${server.url}/sandbox/telegram/TapinDemoBot?start=${start}`;
  return server.sandbox.openLink({ link, user: { id, firstName: "Anna", lang } });
}

function last(chat: Chat) {
  const message = chat.messages.at(-1);
  if (message === undefined) throw new Error("the chat is empty");
  return message;
}

async function elapsed(work: Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work;
  return performance.now() - begun;
}

describe("openLink", () => {
  test("sends /start with the payload and answers with the bot's prompt", async () => {
    const chat = await open("1001", "auths_aBc");
    expect(chat.messages).toEqual([
      { messageId: expect.any(String), from: "user", text: "/start auths_aBc", buttons: [] },
      {
        messageId: expect.any(String),
        from: "bot",
        text: expect.stringContaining("Sign in"),
        buttons: [{ label: "Login" }, { label: "Cancel" }],
      },
    ]);
  });

  test("tells the bot the person's language, and takes Telegram's own links", async () => {
    const link = "tg://resolve?domain=tapindemobot&start=a";
    const user = { id: "1002", firstName: "Анна", lang: "ru" };
    const chat = await server.sandbox.openLink({ link, user });
    expect(last(chat).buttons).toEqual([{ label: "Войти" }, { label: "Отмена" }]);
  });

  test.each([
    ["no link", "nonsense", "invalid", "link"],
    ["another bot", "https://t.me/OtherBot?start=a", "not_found", "link"],
    ["a MAX link", "https://max.ru/TapinDemoBot?start=a", "not_found", "link"],
  ])("refuses %s", async (_, link, kind, field) => {
    const user = { id: "1003", firstName: "Anna" };
    await expect(server.sandbox.openLink({ link, user })).rejects.toMatchObject({ kind, field });
  });

  test.each([
    ["no id", { id: "", firstName: "A" }, "user.id"],
    ["id 0", { id: "0", firstName: "A" }, "user.id"],
    ["an id over 2^53", { id: "9007199254740992", firstName: "A" }, "user.id"],
    ["no name", { id: "5", firstName: "" }, "user.first_name"],
    ["a long name", { id: "5", firstName: "я".repeat(65) }, "user.first_name"],
  ])("refuses %s", async (_, user, field) => {
    const link = "https://t.me/TapinDemoBot?start=a";
    const problem = { kind: "invalid", field };
    await expect(server.sandbox.openLink({ link, user })).rejects.toMatchObject(problem);
  });
});

describe("tapButton", () => {
  test("answers with the edited message, whose URL button changes nothing when tapped", async () => {
    const prompt = last(await open("2001"));
    const tap = { channel, userId: "2001", messageId: prompt.messageId };
    const chat = await server.sandbox.tapButton({ ...tap, label: "Login" });
    expect(last(chat)).toEqual({
      messageId: prompt.messageId,
      from: "bot",
      text: "Confirmed. Continue on the site:",
      buttons: [{ label: "Go to website", url: "https://demo.example/callback?code=abc" }],
    });
    const outside = { ...tap, label: "Go to website" };
    expect(await server.sandbox.tapButton(outside)).toEqual(chat);
    await expect(server.sandbox.tapButton({ ...tap, label: "Login" })).rejects.toMatchObject({
      kind: "not_found",
    });
    await expect(
      server.sandbox.tapButton({ ...tap, messageId: "1", label: "Login" }),
    ).rejects.toMatchObject({ kind: "not_found" });
  });

  test("waits for a bot that answers first and edits later, and not for ever for one that only answers", async () => {
    const other = await startSandboxServer();
    const slow = makeBot(other.sandbox);
    slow.command("start", (context) =>
      context.reply("?", {
        reply_markup: {
          inline_keyboard: [
            [{ text: "Work", callback_data: "work" }],
            [{ text: "Toast", callback_data: "toast" }],
          ],
        },
      }),
    );
    slow.callbackQuery("work", async (context) => {
      await context.answerCallbackQuery();
      await new Promise((resolve) => setTimeout(resolve, 700));
      await context.editMessageText("worked");
    });
    slow.callbackQuery("toast", (context) => context.answerCallbackQuery("no"));
    const stopSlow = await startPolling(slow);
    const user = { id: "5", firstName: "A" };
    const link = "https://t.me/TapinDemoBot";
    const { messageId } = last(await other.sandbox.openLink({ link, user }));
    const tap = { channel, userId: "5", messageId };
    const toast = await elapsed(other.sandbox.tapButton({ ...tap, label: "Toast" }));
    expect(toast).toBeLessThan(REACTION_TIMEOUT_MS - 500);
    const worked = await other.sandbox.tapButton({ ...tap, label: "Work" });
    expect(last(worked).text).toBe("worked");
    await stopSlow();
    await other.close();
  });

  test("100 simultaneous taps of one button make 100 callback queries, and each gets its answer", async () => {
    const other = await startSandboxServer();
    const queries = new Set<string>();
    const tapped = makeBot(other.sandbox);
    tapped.command("start", (context) =>
      context.reply("?", {
        reply_markup: { inline_keyboard: [[{ text: "Login", callback_data: "l" }]] },
      }),
    );
    tapped.callbackQuery("l", async (context) => {
      queries.add(context.callbackQuery.id);
      await context.answerCallbackQuery();
      // All but the first are refused: the message is not modified.
      await context.editMessageText("confirmed").catch(() => undefined);
    });
    const stopTapped = await startPolling(tapped);
    const user = { id: "7", firstName: "A" };
    const { messageId } = last(
      await other.sandbox.openLink({ link: "https://t.me/TapinDemoBot", user }),
    );
    const tap = { channel, userId: "7", messageId, label: "Login" };
    const chats = await Promise.all(
      Array.from({ length: 100 }, () => other.sandbox.tapButton(tap)),
    );
    expect(queries.size).toBe(100);
    for (const chat of chats) expect(last(chat).text).toBe("confirmed");
    await stopTapped();
    await other.close();
  });

  test("100 people at once each get their own prompt", async () => {
    const ids = Array.from({ length: 100 }, (_, index) => String(30_000 + index));
    const chats = await Promise.all(ids.map((id) => open(id, `p${id}`)));
    chats.forEach((chat, index) => {
      expect(chat.messages[0]?.text).toBe(`/start p${ids[index]}`);
      expect(chat.messages).toHaveLength(2);
    });
  });

  test("a modified client can send data that no button has", async () => {
    const { messageId } = last(await open("2002"));
    const chat = await server.sandbox.telegram.tapData("2002", messageId, "l:forged");
    expect(last(chat).text).toContain("Confirmed");
  });
});

describe("sendText", () => {
  test("answers with what the bot says to it", async () => {
    await open("3001");
    const chat = await server.sandbox.sendText({ channel, userId: "3001", text: " hello " });
    expect(chat.messages.slice(-2).map(({ from, text }) => [from, text])).toEqual([
      ["user", "hello"],
      ["bot", "You said: hello"],
    ]);
  });

  test.each([[" "], ["x".repeat(4097)]])("refuses a blank or too long text", async (text) => {
    await open("3002");
    const wish = { channel, userId: "3002", text };
    await expect(server.sandbox.sendText(wish)).rejects.toMatchObject({
      kind: "invalid",
      field: "text",
    });
  });

  test("answers after 2 s when no bot polls", async () => {
    const other = await startSandboxServer();
    const user = { id: "5", firstName: "A" };
    const opening = other.sandbox.openLink({ link: "https://t.me/TapinDemoBot", user });
    const waited = await elapsed(opening);
    expect(waited).toBeGreaterThan(REACTION_TIMEOUT_MS - 50);
    expect(waited).toBeLessThan(REACTION_TIMEOUT_MS + 1000);
    expect((await opening).messages).toHaveLength(1);
    await other.close();
  });
});

describe("setBlocked", () => {
  test("tells the bot, which then is refused; START unblocks", async () => {
    await open("4001");
    await server.sandbox.setBlocked({ channel, userId: "4001", blocked: true });
    expect(blockChanges).toEqual(["4001 member kicked"]);
    await expect(bot.api.sendMessage(4001, "hi")).rejects.toMatchObject({
      error_code: 403,
      description: "Forbidden: bot was blocked by the user",
    });
    const text = server.sandbox.sendText({ channel, userId: "4001", text: "hi" });
    await expect(text).rejects.toMatchObject({ kind: "invalid", field: "user_id" });
    const chat = await open("4001", "again");
    expect(last(chat).from).toBe("bot");
    expect(blockChanges).toEqual(["4001 member kicked", "4001 kicked member"]);
  });

  test("changes nothing when it is so already", async () => {
    await open("4002");
    const before = blockChanges.length;
    await server.sandbox.setBlocked({ channel, userId: "4002", blocked: false });
    expect(blockChanges).toHaveLength(before);
  });
});

describe("getChat", () => {
  test("knows nobody who never came, whoever came to the other messenger", async () => {
    const unknown = server.sandbox.getChat({ channel, userId: "9" });
    await expect(unknown).rejects.toMatchObject({ kind: "not_found" });
    const max = server.sandbox.getChat({ channel: "max", userId: "1001" });
    await expect(max).rejects.toMatchObject({ kind: "not_found" });
  });
});

describe("handle", () => {
  test("the chat page has a policy that lets nothing inline run, and no payload in it", async () => {
    const response = await fetch(`${server.url}/sandbox/telegram/TapinDemoBot?start=auths_secret`);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-security-policy")).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    );
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
    expect(response.headers.get("referrer-policy")).toBe("no-referrer");
    expect(await response.text()).not.toContain("auths_secret");
  });

  test("the index names the bot, and /sandbox leads to it", async () => {
    const response = await fetch(`${server.url}/sandbox`);
    expect(response.url).toBe(`${server.url}/sandbox/`);
    expect(await response.text()).toContain('href="telegram/TapinDemoBot"');
  });

  test.each([
    ["/sandbox/telegram/OtherBot", 404],
    ["/sandbox/telegram/", 404],
    ["/sandbox/assets/../chat.ts", 404],
    ["/sandbox/assets/constructor", 404],
    ["/sandbox/max/TapinDemoBot", 404],
    ["/sandbox/telegram-api", 404],
    ["/sandbox/telegram/id770001_bot", 404],
    ["/sandbox/avatars/0.svg", 404],
  ])("%s is not there", async (path, status) => {
    const response = await fetch(`${server.url}${path}`);
    expect(response.status).toBe(status);
    expect(await response.json()).toEqual({
      error: expect.any(String),
      code: "not_found",
      retryable: false,
      request_id: response.headers.get("x-request-id"),
    });
  });

  test("HEAD is answered without a body, POST to a page is refused", async () => {
    const page = `${server.url}/sandbox/telegram/TapinDemoBot`;
    const head = await fetch(page, { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([200, ""]);
    const post = await fetch(page, { method: "POST" });
    expect([post.status, post.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
  });
});
