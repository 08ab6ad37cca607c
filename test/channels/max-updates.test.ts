// Reading MAX's updates: which ones are an event, which must be none, and what tells them apart.

import { describe, expect, it } from "vitest";
import { losesMeaning, readMaxUpdate } from "../../src/channels/max-updates.ts";

const USER = { user_id: 5151, first_name: "Анна", last_name: "К", is_bot: false };
const PERSON = {
  channel: "max",
  userId: "5151",
  firstName: "Анна",
  lastName: "К",
  username: null,
  avatarUrl: null,
  lang: "ru",
};
const AVATAR = "https://i.oneme.ru/i?r=b";

// Shapes of facts: the receiver of a message is the bot in one that was written, the person in one
// tapped on.
function started(change: object = {}) {
  return {
    update_type: "bot_started",
    timestamp: 1767225600123,
    chat_id: 900100,
    user_id: 5151,
    user: { ...USER, avatar_url: "https://i.oneme.ru/i?r=a", full_avatar_url: AVATAR },
    payload: "auths_aBcDeFgH12345678",
    user_locale: "ru-RU",
    ...change,
  };
}

function created(text: string | null, change: object = {}) {
  return {
    update_type: "message_created",
    timestamp: 1767225606000,
    user_locale: "ru",
    message: {
      timestamp: 1767225606000,
      recipient: { chat_id: 900100, chat_type: "dialog", user_id: 31 },
      sender: USER,
      body: { mid: "mid.0000000000ab", seq: 1, text },
      ...change,
    },
  };
}

function tapped(change: object = {}, message: object | null = {}) {
  const buttons = [[{ type: "callback", text: "Login", payload: "l:x" }]];
  return {
    update_type: "message_callback",
    timestamp: 1767225605000,
    user_locale: "ru",
    callback: {
      timestamp: 1767225605000,
      callback_id: "f9LHod",
      payload: "l:x",
      user: USER,
      ...change,
    },
    message: message && {
      timestamp: 1767225601000,
      recipient: { chat_id: 900100, chat_type: "dialog", user_id: 5151 },
      sender: { user_id: 31, first_name: "Demo", username: "id1_bot", is_bot: true },
      body: {
        mid: "mid.0000000000aa",
        seq: 2,
        text: "…",
        attachments: [{ type: "inline_keyboard", payload: { buttons } }],
      },
      ...message,
    },
  };
}

function read(update: unknown) {
  return readMaxUpdate(update, "id1_bot");
}

describe("readMaxUpdate", () => {
  it("takes the payload of bot_started, and the larger picture", () => {
    expect(read(started())?.event).toEqual({
      kind: "start",
      person: { ...PERSON, avatarUrl: AVATAR },
      chatId: "5151",
      payload: "auths_aBcDeFgH12345678",
      cameBack: true,
    });
  });

  it.each([[undefined], [null], [""]])("offers help for bot_started with payload %j", (payload) => {
    expect(read(started({ payload }))?.event).toMatchObject({ kind: "help", cameBack: true });
  });

  it.each([
    "/start auths_aBcDeFgH12345678",
    "/start@id1_bot auths_aBcDeFgH12345678",
    "start auths_aBcDeFgH12345678",
    "Start auths_aBcDeFgH12345678",
    " auths_aBcDeFgH12345678 ",
    "/auths_aBcDeFgH12345678",
    "/start  auths_aBcDeFgH12345678\n",
  ])(
    "takes the payload of a text like %j: bot_started may not come in a running dialog",
    (text) => {
      expect(read(created(text))).toEqual({
        key: "mc:mid.0000000000ab",
        event: { kind: "start", person: PERSON, chatId: "5151", payload: "auths_aBcDeFgH12345678" },
      });
    },
  );

  it("takes a project's payload too", () => {
    expect(read(created("auth_my-app"))?.event).toMatchObject({ payload: "auth_my-app" });
  });

  it.each([
    "/start",
    "start",
    "hello",
    "/help",
    "I got auths_x",
    "authors_x",
    "/start@other auth_x",
  ])("offers help for %j", (text) => {
    expect(read(created(text))?.event).toEqual({ kind: "help", person: PERSON, chatId: "5151" });
  });

  it.each(["stop", "lang"])("reads /%s", (kind) => {
    expect(read(created(`/${kind}`))?.event).toMatchObject({ kind, chatId: "5151" });
  });

  it("replies to the person, not to the receiver of the message, which is the bot", () => {
    expect(read(created("hi"))?.event).toMatchObject({ chatId: "5151" });
  });

  it.each([
    ["a group", created("auth_a", { recipient: { chat_id: -1, chat_type: "chat" } })],
    ["a channel", created("auth_a", { recipient: { chat_id: -1, chat_type: "channel" } })],
    ["a bot", created("auth_a", { sender: { ...USER, is_bot: true } })],
    ["nobody", created("auth_a", { sender: null })],
    ["a forward", created("auth_a", { link: { type: "forward", mid: "mid.1" } })],
    ["a message without a text", created(null)],
    ["a group's button", tapped({}, { recipient: { chat_id: -1, chat_type: "chat" } })],
    ["another kind of update", { update_type: "message_removed", timestamp: 1 }],
    ["a bot that started", started({ user: { ...USER, is_bot: true } })],
  ])("T12 takes no word from %s", (_, update) => {
    expect(read(update)).toBeNull();
  });

  it("reads a tap with its message, and sees that the message has the button", () => {
    expect(read(tapped())).toEqual({
      key: "cb:f9LHod:1767225605000:l:x",
      event: {
        kind: "tap",
        person: PERSON,
        chatId: "5151",
        tapId: "f9LHod",
        data: "l:x",
        message: { chatId: "5151", messageId: "mid.0000000000aa" },
        onMessage: true,
        dialogId: "900100",
      },
    });
  });

  it("T13 sees that forged data is on no button of the message", () => {
    expect(read(tapped({ payload: "l:forged" }))?.event).toMatchObject({ onMessage: false });
    const bare = { body: { mid: "mid.1", seq: 1, text: "…" } };
    expect(read(tapped({}, bare))?.event).toMatchObject({ onMessage: false });
  });

  it("answers a tap whose message is gone, or without the id of its dialog", () => {
    const gone = read(tapped({}, null))?.event;
    expect(gone).toMatchObject({ kind: "tap", chatId: "5151", message: null, onMessage: false });
    const bare = read(tapped({}, { recipient: { chat_type: "dialog" } }))?.event;
    expect(bare).toMatchObject({ chatId: "5151", message: { messageId: "mid.0000000000aa" } });
    expect(bare).not.toHaveProperty("dialogId");
  });

  it.each(["bot_stopped", "dialog_removed"])("reads %s as unreachable", (type) => {
    const event = read(started({ update_type: type, payload: undefined }))?.event;
    expect(event).toMatchObject({
      kind: "reachable",
      reachable: false,
      person: { userId: "5151" },
    });
  });

  it.each([
    [null],
    ["text"],
    [{ update_type: "message_created" }],
    [{ update_type: "bot_started" }],
  ])("makes no event of %j", (value) => {
    let event: unknown = null;
    try {
      event = read(value);
    } catch {
      // Whoever takes it in logs it.
    }
    expect(event).toBeNull();
  });

  it("T27 cleans names, and T17 keeps an id beyond 2^53 digit by digit", () => {
    const user = {
      ...USER,
      first_name: "\u202eA\nnna",
      last_name: "",
      user_id: "9007199254740993",
    };
    expect(read(started({ user }))?.event.person).toMatchObject({
      firstName: "Anna",
      lastName: null,
      userId: "9007199254740993",
    });
  });

  it.each(["javascript:alert(1)", "no url", `https://i.oneme.ru/${"a".repeat(3000)}`])(
    "passes on no picture at %j",
    (url) => {
      const user = { ...USER, avatar_url: url, full_avatar_url: null };
      expect(read(started({ user }))?.event.person.avatarUrl).toBeNull();
    },
  );
});

describe("keys of updates", () => {
  const keyOf = (update: unknown) => read(update)?.key;

  it("are the same for the same update, and differ in everything that may differ", () => {
    const updates = [
      started(),
      started({ timestamp: 1 }),
      started({ payload: "auth_a" }),
      started({ update_type: "bot_stopped" }),
      started({ update_type: "dialog_removed" }),
      tapped(),
      tapped({ timestamp: 1 }),
      tapped({ payload: "c:x" }),
      tapped({ callback_id: "other" }),
      created("hi"),
      created("hi", { body: { mid: "mid.2", seq: 1, text: "hi" } }),
    ];
    expect(new Set(updates.map(keyOf)).size).toBe(updates.length);
    expect(keyOf(structuredClone(started()))).toBe(keyOf(started()));
  });

  it("do not depend on seq, which JavaScript rounds", () => {
    const other = created("hi", { body: { mid: "mid.0000000000ab", seq: 99, text: "hi" } });
    expect(keyOf(other)).toBe(keyOf(created("hi")));
  });

  it("stay short whatever a person's app sends", () => {
    const long = started({ payload: "a".repeat(5000) });
    expect(keyOf(long)?.length).toBeLessThanOrEqual(200);
    expect(keyOf(long)).not.toBe(keyOf(started({ payload: "a".repeat(5001) })));
  });
});

describe("losesMeaning", () => {
  it("keeps what a person decided about being written to, however old", () => {
    const meaning = [started(), tapped(), created("hi"), created("/stop")].map((update) => {
      const keyed = read(update);
      return keyed && losesMeaning(keyed.event);
    });
    expect(meaning).toEqual([true, true, true, false]);
    const stopped = read(started({ update_type: "bot_stopped" }));
    expect(stopped && losesMeaning(stopped.event)).toBe(false);
  });
});
