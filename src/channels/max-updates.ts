// Reads MAX's updates: which event an update is, who did it, and what tells it from every other
// update, since MAX gives no id. Everything that is no word from a person to the bot in their
// dialog is no event. Shapes: https://dev.max.ru/docs-api/objects/Update

import type { MessageRef } from "../core/prompt.ts";
import { sha256Hex } from "../core/secret.ts";
import { cleanName, type Person, primaryLang } from "../core/subscriber.ts";
import type { BotEvent, KeyedEvent, TapEvent } from "./channel-event.ts";
import { commandKind, readCommand } from "./command.ts";
import type { MaxUser } from "./max-client.ts";

/** The updates the bot asks for. */
export const UPDATE_TYPES = [
  "bot_started",
  "message_created",
  "message_callback",
  "bot_stopped",
  "dialog_removed",
] as const;

interface MaxMessage {
  readonly sender?: MaxUser | null;
  readonly recipient: {
    readonly chat_type: string;
    readonly chat_id?: number | string | null;
  };
  readonly link?: { readonly type: string } | null;
  readonly body: {
    readonly mid: string;
    readonly text?: string | null;
    readonly attachments?: readonly unknown[] | null;
  };
}

interface MaxUpdate {
  readonly update_type: string;
  /** Unix milliseconds. */
  readonly timestamp: number;
  readonly user_locale?: string | null;
  readonly chat_id?: number | string;
  readonly user?: MaxUser;
  readonly payload?: string | null;
  readonly message?: MaxMessage | null;
  readonly callback?: {
    readonly timestamp: number;
    readonly callback_id: string;
    readonly payload?: string | null;
    readonly user: MaxUser;
  };
}

/**
 * The event of an update with its key; null when there is nothing to do. May throw when it is no
 * update.
 */
export function readMaxUpdate(value: unknown, username: string | null): KeyedEvent | null {
  const update = value as MaxUpdate;
  switch (update.update_type) {
    case "bot_started":
      return dialogEvent(update, readStarted);
    case "bot_stopped":
    case "dialog_removed":
      return dialogEvent(update, (person) => ({ kind: "reachable", person, reachable: false }));
    case "message_created":
      return readMessage(update, username);
    case "message_callback":
      return readTap(update);
    default:
      return null;
  }
}

/**
 * Whether an update may be dropped when it is older than a session lives: nothing would come of it
 * but a notice to a person who has forgotten about it. What they decided about being written to
 * counts for ever.
 */
export function losesMeaning({ kind }: BotEvent): boolean {
  return kind !== "reachable" && kind !== "stop";
}

/** When the update happened, in Unix milliseconds; null when it does not say. */
export function timeOf(update: unknown): number | null {
  const { timestamp } = Object(update) as { timestamp?: unknown };
  return typeof timestamp === "number" ? timestamp : null;
}

/**
 * The person behind an update, with names cleaned (T27). Their picture has a plain address at MAX's
 * image host.
 */
export function readMaxPerson(user: MaxUser, locale: string | null | undefined): Person {
  return {
    channel: "max",
    userId: userIdOf(user),
    firstName: cleanName(user.first_name ?? ""),
    lastName: cleanName(user.last_name ?? "") || null,
    username: cleanName(user.username ?? "") || null,
    avatarUrl: avatarOf(user),
    lang: primaryLang(locale),
  };
}

/** Longest address of a picture that is passed on, in characters. */
const AVATAR_LIMIT = 2048;

/**
 * The larger of the two pictures a user may carry; null when there is none that may be passed on.
 */
export function avatarOf(user: MaxUser): string | null {
  const url = user.full_avatar_url ?? user.avatar_url ?? "";
  const isFit = url.length <= AVATAR_LIMIT && URL.canParse(url) && /^https?:\/\//.test(url);
  return isFit ? url : null;
}

function userIdOf({ user_id: id }: MaxUser): string {
  if (!/^\d+$/.test(String(id))) throw new Error("an update with a user without an id");
  return String(id);
}

function dialogEvent(
  update: MaxUpdate,
  eventOf: (person: Person, update: MaxUpdate) => BotEvent,
): KeyedEvent | null {
  const { user, update_type: type, timestamp, chat_id: chatId, payload } = update;
  if (user === undefined || user.is_bot === true) return null;
  const event = eventOf(readMaxPerson(user, update.user_locale), update);
  return { key: keyOf(type, [timestamp, chatId, event.person.userId, payload ?? ""]), event };
}

function readStarted(person: Person, { payload }: MaxUpdate): BotEvent {
  const asker = { person, chatId: person.userId, cameBack: true } as const;
  return payload === undefined || payload === null || payload === ""
    ? { kind: "help", ...asker }
    : { kind: "start", ...asker, payload };
}

// Forwarded messages are not what the person typed here.
function readMessage(update: MaxUpdate, username: string | null): KeyedEvent | null {
  const { sender, recipient, body, link } = update.message as MaxMessage;
  if (sender === undefined || sender === null || sender.is_bot === true) return null;
  if (recipient.chat_type !== "dialog" || link?.type === "forward") return null;
  const text = body.text ?? "";
  if (text === "") return null;
  const person = readMaxPerson(sender, update.user_locale);
  const asker = { person, chatId: person.userId };
  const key = keyOf("mc", [body.mid]);
  const payload = typedPayload(text, username);
  if (payload !== null) return { key, event: { kind: "start", ...asker, payload } };
  return { key, event: { kind: commandKind(readCommand(text, username).name), ...asker } };
}

// In a running dialog MAX may not tell of a deep link, so a person may send its payload as a text
// instead: with `/start` or `start` before it, or alone.
function typedPayload(text: string, username: string | null): string | null {
  const command = readCommand(text, username);
  if (command.name === "start" && command.payload !== "") return command.payload.trim();
  return /^(?:\/?[Ss]tart\s+)?\/?(auths?_[A-Za-z0-9_-]+)$/.exec(text.trim())?.[1] ?? null;
}

// Without a message nobody can say which chat it was; the person gets the answer in their dialog.
function readTap(update: MaxUpdate): KeyedEvent | null {
  const { callback, message } = update;
  if (callback === undefined || typeof callback.callback_id !== "string") return null;
  if (message && message.recipient.chat_type !== "dialog") return null;
  const { callback_id: tapId, timestamp, payload } = callback;
  const data = payload ?? "";
  const person = readMaxPerson(callback.user, update.user_locale);
  const key = keyOf("cb", [tapId, timestamp, data]);
  const event: TapEvent = {
    kind: "tap",
    person,
    chatId: person.userId,
    tapId,
    data,
    message: message ? messageRef(person, message) : null,
    onMessage: message ? hasButton(message, data) : false,
    ...dialogIdOf(message),
  };
  return { key, event };
}

function messageRef(person: Person, message: MaxMessage): MessageRef {
  return { chatId: person.userId, messageId: message.body.mid };
}

function dialogIdOf(message: MaxMessage | null | undefined): { dialogId?: string } {
  const id = message?.recipient.chat_id ?? null;
  return id === null ? {} : { dialogId: String(id) };
}

function hasButton(message: MaxMessage, data: string): boolean {
  const rows = (message.body.attachments ?? []).flatMap((attachment) => {
    const { payload } = Object(attachment) as { payload?: { buttons?: unknown } };
    return Array.isArray(payload?.buttons) ? payload.buttons : [];
  });
  return rows.flat().some((button) => (Object(button) as { payload?: unknown }).payload === data);
}

/** Longest key that is kept as it is; a longer one is replaced by its hash. */
const KEY_LIMIT = 200;

// MAX has no id of an update. A callback id names a keyboard rather than a tap, so time and payload
// belong to it.
function keyOf(kind: string, parts: readonly (string | number | undefined)[]): string {
  const key = [kind, ...parts].join(":");
  return key.length <= KEY_LIMIT ? key : `${kind}:${sha256Hex(key)}`;
}
