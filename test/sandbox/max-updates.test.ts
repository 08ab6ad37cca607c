// What the bot of the pretend MAX is told: the shape of every update, and when a deep link reaches
// the bot. Every update is checked against the published schema. How the bot polls stands in
// max-polling.test.ts.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Chat } from "../../src/sandbox/chat.ts";
import {
  keyboard,
  type MaxServer,
  type Poller,
  startMaxServer,
  startPoller,
  type WireMessage,
  type WireUpdate,
} from "./max-server.ts";

const login = { type: "callback", text: "Login", payload: "l:Zx81kQ" };
const me = { user_id: 770_001, first_name: "Tapin Demo", username: "id770001_bot", is_bot: true };
let server: MaxServer;
let poller: Poller;
let lastId = 5000;

beforeAll(async () => {
  server = await startMaxServer();
});

beforeEach(async () => {
  poller = await startPoller(server);
});

afterEach(() => {
  Object.assign(server.sandbox.max.rules, {
    botStarted: "firstOrRestart",
    callbackIds: "perKeyboard",
    callbackChatId: true,
  });
});

afterAll(() => server.close());

// A person of their own for each test.
function newPerson() {
  return { id: String(++lastId), firstName: "Анна", lastName: "К", lang: "ru" };
}

// The person acts, the bot fetches; the chat settles once the bot says something, or confirms and
// says nothing.
async function updatesOf(action: Promise<Chat>): Promise<readonly WireUpdate[]> {
  const updates = await poller.next();
  await poller.commit();
  void action.catch(() => undefined);
  return updates;
}

async function only(action: Promise<Chat>): Promise<WireUpdate> {
  const [update, ...more] = await updatesOf(action);
  expect(more).toEqual([]);
  if (update === undefined) throw new Error("no update came");
  return update;
}

async function prompt(userId: string): Promise<string> {
  const body = { text: "Sign in?", attachments: keyboard([login]) };
  const reply = await server.max("POST", `/messages?user_id=${userId}`, body);
  return (reply.body.message as WireMessage).body.mid;
}

describe("bot_started", () => {
  test("carries the payload, the person with picture and name, and the language", async () => {
    const anna = newPerson();
    const update = await only(server.sandbox.max.start(anna, "auths_aBcDeFgH12345678"));
    const avatar = `${server.url}/sandbox/avatars/${anna.id}.svg`;
    expect(update).toEqual({
      update_type: "bot_started",
      timestamp: server.clock.now,
      user_locale: "ru",
      chat_id: server.sandbox.max.chatId(anna.id),
      user_id: Number(anna.id),
      user: {
        user_id: Number(anna.id),
        first_name: "Анна",
        last_name: "К",
        is_bot: false,
        last_activity_time: server.clock.now,
        avatar_url: avatar,
        full_avatar_url: `${avatar}?size=full`,
        name: "Анна К",
      },
      payload: "auths_aBcDeFgH12345678",
    });
  });

  test("has neither payload, picture, last name nor language when there is none", async () => {
    const { max } = server.sandbox;
    const ben = { id: String(++lastId), firstName: "Ben" };
    max.addPerson(ben);
    max.setAvatar(ben.id, false);
    const update = await only(max.start(ben, ""));
    expect(update).not.toHaveProperty("payload");
    expect(update).not.toHaveProperty("user_locale");
    expect(Object.keys(update.user ?? {}).toSorted()).toEqual(
      ["first_name", "is_bot", "last_activity_time", "name", "user_id"].toSorted(),
    );
  });

  test("a running dialog tells the bot nothing of a deep link, unless the rule says always", async () => {
    const { max } = server.sandbox;
    const anna = newPerson();
    await only(max.start(anna, "auths_first"));
    const before = await max.start(anna, "auths_second");
    expect(before.messages).toEqual([]);
    const typed = await only(max.sendText(anna.id, "/start auths_second"));
    expect(typed.update_type).toBe("message_created");
    max.rules.botStarted = "always";
    const again = await only(max.start(anna, "auths_third"));
    expect(again).toMatchObject({ update_type: "bot_started", payload: "auths_third" });
  });

  test("comes again after the bot was stopped, with the payload of a link or without one", async () => {
    const { max } = server.sandbox;
    const anna = newPerson();
    await only(max.start(anna, "auths_first"));
    await updatesOf(max.setBlocked(anna.id, true));
    const restarted = await only(max.start(anna, "auths_again"));
    expect(restarted).toMatchObject({ update_type: "bot_started", payload: "auths_again" });
    await updatesOf(max.setBlocked(anna.id, true));
    const resumed = await only(max.setBlocked(anna.id, false));
    expect(resumed.update_type).toBe("bot_started");
    expect(resumed).not.toHaveProperty("payload");
  });

  test.each([
    ["128 characters", "x".repeat(128), "x".repeat(128)],
    ["129 characters", "x".repeat(129), undefined],
    ["underscore and dash", "auths_a-b_C", "auths_a-b_C"],
  ])("a payload of %s", async (_, payload, told) => {
    const link = `${server.url}/sandbox/max/ID770001_bot?start=${payload}`;
    const update = await only(server.sandbox.openLink({ link, user: newPerson() }));
    expect(update.payload).toBe(told);
  });
});

describe("bot_stopped and dialog_removed", () => {
  test("come together, with the person as in bot_started", async () => {
    const { max } = server.sandbox;
    const anna = newPerson();
    const { user } = await only(max.start(anna, "a"));
    const updates = await updatesOf(max.setBlocked(anna.id, true));
    const common = { chat_id: max.chatId(anna.id), user, user_locale: "ru" };
    const timestamp = server.clock.now;
    expect(updates).toEqual([
      { update_type: "bot_stopped", timestamp, ...common },
      { update_type: "dialog_removed", timestamp, ...common },
    ]);
  });
});

describe("message_created", () => {
  test("the bot is the recipient; the sender has no picture, no username, and perhaps an empty last name", async () => {
    const { max } = server.sandbox;
    const ben = { id: String(++lastId), firstName: "Ben", username: "ben", lang: "en" };
    await only(max.start(ben, "a"));
    const update = await only(max.sendText(ben.id, " /start auths_x "));
    expect(update).toEqual({
      update_type: "message_created",
      timestamp: server.clock.now,
      user_locale: "en",
      message: {
        sender: { user_id: Number(ben.id), first_name: "Ben", last_name: "", is_bot: false },
        recipient: { chat_id: max.chatId(ben.id), chat_type: "dialog", user_id: 770_001 },
        timestamp: server.clock.now,
        body: {
          mid: expect.stringMatching(/^mid\.[0-9a-f]{32}$/),
          seq: expect.any(Number),
          text: "/start auths_x",
        },
      },
    });
  });
});

describe("message_callback", () => {
  test("the person is the recipient of the message and the user of the callback, without a picture", async () => {
    const { max } = server.sandbox;
    const anna = newPerson();
    await only(max.start(anna, "a"));
    const mid = await prompt(anna.id);
    const update = await only(max.tap(anna.id, mid, "Login"));
    const timestamp = server.clock.now;
    expect(update).toEqual({
      update_type: "message_callback",
      timestamp,
      user_locale: "ru",
      callback: {
        timestamp,
        callback_id: expect.stringMatching(/^f9LHod.{40,}/),
        payload: "l:Zx81kQ",
        user: {
          user_id: Number(anna.id),
          first_name: "Анна",
          last_name: "К",
          is_bot: false,
          last_activity_time: timestamp,
        },
      },
      message: {
        sender: me,
        recipient: {
          chat_id: max.chatId(anna.id),
          chat_type: "dialog",
          user_id: Number(anna.id),
        },
        timestamp,
        body: {
          mid,
          seq: expect.any(Number),
          text: "Sign in?",
          attachments: [
            {
              type: "inline_keyboard",
              callback_id: update.callback?.callback_id,
              payload: { buttons: [[login]] },
            },
          ],
        },
      },
    });
  });

  test("one answer edits the message and acknowledges; the keyboard that replaces it has another id", async () => {
    const { max } = server.sandbox;
    const anna = newPerson();
    await only(max.start(anna, "a"));
    const mid = await prompt(anna.id);
    const tapping = max.tap(anna.id, mid, "Login");
    const [tap] = await poller.next();
    const callbackId = tap?.callback?.callback_id;
    const site = { type: "link", text: "Go to website", url: "https://demo.example/?code=a" };
    const message = { text: "Confirmed.", attachments: keyboard([site]) };
    const answer = await server.max("POST", `/answers?callback_id=${callbackId}`, { message });
    expect(answer).toMatchObject({ status: 200, body: { success: true } });
    expect((await tapping).messages).toEqual([
      {
        messageId: mid,
        from: "bot",
        text: "Confirmed.",
        buttons: [{ label: "Go to website", url: "https://demo.example/?code=a" }],
      },
    ]);
    await server.max("PUT", `/messages?message_id=${mid}`, { attachments: keyboard([login]) });
    const again = await only(max.tap(anna.id, mid, "Login"));
    expect(again.callback?.callback_id).not.toBe(callbackId);
  });

  test("two taps of one keyboard share an id, or have two when the rule says so", async () => {
    const { max } = server.sandbox;
    const anna = newPerson();
    await only(max.start(anna, "a"));
    const mid = await prompt(anna.id);
    const ids: (string | undefined)[] = [];
    for (const rule of ["perKeyboard", "perKeyboard", "perTap"] as const) {
      max.rules.callbackIds = rule;
      ids.push((await only(max.tap(anna.id, mid, "Login"))).callback?.callback_id);
    }
    expect(ids[1]).toBe(ids[0]);
    expect(ids[2]).not.toBe(ids[0]);
  });

  test("a message that was deleted is null, and an answer to it edits nothing", async () => {
    const { max } = server.sandbox;
    const anna = newPerson();
    await only(max.start(anna, "a"));
    const mid = await prompt(anna.id);
    max.deleteMessage(anna.id, mid);
    const tapping = max.tapPayload(anna.id, mid, "l:Zx81kQ");
    const [tap] = await poller.next();
    expect(tap).toMatchObject({ callback: { payload: "l:Zx81kQ" }, message: null });
    const path = `/answers?callback_id=${tap?.callback?.callback_id}`;
    const answer = await server.max("POST", path, { message: { text: "a" } });
    expect(answer).toMatchObject({ status: 200, body: { success: false } });
    await server.max("POST", `/messages?user_id=${anna.id}`, { text: "anew" });
    expect((await tapping).messages.at(-1)?.text).toBe("anew");
  });

  test("chat_id can be left out of the message", async () => {
    const { max } = server.sandbox;
    const anna = newPerson();
    await only(max.start(anna, "a"));
    const mid = await prompt(anna.id);
    max.rules.callbackChatId = false;
    const { message } = await only(max.tap(anna.id, mid, "Login"));
    expect(message?.recipient).toEqual({ chat_type: "dialog", user_id: Number(anna.id) });
  });

  test("a link and a copying button tell the bot nothing, a message button sends its label", async () => {
    const { max } = server.sandbox;
    const anna = newPerson();
    await only(max.start(anna, "a"));
    const buttons = [
      [{ type: "link", text: "Site", url: "https://example.org/" }],
      [{ type: "clipboard", text: "Copy", payload: "x" }],
      [{ type: "message", text: "/help" }],
    ];
    const reply = await server.max("POST", `/messages?user_id=${anna.id}`, {
      text: "?",
      attachments: keyboard(...buttons),
    });
    const { mid } = (reply.body.message as WireMessage).body;
    await max.tap(anna.id, mid, "Site");
    await max.tap(anna.id, mid, "Copy");
    const update = await only(max.tap(anna.id, mid, "/help"));
    expect(update).toMatchObject({
      update_type: "message_created",
      message: { body: { text: "/help" } },
    });
  });
});
