// The pretend MAX: one bot behind a MAX API over HTTP, and the persons who talk to it. Each action
// of a person becomes an update for the bot and resolves when the bot has reacted (reactions.ts
// says when that is) or 2 s have passed.

import { randomBytes } from "node:crypto";
import { type Chat, type ChatMessage, SandboxError, type SandboxUser } from "../chat.ts";
import type { Faults } from "../faults.ts";
import type { Incoming, Outgoing } from "../http-exchange.ts";
import { appendMessage, findMessage, removeMessage } from "../people.ts";
import type { AwaitedAction } from "../reactions.ts";
import { checkTyped } from "../typed-text.ts";
import { handleMaxCall } from "./api-endpoint.ts";
import type { MaxButton } from "./keyboard.ts";
import { TEXT_LIMIT } from "./message-body.ts";
import type { MaxMessage, MaxPerson } from "./person.ts";
import { type MaxRules, maxRules } from "./rules.ts";
import {
  fullUserShape,
  localeShape,
  type MaxUpdate,
  type MaxUpdateType,
  messageShape,
  tapperShape,
} from "./shapes.ts";
import { MaxState, newKeyboardId } from "./state.ts";

/** How a pretend MAX is set up. */
export interface MaxOptions {
  /** The time in milliseconds. Default: Date.now. */
  readonly now?: () => number;
  /** Settings that differ from their defaults. */
  readonly rules?: Partial<MaxRules>;
  /** The address of a person's picture. Default: nobody has one. */
  readonly avatarUrl?: (userId: number) => string;
}

// Fixed, so that a subscriber known by (bot, person) is the same one after a restart of the
// sandbox. The username is as MAX makes them; nobody chooses it.
const BOT_ID = 770_001;
const USERNAME = "id770001_bot";
const BOT_NAME = "Tapin Demo";

function shownMessage({ id, from, text, keyboard }: MaxMessage): ChatMessage {
  const buttons = keyboard.flat().map((button) => ({
    label: button.text,
    ...(button.type === "link" && { url: button.url }),
  }));
  return { messageId: id, from, text, buttons };
}

/**
 * A pretend MAX with one bot. Everything is in memory; at most 10,000 people and 200 messages a
 * dialog are kept.
 */
export class MaxEmulator {
  /** The bot's token. A new one each time. */
  readonly token = randomBytes(48).toString("base64url");
  /** The bot's username, without `@`. */
  readonly username = USERNAME;
  /** The bot's name. */
  readonly name = BOT_NAME;
  /** Settings, to be changed by tests at any time. */
  readonly rules: MaxRules;
  /** What is to go wrong, for tests. */
  readonly faults: Faults;
  readonly #state: MaxState;

  constructor(options: MaxOptions = {}) {
    const bot = { user_id: BOT_ID, first_name: BOT_NAME, username: USERNAME, is_bot: true };
    this.rules = maxRules(options.rules);
    const { avatarUrl } = options;
    this.#state = new MaxState(bot, {
      now: options.now ?? Date.now,
      rules: this.rules,
      avatarUrl: ({ id, hasAvatar }) => (hasAvatar ? avatarUrl?.(id) : undefined),
    });
    this.faults = this.#state.faults;
  }

  /** Answers a call of the MAX API; `url` holds what comes after the API root. Never rejects. */
  handleApi(req: Incoming, res: Outgoing, url: URL): Promise<void> {
    return handleMaxCall({ state: this.#state, token: this.token }, { req, res, url });
  }

  /**
   * Makes a person known who has not started the bot yet: it may not write to them either. Throws
   * SandboxError `invalid`.
   */
  addPerson(user: SandboxUser): void {
    this.#state.people.meet(user);
  }

  /**
   * The person opens a deep link, and taps Start where the app offers it: in a dialog that does not
   * run. There the bot gets `bot_started` with the payload. In a running dialog nothing reaches it,
   * unless `rules.botStarted` is `always`. Throws SandboxError `invalid`.
   */
  async start(user: SandboxUser, payload: string): Promise<Chat> {
    const person = this.#state.people.meet(user);
    if (person.dialog !== "running" || this.rules.botStarted === "always") {
      await this.#begin(person, payload);
    }
    return this.chat(user.id);
  }

  /**
   * The person types a text. Throws SandboxError: `not_found` for an unknown person, `invalid` for
   * a blank or too long text, and while no dialog runs.
   */
  async sendText(userId: string, text: string): Promise<Chat> {
    await this.#write(this.#talkingPerson(userId), checkTyped(text, TEXT_LIMIT));
    return this.chat(userId);
  }

  /**
   * The person taps the first button of that label. A link and a button that copies change nothing;
   * one of kind `message` sends its label. Throws SandboxError: `not_found` for an unknown person,
   * message or label, `invalid` while no dialog runs.
   */
  async tap(userId: string, messageId: string, label: string): Promise<Chat> {
    const person = this.#talkingPerson(userId);
    const message = findMessage(person, messageId);
    if (message === undefined) throw new SandboxError("not_found", "There is no such message.");
    const button = message.keyboard.flat().find(({ text }) => text === label);
    if (button === undefined) {
      throw new SandboxError("not_found", "The message has no such button (any more).");
    }
    await this.#press(person, message, button);
    return this.chat(userId);
  }

  /**
   * Sends any payload as a tap, as a modified client can: that of a button long gone, or one that
   * never was. For a message that does not exist (any more) the callback has `message: null`.
   * Throws SandboxError `not_found` for an unknown person.
   */
  async tapPayload(userId: string, messageId: string, payload: string): Promise<Chat> {
    await this.#query(this.#state.people.get(userId), messageId, payload);
    return this.chat(userId);
  }

  /**
   * Takes a message out of the dialog; the bot is not told. Throws SandboxError `not_found` for an
   * unknown person.
   */
  deleteMessage(userId: string, messageId: string): void {
    removeMessage(this.#state.people.get(userId), messageId);
  }

  /** Gives a person a picture, or takes it. Throws SandboxError `not_found`. */
  setAvatar(userId: string, hasAvatar: boolean): void {
    this.#state.people.get(userId).hasAvatar = hasAvatar;
  }

  /** The id of the person's dialog. Throws SandboxError `not_found`. */
  chatId(userId: string): number {
    return this.#state.people.get(userId).chatId;
  }

  /**
   * The person stops the bot, which gets `bot_stopped` and `dialog_removed`; or starts it again,
   * without a payload. Nothing happens when it is so already. Throws SandboxError `not_found`.
   */
  async setBlocked(userId: string, blocked: boolean): Promise<Chat> {
    const person = this.#state.people.get(userId);
    if (blocked && person.dialog === "running") await this.#stop(person);
    if (!blocked && person.dialog === "stopped") await this.#begin(person, "");
    return this.chat(userId);
  }

  /** The dialog as it is. Throws SandboxError `not_found` for an unknown person. */
  chat(userId: string): Chat {
    return { messages: this.#state.people.get(userId).messages.map(shownMessage) };
  }

  /** Ends every wait, of bots and of persons, and refuses further polls. */
  close(): void {
    this.#state.close();
  }

  #talkingPerson(userId: string): MaxPerson {
    const person = this.#state.people.get(userId);
    if (person.dialog === "running") return person;
    const problem = "This person has no running dialog with the bot: start it first.";
    throw new SandboxError("invalid", problem, "user_id");
  }

  async #begin(person: MaxPerson, payload: string): Promise<void> {
    person.dialog = "running";
    const update = {
      ...this.#dialogUpdate("bot_started", person),
      user_id: person.id,
      ...(payload !== "" && { payload }),
    };
    await this.#tell(person, update, { kind: "message", chatId: person.chatId });
  }

  async #stop(person: MaxPerson): Promise<void> {
    person.dialog = "stopped";
    const awaited = { kind: "block", chatId: person.chatId } as const;
    const told = this.#tell(person, this.#dialogUpdate("bot_stopped", person));
    await Promise.all([
      told,
      this.#tell(person, this.#dialogUpdate("dialog_removed", person), awaited),
    ]);
  }

  async #press(person: MaxPerson, message: MaxMessage, button: MaxButton): Promise<void> {
    if (button.type === "callback") await this.#query(person, message.id, button.payload);
    if (button.type === "message") await this.#write(person, button.text);
  }

  async #write(person: MaxPerson, text: string): Promise<void> {
    const { bot } = this.#state;
    const message = this.#state.makeMessage(person, { from: "user", text, keyboard: [] });
    appendMessage(person, message);
    const update = {
      ...this.#update("message_created", person),
      message: messageShape(message, { bot, person }),
    };
    await this.#tell(person, update, { kind: "message", chatId: person.chatId });
  }

  async #query(person: MaxPerson, messageId: string, payload: string): Promise<void> {
    const message = findMessage(person, messageId);
    const isShared = this.rules.callbackIds === "perKeyboard" && message !== undefined;
    const callbackId = isShared ? message.keyboardId : newKeyboardId();
    this.#state.rememberTap(callbackId, { person, messageId });
    const base = this.#update("message_callback", person);
    const update = {
      ...base,
      callback: {
        timestamp: base.timestamp,
        callback_id: callbackId,
        payload,
        user: tapperShape(person),
      },
      message: message === undefined ? null : this.#tappedMessage(person, message),
    };
    const awaited = {
      kind: "tap",
      chatId: person.chatId,
      queryId: callbackId,
      // For a message that is gone there is nothing to answer with: a new one is all the reaction
      // there can be.
      answerOptional: message === undefined,
    } as const;
    await this.#tell(person, update, awaited);
  }

  #tappedMessage(person: MaxPerson, message: MaxMessage): object {
    const shape = messageShape(message, { bot: this.#state.bot, person });
    if (this.rules.callbackChatId) return shape;
    const { chat_id: _, ...recipient } = shape.recipient;
    return { ...shape, recipient };
  }

  #update(type: MaxUpdateType, person: MaxPerson): MaxUpdate {
    const timestamp = this.#state.now();
    person.lastActiveAt = timestamp;
    return { update_type: type, timestamp, ...localeShape(person) };
  }

  #dialogUpdate(type: MaxUpdateType, person: MaxPerson): MaxUpdate {
    const update = this.#update(type, person);
    const user = fullUserShape(person, this.#state.avatarUrl);
    return { ...update, chat_id: person.chatId, user };
  }

  // Publishing and beginning to wait are one step: the update may be fetched as soon as this
  // function pauses.
  async #tell(person: MaxPerson, update: MaxUpdate, awaited?: AwaitedAction): Promise<void> {
    const held = this.faults.holdBack();
    if (held !== undefined) await held;
    const updateId = this.#state.publish(person, update);
    if (updateId === undefined || awaited === undefined) return;
    await this.#state.reactions.wait({ ...awaited, updateId });
  }
}
