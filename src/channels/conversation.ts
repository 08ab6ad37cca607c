// The conversation with a person: for every event, which handler is asked and how its screen reaches the
// person. The same for every messenger; what a messenger's API looks like is behind the Messenger interface.

import type { BotHandlers } from "../core/ports.ts";
import { type MessageRef, type Prompt, parseButtonData, type Screen } from "../core/prompt.ts";
import type { Person } from "../core/subscriber.ts";
import type { BotLog } from "./bot-log.ts";
import type { BotEvent, TapEvent } from "./channel-event.ts";
import { waitAtMost } from "./pause.ts";

/**
 * What became of showing a screen. `gone`: there is no such message to edit any more. `blocked`: the person does
 * not want to hear from the bot. `failed`: given up after retries, and logged.
 */
export type Delivery =
  | { readonly kind: "shown"; readonly message: MessageRef }
  | { readonly kind: "gone" | "blocked" | "failed" };

/** A messenger, as a conversation needs it. No method rejects: what fails is logged and answered. */
export interface Messenger {
  /** Ends the waiting sign on a tapped button. */
  acknowledge(tapId: string): Promise<void>;
  /** Sends the screen as a new message. */
  send(chatId: string, screen: Screen, lang: string): Promise<Delivery>;
  /** Changes a message into the screen. Edits of one message happen in order. */
  edit(message: MessageRef, screen: Screen, lang: string): Promise<Delivery>;
}

/** Answers people. */
export interface Conversation {
  /** Answers one event; resolves when everything about it is done. Never rejects. */
  handle(event: BotEvent): Promise<void>;
  /** Edits a prompt that is over to what became of it, without buttons. Never rejects. */
  settle(prompt: Prompt): Promise<void>;
}

/** What a conversation is made of. */
export interface ConversationParts {
  readonly handlers: BotHandlers;
  readonly messenger: Messenger;
  readonly log: BotLog;
  /** Turns an error into a text free of secrets. */
  readonly describe: (error: unknown) => string;
}

/** How long an edit waits for the tap to be acknowledged, in milliseconds: order is worth only so much. */
const ACKNOWLEDGE_WAIT_MS = 1000;

/** Makes a conversation. */
export function createConversation(parts: ConversationParts): Conversation {
  return {
    handle: (event) => handleEvent(parts, event),
    settle: (prompt) => settlePrompt(parts, prompt),
  };
}

async function handleEvent(parts: ConversationParts, event: BotEvent): Promise<void> {
  const { handlers } = parts;
  switch (event.kind) {
    case "start":
      return await answer(parts, event, () => handlers.start(event.person, event.payload));
    case "stop":
      return await answer(parts, event, () => handlers.stop(event.person));
    case "help":
      return await answer(parts, event, async () => ({ kind: "help" }));
    case "tap":
      return await answerTap(parts, event);
    case "reachable":
      return await report(parts, () => handlers.setReachable(event.person, event.reachable));
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
  await sendAnew(parts, asker, await screenFrom(parts, ask));
}

// The tap is acknowledged while it is being decided, and the message changed only then: the person sees an
// answer at once, however long the decision takes, and sees the two in the right order.
async function answerTap(parts: ConversationParts, tap: TapEvent): Promise<void> {
  const acknowledged = parts.messenger.acknowledge(tap.tapId);
  const screen = await screenFrom(parts, () => parts.handlers.tap(tap.person, tap.data));
  await waitAtMost(acknowledged, ACKNOWLEDGE_WAIT_MS);
  if (tap.message === null || leavesMessage(tap, screen)) {
    return await sendAnew(parts, tap, screen, tap.data);
  }
  const delivery = await parts.messenger.edit(tap.message, screen, tap.person.lang);
  if (delivery.kind === "gone") return await sendAnew(parts, tap, screen, tap.data);
  await conclude(parts, tap.person, { delivery, token: newToken(screen) });
}

/**
 * Whether a screen must not take the place of the tapped message. `busy`: the buttons still work and the person
 * may try again. `taken` is about somebody else's session. `stale` takes the place of a message whose own button
 * is dead, since there is nothing left to tap; data that no button of the message carries is forged and must not
 * wipe out a message that works.
 */
function leavesMessage(tap: TapEvent, screen: Screen): boolean {
  if (screen.kind === "busy" || screen.kind === "taken") return true;
  return screen.kind === "stale" && !tap.onMessage;
}

async function sendAnew(
  parts: ConversationParts,
  asker: Asker,
  screen: Screen,
  tappedData?: string,
): Promise<void> {
  const delivery = await parts.messenger.send(asker.chatId, screen, asker.person.lang);
  // The button with the code is in another message from now on: that one must be settled later (T4).
  const moved = screen.kind === "confirmed" ? parseButtonData(tappedData ?? "")?.token : undefined;
  await conclude(parts, asker.person, { delivery, token: newToken(screen) ?? moved ?? null });
}

function newToken(screen: Screen): string | null {
  return screen.kind === "prompt" ? screen.token : null;
}

async function conclude(
  parts: ConversationParts,
  person: Person,
  { delivery, token }: { delivery: Delivery; token: string | null },
): Promise<void> {
  if (delivery.kind === "blocked") {
    await report(parts, () => parts.handlers.setReachable(person, false));
  } else if (delivery.kind === "shown" && token !== null) {
    await report(parts, () => parts.handlers.shown(token, delivery.message));
  }
}

async function screenFrom(parts: ConversationParts, ask: () => Promise<Screen>): Promise<Screen> {
  try {
    return await ask();
  } catch (error) {
    parts.log.error({ error: parts.describe(error) }, "a bot update could not be handled");
    return { kind: "busy" };
  }
}

async function report(parts: ConversationParts, tell: () => Promise<void>): Promise<void> {
  try {
    await tell();
  } catch (error) {
    parts.log.error({ error: parts.describe(error) }, "what a person did could not be noted");
  }
}

async function settlePrompt(parts: ConversationParts, prompt: Prompt): Promise<void> {
  const { status, shown, lang } = prompt;
  if (shown === null || status === "live" || status === "approved") return;
  await parts.messenger.edit(shown, { kind: status }, lang);
}
