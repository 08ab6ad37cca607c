// The calls of both messengers' APIs by what they are for, and how each messenger refuses one.

import type { Channel } from "../../src/core/subscriber.ts";
import type { Fault } from "../support/fault-proxy.ts";

/** What each messenger calls the calls of its API, as the fault proxy sees them. */
export const CALLS = {
  telegram: {
    me: "getMe",
    send: "sendMessage",
    edit: "editMessageText",
    /** What changes the message of a tapped button. */
    editTapped: "editMessageText",
    acknowledge: "answerCallbackQuery",
    poll: "getUpdates",
    commands: "setMyCommands",
    webhooks: "getWebhookInfo",
    register: "setWebhook",
    remove: "deleteWebhook",
  },
  max: {
    me: "GET /me",
    send: "POST /messages",
    edit: "PUT /messages",
    editTapped: "POST /answers",
    acknowledge: "POST /answers",
    poll: "GET /updates",
    commands: "PATCH /me/commands",
    webhooks: "GET /subscriptions",
    register: "POST /subscriptions",
    remove: "DELETE /subscriptions",
  },
} as const satisfies Record<Channel, Record<string, string>>;

/** A refusal with 429 that names the seconds to wait. */
export function tooMany(channel: Channel, seconds: number): Fault {
  if (channel === "max") {
    const body = { code: "too.many.requests", message: "Too many requests" };
    const headers = { "retry-after": String(seconds) };
    return { kind: "answer", status: 429, body, headers };
  }
  const description = `Too Many Requests: retry after ${seconds}`;
  const body = { ok: false, error_code: 429, description, parameters: { retry_after: seconds } };
  return { kind: "answer", status: 429, body };
}

/** A refusal with a status and a text. */
export function refusal(channel: Channel, status: number, text: string): Fault {
  const body =
    channel === "max"
      ? { code: "some.code", message: text }
      : { ok: false, error_code: status, description: text };
  return { kind: "answer", status, body };
}
