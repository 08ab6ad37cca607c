// The objects of the Bot API as they go over the wire: User, Chat, Message and what updates carry.
// Each is a snapshot: later changes in the chat do not reach into an update that was made before.
// https://core.telegram.org/bots/api#available-types

import type { InlineKeyboard } from "./keyboard.ts";
import { commandEntities, type MessageEntity } from "./message-text.ts";
import type { Person, StoredMessage } from "./person.ts";

/** https://core.telegram.org/bots/api#user */
export interface TelegramUser {
  readonly id: number;
  readonly is_bot: boolean;
  readonly first_name: string;
  readonly last_name?: string;
  readonly username?: string;
  readonly language_code?: string;
}

/** https://core.telegram.org/bots/api#chat, a private one. */
export interface TelegramChat {
  readonly id: number;
  readonly type: "private";
  readonly first_name: string;
  readonly last_name?: string;
  readonly username?: string;
}

/** https://core.telegram.org/bots/api#message, a text message. */
export interface TelegramMessage {
  readonly message_id: number;
  readonly from: TelegramUser;
  readonly chat: TelegramChat;
  readonly date: number;
  readonly edit_date?: number;
  readonly text: string;
  readonly entities?: readonly MessageEntity[];
  readonly link_preview_options?: object;
  readonly has_protected_content?: true;
  readonly reply_markup?: { readonly inline_keyboard: InlineKeyboard };
}

function names(person: Person): { first_name: string; last_name?: string; username?: string } {
  const { firstName, lastName, username } = person.profile;
  return {
    first_name: firstName,
    ...(lastName && { last_name: lastName }),
    ...(username && { username }),
  };
}

/** The person as the sender of something. */
export function userShape(person: Person): TelegramUser {
  const { lang } = person.profile;
  return {
    id: person.id,
    is_bot: false,
    ...names(person),
    ...(lang && { language_code: lang }),
  };
}

/** The person's private chat with the bot. */
export function chatShape(person: Person): TelegramChat {
  return { id: person.id, ...names(person), type: "private" };
}

/**
 * The chat as getChat shows it: https://core.telegram.org/bots/api#chatfullinfo with nothing set in
 * it.
 */
export function fullChatShape(person: Person): object {
  const { username } = person.profile;
  return {
    ...chatShape(person),
    ...(username && { active_usernames: [username] }),
    can_send_gift: true,
    accepted_gift_types: {
      unlimited_gifts: true,
      limited_gifts: true,
      unique_gifts: true,
      premium_subscription: true,
      gifts_from_channels: true,
    },
    max_reaction_count: 11,
    accent_color_id: person.id % 7,
  };
}

/** A message of a person's chat. */
export function messageShape(
  message: StoredMessage,
  { bot, person }: { bot: TelegramUser; person: Person },
): TelegramMessage {
  const entities = commandEntities(message.text);
  return {
    message_id: message.id,
    from: message.from === "bot" ? bot : userShape(person),
    chat: chatShape(person),
    date: message.date,
    ...(message.editDate !== undefined && { edit_date: message.editDate }),
    text: message.text,
    ...(entities.length > 0 && { entities }),
    ...(message.linkPreviewOptions && { link_preview_options: message.linkPreviewOptions }),
    ...(message.protectContent && { has_protected_content: true }),
    ...(message.keyboard.length > 0 && { reply_markup: { inline_keyboard: message.keyboard } }),
  };
}

/** What stands in a callback query for a message that is gone: `date` is 0. */
export function inaccessibleMessageShape(person: Person, messageId: number): object {
  return { chat: chatShape(person), message_id: messageId, date: 0 };
}

/**
 * https://core.telegram.org/bots/api#chatmemberupdated for a private chat: the person blocked or
 * unblocked the bot.
 */
export function blockChangeShape(
  person: Person,
  { bot, date }: { bot: TelegramUser; date: number },
): object {
  const member = { user: bot, status: "member" };
  const kicked = { user: bot, status: "kicked", until_date: 0 };
  return {
    chat: chatShape(person),
    from: userShape(person),
    date,
    old_chat_member: person.blocked ? member : kicked,
    new_chat_member: person.blocked ? kicked : member,
  };
}
