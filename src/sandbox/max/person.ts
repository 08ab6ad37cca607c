// What the pretend MAX keeps of a person and of a message. How both are written to the bot is in
// shapes.ts.

import type { SandboxUser } from "../chat.ts";
import type { ChatMessages, KnownPerson } from "../people.ts";
import type { MaxKeyboard } from "./keyboard.ts";

/** A message as it stands in a dialog now. */
export interface MaxMessage {
  /** The message's `mid`. */
  readonly id: string;
  /** Its place among all messages; above 2^53, as with the real one. */
  readonly seq: bigint;
  readonly from: "bot" | "user";
  readonly text: string;
  /** Unix milliseconds. */
  readonly timestamp: number;
  /** Empty when there are no buttons. */
  readonly keyboard: MaxKeyboard;
  /** Names this keyboard; a new one comes with each change of it. */
  readonly keyboardId: string;
}

/** A person and their dialog with the bot. */
export interface MaxPerson extends KnownPerson, ChatMessages<MaxMessage> {
  /** The dialog's id: not that of the person. */
  readonly chatId: number;
  /**
   * `none`: the person never started the bot, so it may not write to them; `stopped`: they stopped
   * it.
   */
  dialog: "none" | "running" | "stopped";
  /** Unix milliseconds of the last thing they did. */
  lastActiveAt: number;
  /** False when they have no picture. */
  hasAvatar: boolean;
}

// The id of a dialog is a number of its own that both sides can compute; here that of the two
// accounts, mixed.
function mix(userId: number, botId: number): number {
  return Number(BigInt(userId) ^ BigInt(botId));
}

/** The id of the dialog of a person with the bot. */
export function chatIdOf(userId: number, botId: number): number {
  return mix(userId, botId);
}

/** The person whose dialog this is. */
export function userIdOf(chatId: number, botId: number): number {
  return mix(chatId, botId);
}

/** A person who has just come: no dialog yet. */
export function newPerson(id: number, profile: SandboxUser, botId: number): MaxPerson {
  return {
    id,
    profile,
    chatId: chatIdOf(id, botId),
    dialog: "none",
    lastActiveAt: 0,
    hasAvatar: true,
    messages: [],
  };
}
