// What a person did, in words every messenger shares: what src/channels/conversation.ts answers,
// and what is noted so that another process can answer it. How a messenger words its updates is not
// here; each messenger's own file reads those. An event is plain JSON.

import type { MessageRef } from "../core/prompt.ts";
import type { Person } from "../core/subscriber.ts";

/** The person opened a deep link; `payload` is the text after `start=`, unchecked. */
export interface StartEvent {
  readonly kind: "start";
  readonly person: Person;
  readonly chatId: string;
  readonly payload: string;
  /** The person began to use the bot, perhaps again after having stopped it. */
  readonly cameBack?: true;
}

/**
 * The person typed `/stop` or `/lang`, or asked for help: by `/help`, `/start` alone or any other
 * text.
 */
export interface CommandEvent {
  readonly kind: "stop" | "lang" | "help";
  readonly person: Person;
  readonly chatId: string;
  /** As in {@link StartEvent}. */
  readonly cameBack?: true;
}

/** The person tapped a button. */
export interface TapEvent {
  readonly kind: "tap";
  readonly person: Person;
  readonly chatId: string;
  /** What acknowledges the tap. */
  readonly tapId: string;
  /** What the button carried, unchecked: a modified messenger sends anything. */
  readonly data: string;
  /** The message with the button; null when the messenger cannot reach it any more. */
  readonly message: MessageRef | null;
  /** Whether that message really has a button with this data. */
  readonly onMessage: boolean;
  /** MAX's id of the dialog, where it is told: it can be asked for the person's picture. */
  readonly dialogId?: string;
}

/** The person blocked (`reachable` false) or unblocked the bot. */
export interface ReachableEvent {
  readonly kind: "reachable";
  readonly person: Person;
  readonly reachable: boolean;
}

/** What a person did. */
export type BotEvent = StartEvent | CommandEvent | TapEvent | ReachableEvent;

/** An event with what tells its update from every other one of the bot. */
export interface KeyedEvent {
  /** At most 200 characters. */
  readonly key: string;
  readonly event: BotEvent;
}

const KINDS: ReadonlySet<unknown> = new Set<BotEvent["kind"]>([
  "start",
  "stop",
  "lang",
  "help",
  "tap",
  "reachable",
]);

/**
 * Whether a noted value is an event. It was noted by a Tapin, perhaps an older one, so this asks no
 * more than whether there is anything to handle.
 */
export function isBotEvent(value: unknown): value is BotEvent {
  const { kind, person } = Object(value) as { kind?: unknown; person?: { userId?: unknown } };
  return KINDS.has(kind) && typeof person?.userId === "string";
}
