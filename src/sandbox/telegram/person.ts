// What the pretend Telegram keeps of a person and of a message. How both are written to the bot is
// in shapes.ts.

import { randomBytes } from "node:crypto";
import type { SandboxUser } from "../chat.ts";
import type { ChatMessages, KnownPerson } from "../people.ts";
import type { InlineKeyboard } from "./keyboard.ts";

/** A message as it stands in a chat now. */
export interface StoredMessage {
  readonly id: number;
  readonly from: "bot" | "user";
  readonly text: string;
  /** Unix seconds. */
  readonly date: number;
  /** Unix seconds of the last edit; absent when there was none. */
  readonly editDate?: number;
  /** Empty when there are no buttons. */
  readonly keyboard: InlineKeyboard;
  /** True when forwarding and saving are off. */
  readonly protectContent: boolean;
  /** As the bot gave it. */
  readonly linkPreviewOptions?: object;
}

/** A person and their chat with the bot; the user id is the chat id too. */
export interface Person extends KnownPerson, ChatMessages<StoredMessage> {
  /** True once they wrote to the bot; before that it may not write to them. */
  started: boolean;
  blocked: boolean;
  /** Their profile photo: drawn here, none that the bot may see, or these bytes in every size. */
  photo: "drawn" | "none" | Uint8Array;
  /** Telegram's opaque id of the chat in callback queries: a signed 64-bit number, as text. */
  readonly chatInstance: string;
}

/** A person who has just come: not started, nothing written. */
export function newPerson(id: number, profile: SandboxUser): Person {
  return {
    id,
    profile,
    started: false,
    blocked: false,
    photo: "drawn",
    chatInstance: String(randomBytes(8).readBigInt64BE()),
    messages: [],
  };
}
