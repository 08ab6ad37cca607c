// The checker of bodies against the published schema of MAX can say no: without that, every test that leans on it would
// pass in silence.

import { describe, expect, test } from "vitest";
import { assertSchema, assertUpdate, keyboard } from "./max-server.ts";

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
