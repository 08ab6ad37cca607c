// What pretend people can do in the pretend MAX, with a bot of plain fetch polling it: each wish
// answers when the bot has reacted, none gets lost among many.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Chat } from "../../src/sandbox/chat.ts";
import { REACTION_TIMEOUT_MS } from "../../src/sandbox/reactions.ts";
import { type RunningBot, startLoginBot } from "./max-bot.ts";
import { type MaxServer, startMaxServer } from "./max-server.ts";

const channel = "max" as const;
let server: MaxServer;
let stop: RunningBot;

beforeAll(async () => {
  server = await startMaxServer();
  stop = startLoginBot(server.sandbox);
});

afterAll(async () => {
  await stop();
  await server.close();
});

function open(id: string, start = "auths_x", lang = "en"): Promise<Chat> {
  const link = `${server.url}/sandbox/max/id770001_bot?start=${start}`;
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
  test("starts the bot without a message of the person, and answers with the prompt", async () => {
    const chat = await open("1001", "auths_aBc");
    expect(chat.messages).toEqual([
      {
        messageId: expect.stringMatching(/^mid\./),
        from: "bot",
        text: expect.stringContaining("Sign in"),
        buttons: [{ label: "Login" }, { label: "Cancel" }],
      },
    ]);
  });

  test("takes MAX's own link", async () => {
    const link = "https://max.ru/id770001_bot?start=auths_x";
    const user = { id: "1002", firstName: "Анна", lang: "ru" };
    expect(last(await server.sandbox.openLink({ link, user })).buttons).toEqual([
      { label: "Войти" },
      { label: "Отмена" },
    ]);
  });

  test("in a running dialog nothing happens, at once; the text to send instead is understood", async () => {
    const before = await open("1003");
    const again = open("1003", "auths_again");
    expect(await elapsed(again)).toBeLessThan(500);
    expect(await again).toEqual(before);
    const text = "/start auths_again";
    const chat = await server.sandbox.sendText({ channel, userId: "1003", text });
    expect(chat.messages.slice(1).map(({ from }) => from)).toEqual(["user", "bot"]);
    expect(last(chat).buttons).toHaveLength(2);
  });

  test.each([
    ["no link", "nonsense", "invalid"],
    ["another bot", "https://max.ru/id1_bot?start=a", "not_found"],
    ["the bot at Telegram", "https://t.me/id770001_bot?start=a", "not_found"],
    ["plain http", "http://max.ru/id770001_bot?start=a", "not_found"],
    ["a longer path", "https://max.ru/id770001_bot/x?start=a", "not_found"],
  ])("refuses %s", async (_, link, kind) => {
    const user = { id: "1004", firstName: "Anna" };
    const opening = server.sandbox.openLink({ link, user });
    await expect(opening).rejects.toMatchObject({ kind, field: "link" });
  });
});

describe("tapButton", () => {
  test("answers with the edited message", async () => {
    const prompt = last(await open("2001"));
    const tap = { channel, userId: "2001", messageId: prompt.messageId };
    const chat = await server.sandbox.tapButton({ ...tap, label: "Login" });
    expect(last(chat)).toEqual({
      messageId: prompt.messageId,
      from: "bot",
      text: "Confirmed. Continue on the site:",
      buttons: [{ label: "Go to website", url: "https://demo.example/callback?code=abc" }],
    });
    await expect(server.sandbox.tapButton({ ...tap, label: "Login" })).rejects.toMatchObject({
      kind: "not_found",
    });
  });

  test("100 simultaneous taps of one button come through, and each gets its answer", async () => {
    const { messageId } = last(await open("2002"));
    const tap = { channel, userId: "2002", messageId, label: "Login" };
    const chats = await Promise.all(
      Array.from({ length: 100 }, () => server.sandbox.tapButton(tap)),
    );
    for (const chat of chats) expect(last(chat).text).toContain("Confirmed");
    expect(stop.tapsOf("2002")).toBe(100);
  });

  test("100 people at once each get their own prompt", async () => {
    const ids = Array.from({ length: 100 }, (_, index) => String(30_000 + index));
    const chats = await Promise.all(ids.map((id) => open(id, `p${id}`)));
    chats.forEach((chat, index) => {
      expect(chat.messages).toHaveLength(1);
      expect(last(chat).text).toContain(`p${ids[index]}`);
    });
  });

  test("a bot held to 2 calls a second answers after a 429, and the wish waits for it", async () => {
    const { max } = server.sandbox;
    const { messageId } = last(await open("2003"));
    max.faults.failCalls({ kind: "tooMany", retryAfterSeconds: 1 }, { call: "POST /answers" });
    const chat = await server.sandbox.tapButton({
      channel,
      userId: "2003",
      messageId,
      label: "Cancel",
    });
    expect(last(chat).text).toBe("Sign-in cancelled.");
  });
});

describe("sendText and setBlocked", () => {
  test("a text is answered; a blank or too long one is refused", async () => {
    await open("3001");
    const wish = { channel, userId: "3001" };
    const chat = await server.sandbox.sendText({ ...wish, text: " hello " });
    expect(last(chat).text).toBe("You said: hello");
    for (const text of [" ", "x".repeat(4001)]) {
      await expect(server.sandbox.sendText({ ...wish, text })).rejects.toMatchObject({
        kind: "invalid",
        field: "text",
      });
    }
  });

  test("who stopped the bot can neither write nor tap, and is not written to", async () => {
    const { messageId } = last(await open("3002"));
    const wish = { channel, userId: "3002" };
    expect(await elapsed(server.sandbox.setBlocked({ ...wish, blocked: true }))).toBeLessThan(
      REACTION_TIMEOUT_MS - 500,
    );
    const refused = { kind: "invalid", field: "user_id" };
    const text = server.sandbox.sendText({ ...wish, text: "hi" });
    await expect(text).rejects.toMatchObject(refused);
    const tap = server.sandbox.tapButton({ ...wish, messageId, label: "Login" });
    await expect(tap).rejects.toMatchObject(refused);
    const denied = await server.max("POST", "/messages?user_id=3002", { text: "hi" });
    expect(denied).toMatchObject({ status: 403, body: { code: "chat.denied" } });
    const chat = await server.sandbox.setBlocked({ ...wish, blocked: false });
    expect(last(chat).text).toBe("Open the sign-in link.");
  });

  test("who is known but never started the bot has to start it", async () => {
    server.sandbox.max.addPerson({ id: "3003", firstName: "Anna" });
    const text = server.sandbox.sendText({ channel, userId: "3003", text: "hi" });
    await expect(text).rejects.toMatchObject({ kind: "invalid", field: "user_id" });
    const nobody = server.sandbox.getChat({ channel, userId: "3004" });
    await expect(nobody).rejects.toMatchObject({ kind: "not_found" });
  });
});
