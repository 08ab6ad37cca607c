// What MAX publishes about its API, as far as Tapin uses it: checks bodies of calls, answers and
// updates against max-auth-subset.json. Which call has which schema is written here once.

import { readFileSync } from "node:fs";
import { checkValue, type Schemas } from "./json-schema.ts";

const subset = new URL("./max-auth-subset.json", import.meta.url);
const { schemas } = (
  JSON.parse(readFileSync(subset, "utf8")) as { components: { schemas: Schemas } }
).components;

/** The schema of each call's body, by HTTP method and path; a call that is not here has none. */
export const MAX_REQUESTS: Readonly<Record<string, string>> = {
  "POST /messages": "NewMessageBody",
  "PUT /messages": "NewMessageBody",
  "POST /answers": "CallbackAnswer",
  "POST /subscriptions": "SubscriptionRequestBody",
};

/** The schema of each call's answer with 200, by HTTP method and path. */
export const MAX_ANSWERS: Readonly<Record<string, string>> = {
  "GET /me": "BotInfo",
  "PATCH /me/commands": "SimpleQueryResult",
  "GET /chats/{chat_id}": "Chat",
  "POST /messages": "SendMessageResult",
  "PUT /messages": "SimpleQueryResult",
  "DELETE /messages": "SimpleQueryResult",
  "POST /answers": "SimpleQueryResult",
  "GET /updates": "UpdateList",
  "GET /subscriptions": "GetSubscriptionsResult",
  "POST /subscriptions": "SimpleQueryResult",
  "DELETE /subscriptions": "SimpleQueryResult",
};

/** The schema of each kind of update. */
export const MAX_UPDATES: Readonly<Record<string, string>> = {
  bot_started: "BotStartedUpdate",
  bot_stopped: "BotStoppedUpdate",
  dialog_removed: "DialogRemovedUpdate",
  message_callback: "MessageCallbackUpdate",
  message_created: "MessageCreatedUpdate",
};

/** A call by its HTTP method and path, with the dialog's id as a placeholder. */
export function maxCallName(method: string, path: string): string {
  return `${method} ${path.replace(/^\/chats\/[^/]+$/, "/chats/{chat_id}")}`;
}

/** Throws when a value does not fit the schema of that name. */
export function assertSchema(value: unknown, name: string): void {
  const schema = schemas[name];
  if (schema === undefined) throw new Error(`There is no schema ${name}.`);
  const problems = checkValue(value, schema, { schemas, path: name });
  if (problems.length > 0) throw new Error(`${problems.join("; ")}: ${JSON.stringify(value)}`);
}

/** Throws when an update does not fit the schema of its kind. */
export function assertUpdate(update: { readonly update_type: string }): void {
  assertSchema(update, MAX_UPDATES[update.update_type] ?? update.update_type);
}

/** Throws when the body of a call does not fit its schema. */
export function assertRequest(call: string, body: unknown): void {
  const name = MAX_REQUESTS[call];
  if (name !== undefined) assertSchema(body, name);
}

/**
 * Throws when the answer to a call does not fit its schema: with 200 the call's own, else that of
 * an error.
 */
export function assertAnswer(
  call: string,
  { status, body }: { readonly status: number; readonly body: unknown },
): void {
  if (status !== 200) {
    assertSchema(body, "Error");
    return;
  }
  const name = MAX_ANSWERS[call];
  if (name === undefined) throw new Error(`There is no schema for the answer to ${call}.`);
  assertSchema(body, name);
  if (call !== "GET /updates") return;
  const { updates } = body as { updates: { readonly update_type: string }[] };
  for (const update of updates) assertUpdate(update);
}
