// The objects of the MAX API as they go over the wire: users, messages, dialogs and updates. Which
// fields a user has differs from update to update, as in the platform's own fixtures
// (max-messenger/max-bot-api-client-go, stabs) and in captured ones. Each is a snapshot: later
// changes do not reach into an update that was made before.

import type { MaxKeyboard } from "./keyboard.ts";
import type { MaxMessage, MaxPerson } from "./person.ts";

/** https://dev.max.ru/docs-api/objects/User */
export interface MaxUser {
  readonly user_id: number;
  readonly first_name: string;
  readonly last_name?: string;
  /** Bots only. */
  readonly username?: string;
  readonly is_bot: boolean;
  /** Unix milliseconds. */
  readonly last_activity_time?: number;
  readonly avatar_url?: string;
  readonly full_avatar_url?: string;
  /** Deprecated. */
  readonly name?: string;
}

/** https://dev.max.ru/docs-api/objects/Message, a text message of a dialog. */
export interface MaxMessageShape {
  readonly sender: MaxUser;
  readonly recipient: {
    readonly chat_id?: number;
    readonly chat_type: "dialog";
    /** Who receives this message: not always the person. */
    readonly user_id: number;
  };
  readonly timestamp: number;
  readonly body: {
    readonly mid: string;
    readonly seq: bigint;
    readonly text: string;
    readonly attachments?: readonly object[];
  };
}

/** The kinds of update the pretend messenger makes. */
export type MaxUpdateType =
  | "bot_started"
  | "bot_stopped"
  | "dialog_removed"
  | "message_callback"
  | "message_created";

/** An update without a number: MAX gives it none. https://dev.max.ru/docs-api/objects/Update */
export interface MaxUpdate {
  readonly update_type: MaxUpdateType;
  readonly timestamp: number;
  readonly [field: string]: unknown;
}

/** Gives a person's picture; undefined when there is none. */
export type AvatarUrl = (person: MaxPerson) => string | undefined;

/**
 * The person with everything MAX tells of them: in updates about the dialog itself, and in GET
 * /chats.
 */
export function fullUserShape(person: MaxPerson, avatarUrl: AvatarUrl): MaxUser {
  const { firstName, lastName } = person.profile;
  const avatar = avatarUrl(person);
  return {
    user_id: person.id,
    first_name: firstName,
    ...(lastName && { last_name: lastName }),
    is_bot: false,
    last_activity_time: person.lastActiveAt,
    ...(avatar !== undefined && { avatar_url: avatar, full_avatar_url: `${avatar}?size=full` }),
    name: [firstName, lastName].filter(Boolean).join(" "),
  };
}

/**
 * The person as the one who taps: without a picture; a last name that is not there is an empty
 * text.
 */
export function tapperShape(person: MaxPerson): MaxUser {
  return { ...senderShape(person), last_activity_time: person.lastActiveAt };
}

/** The person as the one who writes. */
export function senderShape({ id, profile }: MaxPerson): MaxUser {
  const { firstName, lastName = "" } = profile;
  return { user_id: id, first_name: firstName, last_name: lastName, is_bot: false };
}

function keyboardShape(buttons: MaxKeyboard, keyboardId: string): object {
  return { type: "inline_keyboard", callback_id: keyboardId, payload: { buttons } };
}

/** A message of a dialog. */
export function messageShape(
  message: MaxMessage,
  { bot, person }: { bot: MaxUser; person: MaxPerson },
): MaxMessageShape {
  const { id, seq, text, timestamp, keyboard, keyboardId } = message;
  const isBot = message.from === "bot";
  return {
    sender: isBot ? bot : senderShape(person),
    recipient: {
      chat_id: person.chatId,
      chat_type: "dialog",
      user_id: isBot ? person.id : bot.user_id,
    },
    timestamp,
    body: {
      mid: id,
      seq,
      text,
      ...(keyboard.length > 0 && { attachments: [keyboardShape(keyboard, keyboardId)] }),
    },
  };
}

/** https://dev.max.ru/docs-api/methods/GET/chats/-chatId-, a dialog. */
export function chatShape(person: MaxPerson, avatarUrl: AvatarUrl): object {
  return {
    chat_id: person.chatId,
    type: "dialog",
    status: person.dialog === "stopped" ? "suspended" : "active",
    title: null,
    last_event_time: person.messages.at(-1)?.timestamp ?? person.lastActiveAt,
    participants_count: 2,
    is_public: false,
    dialog_with_user: fullUserShape(person, avatarUrl),
  };
}

/**
 * The language of the person's app, as every update carries it; nothing when the app does not tell.
 */
export function localeShape({ profile }: MaxPerson): { user_locale?: string } {
  return profile.lang ? { user_locale: profile.lang } : {};
}
