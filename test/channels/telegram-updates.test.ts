// Reading Telegram's updates: which ones are an event, and which must be none.

import type { Update } from "grammy/types";
import { describe, expect, it } from "vitest";
import { readKeyedUpdate, readPerson, readUpdate } from "../../src/channels/telegram-updates.ts";

const FROM = {
  id: 4242,
  is_bot: false,
  first_name: "Анна",
  last_name: "К",
  username: "anna_k",
  language_code: "ru-RU",
};
const CHAT = { id: 4242, type: "private", first_name: "Анна" };
const PERSON = {
  channel: "telegram",
  userId: "4242",
  firstName: "Анна",
  lastName: "К",
  username: "anna_k",
  avatarUrl: null,
  lang: "ru",
};
const BOT = { id: 777, is_bot: true, first_name: "Demo", username: "DemoAuthBot" };

function read(update: object) {
  return readUpdate({ update_id: 1, ...update } as Update, "DemoAuthBot");
}

function message(change: object) {
  return read({ message: { message_id: 11, date: 1767225600, chat: CHAT, from: FROM, ...change } });
}

function tap(change: object) {
  return read({
    callback_query: { id: "99", chat_instance: "-5", data: "l:x", from: FROM, ...change },
  });
}

function buttonMessage(change: object = {}) {
  return {
    message_id: 12,
    date: 1767225601,
    chat: CHAT,
    from: BOT,
    text: "…",
    reply_markup: { inline_keyboard: [[{ text: "Login", callback_data: "l:x" }]] },
    ...change,
  };
}

describe("readUpdate", () => {
  it.each([
    ["/start auths_aBcDeFgH12345678", "auths_aBcDeFgH12345678"],
    ["/start@DemoAuthBot auth_my-app", "auth_my-app"],
    ["/start@demoauthbot auth_my-app", "auth_my-app"],
    ["  /START   auth_my-app  ", "auth_my-app"],
    ["/start\nauth_my-app", "auth_my-app"],
  ])("takes the payload of %j", (text, payload) => {
    expect(message({ text })).toEqual({ kind: "start", person: PERSON, chatId: "4242", payload });
  });

  it.each(["/start", "/start ", "/start@DemoAuthBot", "/help", "hello", "/unknown", "auth_my-app"])(
    "offers help for %j",
    (text) => {
      expect(message({ text })).toEqual({ kind: "help", person: PERSON, chatId: "4242" });
    },
  );

  it("offers help for a command that is meant for another bot", () => {
    expect(message({ text: "/start@OtherBot auth_my-app" })?.kind).toBe("help");
    expect(message({ text: "/stop@OtherBot" })?.kind).toBe("help");
  });

  it("reads /stop and /lang", () => {
    expect(message({ text: "/stop" })).toEqual({ kind: "stop", person: PERSON, chatId: "4242" });
    expect(message({ text: "/lang" })).toEqual({ kind: "lang", person: PERSON, chatId: "4242" });
  });

  it.each([
    ["a group", { text: "/start auth_a", chat: { id: -1, type: "supergroup", title: "G" } }],
    ["another bot's user", { text: "/start auth_a", from: { ...FROM, is_bot: true } }],
    ["an inline bot", { text: "/start auth_a", via_bot: BOT }],
    [
      "a forward",
      { text: "/start auth_a", forward_origin: { type: "user", date: 1, sender_user: FROM } },
    ],
    ["a message without a text", { photo: [] }],
    ["a message without a sender", { text: "/start auth_a", from: undefined }],
  ])("T12 takes no word from %s", (_, change) => {
    expect(message(change)).toBeNull();
  });

  it("reads a tap with its message, and sees that the message has the button", () => {
    expect(tap({ message: buttonMessage() })).toEqual({
      kind: "tap",
      person: PERSON,
      chatId: "4242",
      tapId: "99",
      data: "l:x",
      message: { chatId: "4242", messageId: "12" },
      onMessage: true,
    });
  });

  it("T13 sees that forged data is on no button of the message", () => {
    expect(tap({ data: "l:forged", message: buttonMessage() })).toMatchObject({ onMessage: false });
    expect(tap({ message: buttonMessage({ reply_markup: undefined }) })).toMatchObject({
      onMessage: false,
    });
  });

  it("answers a tap on a message that is inaccessible or missing in the private chat", () => {
    const none = { message: null, onMessage: false, chatId: "4242" };
    expect(tap({ message: { chat: CHAT, message_id: 12, date: 0 } })).toMatchObject(none);
    expect(tap({ message: undefined })).toMatchObject(none);
  });

  it.each([
    ["a group", { message: buttonMessage({ chat: { id: -1, type: "group", title: "G" } }) }],
    ["an inline message", { inline_message_id: "i" }],
    ["a game", { data: undefined, game_short_name: "g", message: buttonMessage() }],
  ])("T12 takes no tap from %s", (_, change) => {
    expect(tap(change)).toBeNull();
  });

  it.each([
    ["kicked", false],
    ["member", true],
  ])("reads a change to %s as reachable %s", (status, reachable) => {
    const member = { chat: CHAT, from: FROM, date: 1, new_chat_member: { status, user: BOT } };
    expect(read({ my_chat_member: member })).toEqual({
      kind: "reachable",
      person: PERSON,
      reachable,
    });
  });

  it("takes no membership of a group, and no kind of update it did not ask for", () => {
    const group = {
      chat: { id: -1, type: "group" },
      from: FROM,
      new_chat_member: { status: "kicked" },
    };
    expect(read({ my_chat_member: group })).toBeNull();
    expect(read({ edited_message: { text: "/start auth_a", chat: CHAT, from: FROM } })).toBeNull();
  });
});

describe("readKeyedUpdate", () => {
  const update = {
    update_id: 7,
    message: { message_id: 1, date: 1, chat: CHAT, from: FROM, text: "hi" },
  };

  it("tells updates apart by their id", () => {
    expect(readKeyedUpdate(update, "DemoAuthBot")).toMatchObject({
      key: "7",
      event: { kind: "help" },
    });
  });

  it.each([[{ ...update, update_id: undefined }], [{ update_id: 7 }], [{}], ["text"], [[]]])(
    "makes nothing of %j",
    (value) => {
      expect(readKeyedUpdate(value, "DemoAuthBot")).toBeNull();
    },
  );
});

describe("readPerson", () => {
  it("T27 cleans names; empty ones become empty or null", () => {
    const person = readPerson({
      id: 1,
      is_bot: false,
      first_name: "\u202eA\nnna",
      last_name: "\u200b",
    });
    expect(person).toEqual({
      channel: "telegram",
      userId: "1",
      firstName: "Anna",
      lastName: null,
      username: null,
      avatarUrl: null,
      lang: "en",
    });
    expect(readPerson({ id: 2, is_bot: false, first_name: "\u2066" }).firstName).toBe("");
  });

  it("T17 identity is the user id: an id beyond 32 bit survives", () => {
    expect(readPerson({ id: 7_000_000_000_001, is_bot: false, first_name: "A" }).userId).toBe(
      "7000000000001",
    );
  });
});
