// The conversation with a person: for every event, which handler is asked and how its screen
// reaches the person. The same for every messenger; what a messenger's API looks like is behind the
// Messenger interface.

import type { BotHandlers, Spoken } from "../core/bot-ports.ts";
import { type MessageRef, parseButtonData, type Screen, type StalePrompt } from "../core/prompt.ts";
import type { Person } from "../core/subscriber.ts";
import type { BotLog } from "./bot-log.ts";
import type { BotEvent, TapEvent } from "./channel-event.ts";
import { parseLangData } from "./messages.ts";

/**
 * What became of showing a screen. `gone`: there is no such message to edit any more. `blocked`:
 * the person does not want to hear from the bot. `failed`: given up after retries, and logged.
 */
export type Delivery =
  | { readonly kind: "shown"; readonly message: MessageRef }
  | { readonly kind: "gone" | "blocked" | "failed" };

/**
 * A messenger, as a conversation needs it. No method rejects: what fails is logged and answered.
 */
export interface Messenger {
  /**
   * Begins to answer a tap: where the messenger has a call for it, the waiting sign on the button
   * ends.
   */
  beginAnswer(tap: TapEvent): TapAnswer;
  /** Sends the screen as a new message. */
  send(chatId: string, screen: Screen, lang: string): Promise<Delivery>;
  /** Changes a message into the screen. Edits of one message happen in order. */
  edit(message: MessageRef, screen: Screen, lang: string): Promise<Delivery>;
}

/** The answer to one tap: one of the two is called, once. */
export interface TapAnswer {
  /** Changes the tapped message, which is there, into the screen. */
  edit(message: MessageRef, screen: Screen, lang: string): Promise<Delivery>;
  /** Leaves the tapped message as it is; the screen is sent as a new message already. */
  leave(screen: Screen, lang: string): Promise<void>;
}

/** Answers people. */
export interface Conversation {
  /**
   * Answers one event; resolves when everything about it is done. `spoken` is what to show for a
   * tap that is decided already. Never rejects.
   */
  handle(event: BotEvent, spoken?: Spoken | null): Promise<void>;
  /**
   * Edits a prompt that is over to what became of it, without the buttons it had; whoever logged in
   * and may still be asked to subscribe keeps that one (T22). False when that failed. Never
   * rejects.
   */
  settle(prompt: StalePrompt): Promise<boolean>;
}

/** What a conversation is made of. */
export interface ConversationParts {
  readonly handlers: BotHandlers;
  readonly messenger: Messenger;
  readonly log: BotLog;
  /** Turns an error into a text free of secrets. */
  readonly describe: (error: unknown) => string;
  /** Adds to the person what the update itself does not tell. Must not reject. Default: nothing. */
  readonly completePerson?: (event: BotEvent) => Promise<Person>;
}

/** Makes a conversation. */
export function createConversation(parts: ConversationParts): Conversation {
  return {
    handle: (event, spoken = null) => handleEvent(parts, event, spoken),
    settle: (prompt) => settlePrompt(parts, prompt),
  };
}

async function handleEvent(
  parts: ConversationParts,
  incomplete: BotEvent,
  spoken: Spoken | null,
): Promise<void> {
  if (spoken !== null && incomplete.kind === "tap") {
    return await showDecided(parts, incomplete, {
      spoken,
      answer: parts.messenger.beginAnswer(incomplete),
    });
  }
  const { handlers, completePerson } = parts;
  const person = (await completePerson?.(incomplete)) ?? incomplete.person;
  const event: BotEvent = { ...incomplete, person };
  if ("cameBack" in event) await report(parts, () => handlers.setReachable(person, true));
  switch (event.kind) {
    case "start":
      return await answer(parts, event, () => handlers.start(person, event.payload));
    case "stop":
      return await answer(parts, event, () => handlers.stop(person));
    case "lang":
      return await answer(parts, event, async () => ({ kind: "lang" }));
    case "help":
      return await answer(parts, event, async () => ({ kind: "help" }));
    case "tap":
      return await answerTap(parts, event);
    case "reachable":
      return await report(parts, () => handlers.setReachable(person, event.reachable));
  }
}

interface Asker {
  readonly person: Person;
  readonly chatId: string;
}

async function answer(
  parts: ConversationParts,
  asker: Asker,
  ask: () => Promise<Screen>,
): Promise<void> {
  await sendAnew(parts, asker, await screenFrom(parts, asker.person, ask));
}

// The answer begins while the tap is being decided, and the message changes only then: the person
// sees an answer at once, however long the decision takes, and sees the two in the right order.
async function answerTap(parts: ConversationParts, tap: TapEvent): Promise<void> {
  const tapAnswer = parts.messenger.beginAnswer(tap);
  const spoken = await screenFrom(parts, tap.person, () => decide(parts, tap));
  await showDecided(parts, tap, { spoken, answer: tapAnswer });
}

async function showDecided(
  parts: ConversationParts,
  tap: TapEvent,
  { spoken, answer }: { spoken: Spoken; answer: TapAnswer },
): Promise<void> {
  const { screen, lang } = spoken;
  if (tap.message === null || leavesMessage(tap, screen)) {
    await sendAnew(parts, tap, spoken, tap.data);
    return await answer.leave(screen, lang);
  }
  const delivery = await answer.edit(tap.message, screen, lang);
  if (delivery.kind === "gone") return await sendAnew(parts, tap, spoken, tap.data);
  await conclude(parts, tap.person, { delivery, token: shownToken(screen, tap.data) });
}

async function decide({ handlers }: ConversationParts, tap: TapEvent): Promise<Screen> {
  const lang = parseLangData(tap.data);
  return lang === null
    ? await handlers.tap(tap.person, tap.data)
    : await handlers.chooseLang(tap.person, lang);
}

/**
 * Whether a screen must not take the place of the tapped message. `busy`: the buttons still work
 * and the person may try again. `taken` is about somebody else's session. `stale` takes the place
 * of a message whose own button is dead, since there is nothing left to tap; data that no button of
 * the message carries is forged and must not wipe out a message that works.
 */
function leavesMessage(tap: TapEvent, screen: Screen): boolean {
  if (["busy", "taken"].includes(screen.kind)) return true;
  return screen.kind === "stale" && !tap.onMessage;
}

async function sendAnew(
  parts: ConversationParts,
  asker: Asker,
  { screen, lang }: Spoken,
  tappedData?: string,
): Promise<void> {
  const delivery = await parts.messenger.send(asker.chatId, screen, lang);
  await conclude(parts, asker.person, { delivery, token: shownToken(screen, tappedData) });
}

/**
 * Token of the prompt whose message must be settled later; null when the screen has no such
 * buttons. The button with the code counts, also where it was shown before: the message may have
 * been settled while this edit was under way, or be another one now (T4).
 */
function shownToken(screen: Screen, tappedData = ""): string | null {
  if (screen.kind === "prompt") return screen.token;
  return screen.kind === "confirmed" ? (parseButtonData(tappedData)?.token ?? null) : null;
}

async function conclude(
  parts: ConversationParts,
  person: Person,
  { delivery, token }: { delivery: Delivery; token: string | null },
): Promise<void> {
  if (delivery.kind === "gone") {
    parts.log.error({}, "a new message could not be sent: the messenger knows no such chat");
  } else if (delivery.kind === "blocked") {
    await report(parts, () => parts.handlers.setReachable(person, false));
  } else if (delivery.kind === "shown" && token !== null) {
    await report(parts, () => parts.handlers.shown(token, delivery.message));
  }
}

// The language is asked for after the handler: it may be what the person has just chosen.
async function screenFrom(
  parts: ConversationParts,
  person: Person,
  ask: () => Promise<Screen>,
): Promise<Spoken> {
  try {
    const screen = await ask();
    return { screen, lang: await langFor(parts, person) };
  } catch (error) {
    parts.log.error({ error: parts.describe(error) }, "a bot update could not be handled");
    return { screen: { kind: "busy" }, lang: person.lang };
  }
}

// What was decided must be shown in any case, if need be in the messenger's language.
async function langFor(parts: ConversationParts, person: Person): Promise<string> {
  try {
    return await parts.handlers.langOf(person);
  } catch (error) {
    parts.log.warn({ error: parts.describe(error) }, "a person's language could not be looked up");
    return person.lang;
  }
}

async function report(parts: ConversationParts, tell: () => Promise<void>): Promise<void> {
  try {
    await tell();
  } catch (error) {
    parts.log.error({ error: parts.describe(error) }, "what a person did could not be noted");
  }
}

// A message that is gone, or that the bot may not edit because the person blocked it, needs no more
// work.
async function settlePrompt(parts: ConversationParts, prompt: StalePrompt): Promise<boolean> {
  const { status, grantId, shown, lang, asks, token } = prompt;
  if (shown === null || status === "live" || status === "approved") return true;
  // The person's own login went through: "already used" would read like an error to them.
  const screen: Screen =
    status === "used" && grantId !== null
      ? { kind: "done", subscribeToken: asks ? token : null }
      : { kind: status };
  const delivery = await parts.messenger.edit(shown, screen, lang);
  return delivery.kind !== "failed";
}
