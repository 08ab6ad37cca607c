// What a person did, in words every messenger shares: what src/channels/conversation.ts answers. How a
// messenger words its updates is not here; each messenger's own file reads those.

import type { MessageRef } from "../core/prompt.ts";
import type { Person } from "../core/subscriber.ts";

/** The person opened a deep link; `payload` is the text after `start=`, unchecked. */
export interface StartEvent {
  readonly kind: "start";
  readonly person: Person;
  readonly chatId: string;
  readonly payload: string;
}

/** The person typed `/stop`, or asked for help: by `/help`, `/start` alone or any other text. */
export interface CommandEvent {
  readonly kind: "stop" | "help";
  readonly person: Person;
  readonly chatId: string;
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
}

/** The person blocked (`reachable` false) or unblocked the bot. */
export interface ReachableEvent {
  readonly kind: "reachable";
  readonly person: Person;
  readonly reachable: boolean;
}

/** What a person did. */
export type BotEvent = StartEvent | CommandEvent | TapEvent | ReachableEvent;
