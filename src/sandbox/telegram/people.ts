// The pretend persons and their chats with the bot, in memory and bounded. What is sent to the bot about them is written
// in shapes.ts.

import { randomBytes } from "node:crypto";
import type { SandboxUser } from "../chat.ts";
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

/** A person and their chat with the bot. */
export interface Person {
  /** User id and chat id: the same number in a private chat. */
  readonly id: number;
  profile: SandboxUser;
  /** True once they wrote to the bot; before that it may not write to them. */
  started: boolean;
  blocked: boolean;
  /** Telegram's opaque id of the chat in callback queries: a signed 64-bit number, as text. */
  readonly chatInstance: string;
  messages: readonly StoredMessage[];
}

/** How many people are kept; the one seen longest ago is dropped, with their chat. */
export const PEOPLE_LIMIT = 10_000;

/** How many messages of a chat are kept; the oldest are dropped. */
export const MESSAGES_LIMIT = 200;

/** Every person the pretend messenger knows. */
export class People {
  // In the order in which they were last seen, longest ago first.
  readonly #byId = new Map<number, Person>();

  /** How many are known. */
  get size(): number {
    return this.#byId.size;
  }

  /** The person with this id, or undefined. Counts as seeing them. */
  find(id: number): Person | undefined {
    const person = this.#byId.get(id);
    if (person !== undefined) {
      this.#byId.delete(id);
      this.#byId.set(id, person);
    }
    return person;
  }

  /** Makes a person known, or gives a known one a new profile; the chat stays. */
  meet(profile: SandboxUser): Person {
    const id = Number(profile.id);
    const known = this.find(id);
    if (known !== undefined) {
      known.profile = profile;
      return known;
    }
    const person: Person = {
      id,
      profile,
      started: false,
      blocked: false,
      chatInstance: String(randomBytes(8).readBigInt64BE()),
      messages: [],
    };
    this.#byId.set(id, person);
    this.#dropLongestUnseen();
    return person;
  }

  #dropLongestUnseen(): void {
    const longestUnseen = this.#byId.keys().next();
    if (this.#byId.size > PEOPLE_LIMIT && !longestUnseen.done) {
      this.#byId.delete(longestUnseen.value);
    }
  }
}

/** The message with this id in a person's chat, or undefined. */
export function findMessage(person: Person, messageId: number): StoredMessage | undefined {
  return person.messages.find((message) => message.id === messageId);
}

/** Puts a message at the end of a chat. */
export function appendMessage(person: Person, message: StoredMessage): void {
  person.messages = [...person.messages, message].slice(-MESSAGES_LIMIT);
}

/** Puts the new form of a message in its place. */
export function replaceMessage(person: Person, message: StoredMessage): void {
  person.messages = person.messages.map((old) => (old.id === message.id ? message : old));
}

/** Takes a message out of a chat. */
export function removeMessage(person: Person, messageId: number): void {
  person.messages = person.messages.filter((message) => message.id !== messageId);
}
