// The pretend Telegram: one bot behind a real Bot API over HTTP, and the persons who talk to it.
// Each action of a person becomes an update for the bot and resolves when the bot has reacted
// (reactions.ts says when that is) or 2 s have passed.

import { randomBytes, randomInt } from "node:crypto";
import { type Chat, type ChatMessage, SandboxError, type SandboxUser } from "../chat.ts";
import type { Faults } from "../faults.ts";
import type { Incoming, Outgoing } from "../http-exchange.ts";
import { appendMessage, findMessage } from "../people.ts";
import type { AwaitedAction } from "../reactions.ts";
import { checkTyped } from "../typed-text.ts";
import { handleApiCall, handleDownload, runWebhookAnswer } from "./api-endpoint.ts";
import { TEXT_LIMIT } from "./message-text.ts";
import type { Person, StoredMessage } from "./person.ts";
import { type TelegramRules, telegramRules } from "./rules.ts";
import { blockChangeShape, inaccessibleMessageShape, messageShape, userShape } from "./shapes.ts";
import { TelegramState } from "./state.ts";
import type { UpdateKind } from "./update-queue.ts";

/** How a pretend Telegram is set up. */
export interface TelegramOptions {
  /** The time in milliseconds. Default: Date.now. */
  readonly now?: () => number;
  /** Settings that differ from their defaults. */
  readonly rules?: Partial<TelegramRules>;
}

// Fixed, so that a subscriber known by (bot, person) is the same one after a restart of the
// sandbox.
const BOT_ID = 7_770_777_001;
const USERNAME = "TapinDemoBot";
const BOT_NAME = "Tapin Demo";

function shownMessage(message: StoredMessage): ChatMessage {
  const buttons = message.keyboard.flat().map(({ text, url }) => ({
    label: text,
    ...(url !== undefined && { url }),
  }));
  return { messageId: String(message.id), from: message.from, text: message.text, buttons };
}

/**
 * A pretend Telegram with one bot. Everything is in memory; at most 10,000 people and 200 messages
 * a chat are kept.
 */
export class TelegramEmulator {
  /** The bot's token. A new one each time; the bot's id in it stays. */
  readonly token = `${BOT_ID}:${randomBytes(26).toString("base64url")}`;
  /** The bot's username, without `@`. */
  readonly username = USERNAME;
  /** The bot's name. */
  readonly name = BOT_NAME;
  /** Settings, to be changed by tests at any time. */
  readonly rules: TelegramRules;
  /** What is to go wrong, for tests. */
  readonly faults: Faults;
  readonly #state: TelegramState;

  constructor(options: TelegramOptions = {}) {
    const bot = { id: BOT_ID, is_bot: true, first_name: BOT_NAME, username: USERNAME };
    this.rules = telegramRules(options.rules);
    const state = new TelegramState(bot, { now: options.now ?? Date.now, rules: this.rules });
    state.webhook.onAnswer = (answer) => void runWebhookAnswer(state, answer);
    this.faults = state.faults;
    this.#state = state;
  }

  /**
   * Answers a call of the Bot API or the download of a file; `url` holds what comes after the API
   * root. Never rejects.
   */
  handleApi(req: Incoming, res: Outgoing, url: URL): Promise<void> {
    const handle = url.pathname.startsWith("/file/") ? handleDownload : handleApiCall;
    return handle({ state: this.#state, token: this.token }, { req, res, url });
  }

  /**
   * Makes a person known who has not written to the bot yet: it may not write to them either.
   * Throws SandboxError `invalid`.
   */
  addPerson(user: SandboxUser): void {
    this.#state.people.meet(user);
  }

  /**
   * Makes a message of the bot that it sent before this pretend Telegram began, in the chat of a
   * person who has started it; answers its id. Throws SandboxError `invalid`.
   */
  addBotMessage(user: SandboxUser, content: Pick<StoredMessage, "text" | "keyboard">): string {
    const person = this.#state.people.meet(user);
    const id = this.#state.takeMessageId();
    const date = this.#state.nowSeconds();
    person.started = true;
    appendMessage(person, { ...content, id, from: "bot", date, protectContent: true });
    return String(id);
  }

  /**
   * The person taps START: sends `/start`, with the payload when there is one. Unblocks the bot, as
   * START does in the real app. Throws SandboxError `invalid`.
   */
  async start(user: SandboxUser, payload: string): Promise<Chat> {
    const person = this.#state.people.meet(user);
    if (person.blocked) await this.#changeBlock(person, false);
    await this.#write(person, payload === "" ? "/start" : `/start ${payload}`);
    return this.chat(user.id);
  }

  /**
   * The person types a text. Throws SandboxError: `not_found` for an unknown person, `invalid` for
   * a blank or too long text, and while they block the bot.
   */
  async sendText(userId: string, text: string): Promise<Chat> {
    const person = this.#unblockedPerson(userId);
    await this.#write(person, checkTyped(text, TEXT_LIMIT));
    return this.chat(userId);
  }

  /**
   * The person taps the first button of that label. A button with a URL changes nothing. Throws
   * SandboxError: `not_found` for an unknown person, message or label, `invalid` while they block
   * the bot.
   */
  async tap(userId: string, messageId: string, label: string): Promise<Chat> {
    const person = this.#unblockedPerson(userId);
    const message = findMessage(person, Number(messageId));
    if (message === undefined) throw new SandboxError("not_found", "There is no such message.");
    const button = message.keyboard.flat().find(({ text }) => text === label);
    if (button === undefined) {
      throw new SandboxError("not_found", "The message has no such button (any more).");
    }
    if (button.callback_data !== undefined) {
      await this.#query(person, message.id, button.callback_data);
    }
    return this.chat(userId);
  }

  /**
   * Sends any data as a tap, as a modified client can: that of a button long gone, or one that
   * never was. The message need not exist. Throws SandboxError `not_found` for an unknown person.
   */
  async tapData(userId: string, messageId: string, data: string): Promise<Chat> {
    await this.#query(this.#person(userId), Number(messageId), data);
    return this.chat(userId);
  }

  /**
   * The person blocks or unblocks the bot; nothing happens when it is so already. Throws
   * SandboxError `not_found`.
   */
  async setBlocked(userId: string, blocked: boolean): Promise<Chat> {
    const person = this.#person(userId);
    if (person.blocked !== blocked) {
      await this.#changeBlock(person, blocked, { kind: "block", chatId: person.id });
    }
    return this.chat(userId);
  }

  /**
   * Gives the person another profile photo: a drawn one, none, or these bytes whatever they are.
   * Throws SandboxError `not_found`.
   */
  setPhoto(userId: string, photo: Person["photo"]): void {
    this.#person(userId).photo = photo;
  }

  /** The chat as it is. Throws SandboxError `not_found` for an unknown person. */
  chat(userId: string): Chat {
    return { messages: this.#person(userId).messages.map(shownMessage) };
  }

  /** Ends every wait, of bots and of persons, and refuses further polls. */
  close(): void {
    this.#state.close();
  }

  #person(userId: string): Person {
    return this.#state.people.get(userId);
  }

  #unblockedPerson(userId: string): Person {
    const person = this.#person(userId);
    if (person.blocked) {
      throw new SandboxError("invalid", "This person blocks the bot: unblock it first.", "user_id");
    }
    return person;
  }

  async #write(person: Person, text: string): Promise<void> {
    const { bot } = this.#state;
    const message: StoredMessage = {
      id: this.#state.takeMessageId(),
      from: "user",
      text,
      date: this.#state.nowSeconds(),
      keyboard: [],
      protectContent: false,
    };
    person.started = true;
    appendMessage(person, message);
    const awaited = { kind: "message", chatId: person.id } as const;
    await this.#tell("message", messageShape(message, { bot, person }), awaited);
  }

  async #query(person: Person, messageId: number, data: string): Promise<void> {
    const { bot } = this.#state;
    const queryId = `${randomInt(1, 2 ** 31)}${String(randomInt(0, 10 ** 9)).padStart(9, "0")}`;
    const message = findMessage(person, messageId);
    this.#state.rememberQuery(queryId, {
      person,
      tappedAt: this.#state.nowSeconds(),
      answered: false,
    });
    const content = {
      id: queryId,
      from: userShape(person),
      message: message
        ? messageShape(message, { bot, person })
        : inaccessibleMessageShape(person, messageId),
      chat_instance: person.chatInstance,
      data,
    };
    const awaited = { kind: "tap", chatId: person.id, queryId } as const;
    await this.#tell("callback_query", content, awaited);
  }

  #changeBlock(person: Person, blocked: boolean, awaited?: AwaitedAction): Promise<void> {
    const { bot } = this.#state;
    person.blocked = blocked;
    const date = this.#state.nowSeconds();
    return this.#tell("my_chat_member", blockChangeShape(person, { bot, date }), awaited);
  }

  // Pushing and beginning to wait are one step: the update may be fetched as soon as this function
  // pauses.
  async #tell(kind: UpdateKind, content: object, awaited?: AwaitedAction): Promise<void> {
    const held = this.faults.holdBack();
    if (held !== undefined) await held;
    const { reactions, updates } = this.#state;
    const updateId = updates.push(kind, content, this.faults.takeCopies());
    // A bot that did not ask for the kind of update never sees it, so there is nothing to wait for.
    if (updateId === undefined || awaited === undefined) return;
    await reactions.wait({ ...awaited, updateId });
  }
}
