// The checker of bodies against the published schema of MAX can say no: without that, every test
// that leans on it would pass in silence. And it knows every call and every kind of update that the
// pretend MAX has, each of which is seen here over the wire; whatever the bots under test send and
// get is checked by test/channels/bot-stage.ts.

import { readFile } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  assertAnswer,
  assertRequest,
  assertSchema,
  assertUpdate,
  MAX_ANSWERS,
  MAX_UPDATES,
  maxCallName,
} from "../support/max-schema.ts";
import {
  keyboard,
  type MaxServer,
  startMaxServer,
  startPoller,
  startWebhook,
} from "./max-server.ts";

const login = { type: "callback", text: "Login", payload: "l" };
const message = {
  recipient: { chat_type: "dialog", chat_id: 900_100 },
  timestamp: 1_767_225_601_000,
  body: { mid: "mid.1", seq: 5 },
};

describe("assertSchema", () => {
  test.each<[string, unknown, string]>([
    ["a message with a keyboard", { text: "a", attachments: keyboard([login]) }, "NewMessageBody"],
    ["nulls where they may stand", { text: null, attachments: null, link: null }, "NewMessageBody"],
    ["a message without a sender", message, "Message"],
    ["fields it does not know", { code: "x", message: "y", more: 1 }, "Error"],
    ["a subscription", { url: "https://a.example/", secret: "abcde" }, "SubscriptionRequestBody"],
  ])("takes %s", (_, value, name) => {
    expect(() => assertSchema(value, name)).not.toThrow();
  });

  test.each<[string, unknown, string, string]>([
    ["4001 characters", { text: "я".repeat(4001) }, "NewMessageBody", "text: too long"],
    ["no rows", { attachments: keyboard() }, "NewMessageBody", "buttons: wrong length"],
    [
      "an empty label",
      { attachments: keyboard([{ ...login, text: "" }]) },
      "NewMessageBody",
      "fits 0 of oneOf",
    ],
    ["an http URL", { url: "http://a.example/" }, "SubscriptionRequestBody", "does not match"],
    [
      "a short secret",
      { url: "https://a.example/", secret: "abcd" },
      "SubscriptionRequestBody",
      "too short",
    ],
    ["a mid that is missing", { ...message, body: { seq: 5 } }, "Message", "mid: missing"],
    [
      "a time that is a text",
      { ...message, timestamp: "1" },
      "Message",
      "string instead of integer",
    ],
    ["an unknown kind of chat", { chat_type: "group" }, "Recipient", "not one of the enum"],
  ])("refuses %s", (_, value, name, problem) => {
    expect(() => assertSchema(value, name)).toThrow(problem);
  });

  test("refuses an update of a kind that the schema does not have", () => {
    expect(() => assertUpdate({ update_type: "bot_added" })).toThrow("There is no schema");
  });
});

describe("the pretend MAX", () => {
  let server: MaxServer;
  beforeEach(async () => {
    server = await startMaxServer();
  });
  afterEach(() => server.close());

  /** A person begins, writes, taps, and goes. */
  async function liveOnce(): Promise<void> {
    const { max } = server.sandbox;
    const user = { id: "5151", firstName: "Анна", lastName: "К", lang: "ru" };
    void max.start(user, "auths_x");
    const body = { text: "Sign in?", attachments: keyboard([login]) };
    assertRequest("POST /messages", body);
    const sent = await server.max("POST", "/messages?user_id=5151", body);
    const { mid } = (sent.body.message as { body: { mid: string } }).body;
    void max.sendText("5151", "/start auths_x");
    void max.tap("5151", mid, "Login");
    void max.setBlocked("5151", true);
  }

  test("has no call and no kind of update without a schema", async () => {
    const source = async (name: string) =>
      await readFile(new URL(`../../src/sandbox/max/${name}.ts`, import.meta.url), "utf8");
    const calls = (await source("api-endpoint")).matchAll(/^ {2}\["([A-Z]+ \/[^"]*)", /gm);
    expect([...calls].map(([, name]) => name).sort()).toEqual(Object.keys(MAX_ANSWERS).sort());
    const [union = ""] = /MaxUpdateType =[^;]*/.exec(await source("shapes")) ?? [];
    const kinds = [...union.matchAll(/"(\w+)"/g)].map(([, kind]) => kind);
    expect(kinds.sort()).toEqual(Object.keys(MAX_UPDATES).sort());
  });

  test("gives every kind of update to a poller as the schema has it", async () => {
    const poller = await startPoller(server);
    await liveOnce();
    const kinds = new Set<string>();
    while (kinds.size < Object.keys(MAX_UPDATES).length) {
      for (const update of await poller.next()) {
        assertUpdate(update);
        kinds.add(update.update_type);
      }
    }
    expect([...kinds].sort()).toEqual(Object.keys(MAX_UPDATES).sort());
  });

  test("delivers every kind of update to a webhook as the schema has it", async () => {
    const webhook = await startWebhook();
    await server.max("POST", "/subscriptions", { url: webhook.url });
    await liveOnce();
    const wanted = Object.keys(MAX_UPDATES).length;
    const kinds = () => new Set(webhook.deliveries.map(({ update }) => update.update_type));
    for (let count = wanted; kinds().size < wanted; count += 1) await webhook.until(count);
    for (const { update } of webhook.deliveries) assertUpdate(update);
    expect([...kinds()].sort()).toEqual(Object.keys(MAX_UPDATES).sort());
    await webhook.close();
  });

  test("answers every call as the schema has it, and refuses each as the schema of errors has it", async () => {
    const { max } = server.sandbox;
    const poller = await startPoller(server);
    void max.start({ id: "5151", firstName: "Anna" }, "auths_x");
    await poller.next();
    const body = { text: "Sign in?", attachments: keyboard([login]) };
    const sent = await server.max("POST", "/messages?user_id=5151", body);
    const { mid } = (sent.body.message as { body: { mid: string } }).body;
    void max.tap("5151", mid, "Login");
    const [tapped] = await poller.next();
    const url = "http://127.0.0.1:9/";
    const calls: readonly [string, string, object?][] = [
      ["GET", "/me"],
      ["PATCH", "/me/commands", { commands: [{ name: "start", description: "Start" }] }],
      ["GET", `/chats/${max.chatId("5151")}`],
      ["POST", "/messages?user_id=5151", body],
      ["PUT", `/messages?message_id=${mid}`, { text: "Bye" }],
      ["POST", `/answers?callback_id=${tapped?.callback?.callback_id}`, { message: body }],
      ["DELETE", `/messages?message_id=${mid}`],
      ["GET", "/updates?timeout=0"],
      ["POST", "/subscriptions", { url }],
      ["GET", "/subscriptions"],
      ["DELETE", `/subscriptions?url=${encodeURIComponent(url)}`],
    ];
    const seen = calls.map(([method, path]) => maxCallName(method, path.replace(/\?.*/, "")));
    expect([...seen].sort()).toEqual(Object.keys(MAX_ANSWERS).sort());
    for (const [method, path, sending] of calls) {
      const { status } = await server.max(method, path, sending);
      expect([method, path, status]).toEqual([method, path, 200]);
      const refused = await server.max(method, path, sending, { authorization: "wrong" });
      expect(refused.status).toBe(401);
    }
    expect(() => assertAnswer("GET /me", { status: 200, body: {} })).toThrow("missing");
    expect(() => assertAnswer("GET /nothing", { status: 200, body: {} })).toThrow("no schema");
    expect(() => assertAnswer("GET /me", { status: 400, body: {} })).toThrow("missing");
  });
});
