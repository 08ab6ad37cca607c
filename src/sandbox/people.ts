// The pretend persons of one messenger and the messages in their chats, in memory and bounded. What
// a messenger keeps of a person or a message beyond that, and how it tells the bot of them, lives
// in the messenger's own folder.

import { SandboxError, type SandboxUser } from "./chat.ts";
import { characterCount } from "./typed-text.ts";

/** What every messenger knows of a person. */
export interface KnownPerson {
  /** The messenger's user id. */
  readonly id: number;
  profile: SandboxUser;
}

/** A chat whose messages are of one kind; the messenger's ids are numbers or texts. */
export interface ChatMessages<Message extends { readonly id: number | string }> {
  messages: readonly Message[];
}

/** How many people are kept; the one seen longest ago is dropped, with their chat. */
export const PEOPLE_LIMIT = 10_000;

/** How many messages of a chat are kept; the oldest are dropped. */
export const MESSAGES_LIMIT = 200;

/** Every person a pretend messenger knows. */
export class People<Person extends KnownPerson> {
  readonly #make: (id: number, profile: SandboxUser) => Person;
  // In the order in which they were last seen, longest ago first.
  readonly #byId = new Map<number, Person>();

  /** `make` gives a person who has never come before. */
  constructor(make: (id: number, profile: SandboxUser) => Person) {
    this.#make = make;
  }

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

  /** The person with this id as the sandbox writes it. Throws SandboxError `not_found`. */
  get(userId: string): Person {
    const person = this.find(Number(userId));
    if (person === undefined) {
      throw new SandboxError("not_found", "This person has no chat with the bot.");
    }
    return person;
  }

  /**
   * Makes a person known, or gives a known one a new profile; the chat stays. Throws SandboxError
   * `invalid`.
   */
  meet(profile: SandboxUser): Person {
    checkProfile(profile);
    const id = Number(profile.id);
    const known = this.find(id);
    if (known !== undefined) {
      known.profile = profile;
      return known;
    }
    const person = this.#make(id, profile);
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

function checkProfile(user: SandboxUser): void {
  const id = Number(user.id);
  if (!/^[1-9]\d{0,15}$/.test(user.id) || !Number.isSafeInteger(id)) {
    throw new SandboxError("invalid", "The id is a number above 0 and below 2^53.", "user.id");
  }
  const length = characterCount(user.firstName);
  if (length < 1 || length > 64) {
    throw new SandboxError("invalid", "The first name has 1 to 64 characters.", "user.first_name");
  }
}

/** The message with this id in a chat, or undefined. */
export function findMessage<Message extends { readonly id: number | string }>(
  chat: ChatMessages<Message>,
  messageId: Message["id"],
): Message | undefined {
  return chat.messages.find((message) => message.id === messageId);
}

/** Puts a message at the end of a chat. */
export function appendMessage<Message extends { readonly id: number | string }>(
  chat: ChatMessages<Message>,
  message: Message,
): void {
  chat.messages = [...chat.messages, message].slice(-MESSAGES_LIMIT);
}

/** Puts the new form of a message in its place. */
export function replaceMessage<Message extends { readonly id: number | string }>(
  chat: ChatMessages<Message>,
  message: Message,
): void {
  chat.messages = chat.messages.map((old) => (old.id === message.id ? message : old));
}

/** Takes a message out of a chat. */
export function removeMessage<Message extends { readonly id: number | string }>(
  chat: ChatMessages<Message>,
  messageId: Message["id"],
): void {
  chat.messages = chat.messages.filter((message) => message.id !== messageId);
}
