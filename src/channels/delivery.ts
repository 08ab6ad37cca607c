// Brings a screen onto a person's phone: renders it, tries again where that may help, writes a
// refused link out as text, and tells what became of it. The one call that puts the message there
// is each messenger's own.

import type { MessageRef, Screen } from "../core/prompt.ts";
import type { BotLog } from "./bot-log.ts";
import type { Delivery } from "./conversation.ts";
import type { ErrorReader } from "./failure.ts";
import { type BotMessage, linksAsText, renderScreen } from "./messages.ts";
import { pause } from "./pause.ts";

/** How often a call is tried again after a network error or 5xx. */
const NETWORK_RETRIES = 2;

/**
 * How often a call is tried again after 429: the pauses are the messenger's own, so patience pays.
 */
const BUSY_RETRIES = 4;

/** Longest pause a messenger may ask for, in seconds: after that the person has given up too. */
const LONGEST_WAIT_SECONDS = 5;

/**
 * Pause before the first retry after a network error or 5xx, in milliseconds; four times that
 * before the second.
 */
const NETWORK_PAUSE_MS = 250;

/** Sends or changes one message; the answer says where it is. */
export type Put = (message: BotMessage) => Promise<MessageRef>;

/** What a delivery needs. */
export interface DeliveryParts {
  /** The messenger's name, for the log. */
  readonly name: string;
  readonly errors: ErrorReader;
  readonly log: BotLog;
}

/** What is shown. */
export interface Shown {
  readonly screen: Screen;
  readonly lang: string;
}

/** Delivers a screen. Never rejects: a failure is logged and answered. */
export async function deliver(parts: DeliveryParts, shown: Shown, put: Put): Promise<Delivery> {
  const message = renderScreen(shown.screen, shown.lang);
  try {
    const at = await retried(parts.errors, () => putOrLinkAsText(parts, message, put));
    return { kind: "shown", message: at };
  } catch (error) {
    return failed(parts, shown.screen, error);
  }
}

async function putOrLinkAsText(
  { name, errors, log }: DeliveryParts,
  message: BotMessage,
  put: Put,
): Promise<MessageRef> {
  try {
    return await put(message);
  } catch (error) {
    if (errors.failureOf(error) !== "link_refused") throw error;
    log.warn(
      { error: errors.describe(error) },
      `${name} refuses the callback URL in a button, so the link is sent as text`,
    );
    return await put(linksAsText(message));
  }
}

function failed({ errors, log }: DeliveryParts, screen: Screen, error: unknown): Delivery {
  switch (errors.failureOf(error)) {
    case "blocked":
      return { kind: "blocked" };
    case "gone":
      return { kind: "gone" };
    default:
      log.error(
        { screen: screen.kind, error: errors.describe(error) },
        "a message could not be shown; what was decided stands",
      );
      return { kind: "failed" };
  }
}

// After 429 it waits as long as the messenger asks for, else it would only be refused again.
async function retried<T>(errors: ErrorReader, call: () => Promise<T>): Promise<T> {
  const tries = { network: 0, busy: 0 };
  for (;;) {
    try {
      return await call();
    } catch (error) {
      const waitMs = retryPauseMs(errors, error, tries);
      if (waitMs === null) throw error;
      await pause(waitMs);
    }
  }
}

function retryPauseMs(
  errors: ErrorReader,
  error: unknown,
  tries: { network: number; busy: number },
): number | null {
  switch (errors.failureOf(error)) {
    case "unreached":
      if (tries.network >= NETWORK_RETRIES) return null;
      return NETWORK_PAUSE_MS * 4 ** tries.network++;
    case "too_many": {
      const seconds = errors.retryAfterSeconds(error) ?? 1;
      if (tries.busy++ >= BUSY_RETRIES || seconds > LONGEST_WAIT_SECONDS) return null;
      return seconds * 1000;
    }
    default:
      return null;
  }
}
