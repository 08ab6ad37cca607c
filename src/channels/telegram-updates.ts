// Reads Telegram's updates: which event an update is, and who did it. Everything that is no private
// word from a person to the bot is no event. Shapes: https://core.telegram.org/bots/api#update

import type { CallbackQuery, ChatMemberUpdated, Message, Update, User } from "grammy/types";
import { cleanName, type Person, primaryLang } from "../core/subscriber.ts";
import type { BotEvent, KeyedEvent, TapEvent } from "./channel-event.ts";
import { commandKind, readCommand } from "./command.ts";

/** The updates the bot asks for. The server remembers them, so they must always be given. */
export const ALLOWED_UPDATES = ["message", "callback_query", "my_chat_member"] as const;

/**
 * The event of an update and the update's id; null when there is nothing to do. May throw when it
 * is no update.
 */
export function readKeyedUpdate(update: unknown, username: string | null): KeyedEvent | null {
  const { update_id: id } = update as Update;
  if (!Number.isSafeInteger(id)) return null;
  const event = readUpdate(update as Update, username);
  // Unique within what is remembered: only after a week of silence ids begin anew, at random.
  return event === null ? null : { key: String(id), event };
}

/**
 * The event an update stands for; null when there is nothing to do. `username` is the bot's own.
 */
export function readUpdate(update: Update, username: string | null): BotEvent | null {
  if (update.message !== undefined) return readMessage(update.message, username);
  if (update.callback_query !== undefined) return readTap(update.callback_query);
  if (update.my_chat_member !== undefined) return readMembership(update.my_chat_member);
  return null;
}

/**
 * The person behind an update, with names cleaned (T27). No avatar: its URL would contain the token
 * (T18).
 */
export function readPerson(user: User): Person {
  return {
    channel: "telegram",
    userId: String(user.id),
    firstName: cleanName(user.first_name ?? ""),
    lastName: cleanName(user.last_name ?? "") || null,
    username: cleanName(user.username ?? "") || null,
    avatarUrl: null,
    lang: primaryLang(user.language_code),
  };
}

// Forwarded messages and those made through another bot are not what the person typed here.
function readMessage(message: Message, username: string | null): BotEvent | null {
  const { from, chat, text } = message;
  if (from === undefined || from.is_bot || text === undefined || chat.type !== "private")
    return null;
  if (message.via_bot !== undefined || message.forward_origin !== undefined) return null;
  const person = readPerson(from);
  const chatId = String(chat.id);
  const { name, payload } = readCommand(text, username);
  if (name === "start" && payload !== "") return { kind: "start", person, chatId, payload };
  return { kind: commandKind(name), person, chatId };
}

// Without a message nobody can say which chat it was: the private chat has the person's own id.
function readTap(query: CallbackQuery): TapEvent | null {
  const { id, from, data, message } = query;
  if (data === undefined || query.inline_message_id !== undefined) return null;
  if (message !== undefined && message.chat.type !== "private") return null;
  const chatId = String(message?.chat.id ?? from.id);
  // An InaccessibleMessage has date 0; it can be neither read nor edited.
  const reachable = message !== undefined && message.date !== 0 ? message : null;
  return {
    kind: "tap",
    person: readPerson(from),
    chatId,
    tapId: id,
    data,
    message: reachable === null ? null : { chatId, messageId: String(reachable.message_id) },
    onMessage: reachable !== null && hasButton(reachable, data),
  };
}

function hasButton(message: Message, data: string): boolean {
  const buttons = message.reply_markup?.inline_keyboard.flat() ?? [];
  return buttons.some((button) => "callback_data" in button && button.callback_data === data);
}

function readMembership(change: ChatMemberUpdated): BotEvent | null {
  if (change.chat.type !== "private") return null;
  const { status } = change.new_chat_member;
  if (status !== "kicked" && status !== "member") return null;
  return { kind: "reachable", person: readPerson(change.from), reachable: status === "member" };
}
