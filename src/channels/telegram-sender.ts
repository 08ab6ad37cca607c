// Shows screens in Telegram: sends and edits messages through the Bot API, retries what may be retried, and
// falls back where the API refuses. Which screen to show is decided elsewhere.

import type { Api } from "grammy/web";
import type { MessageRef, Screen } from "../core/prompt.ts";
import type { BotLog } from "./bot-log.ts";
import type { Delivery, Messenger } from "./conversation.ts";
import { type BotMessage, linksAsText, type MessageButton, renderScreen } from "./messages.ts";
import { pause } from "./pause.ts";
import { createSerialQueue } from "./serial-queue.ts";
import { retryAfterSeconds, telegramFailure } from "./telegram-errors.ts";

/** How often a refused or failed call is tried again. */
const RETRIES = 2;

/** Longest `retry_after` waited for, in seconds: after that the person has given up too. */
const LONGEST_WAIT_SECONDS = 5;

/** Pause before the first retry after a network error or 5xx, in milliseconds; four times that before the second. */
const NETWORK_PAUSE_MS = 250;

/** What a sender is made of. */
export interface SenderParts {
  readonly api: Api;
  readonly log: BotLog;
  /** Turns an error into a text free of secrets. */
  readonly describe: (error: unknown) => string;
}

/** Makes Telegram's side of a conversation. */
export function createTelegramSender(parts: SenderParts): Messenger {
  const edits = createSerialQueue();
  return {
    acknowledge: (tapId) => acknowledge(parts, tapId),
    send: (chatId, screen, lang) => deliver(parts, screen, lang, sendTo(parts.api, chatId, screen)),
    edit: (message, screen, lang) =>
      edits.run(`${message.chatId}:${message.messageId}`, () =>
        deliver(parts, screen, lang, editOf(parts.api, message)),
      ),
  };
}

// Once and without retries: a tap can be acknowledged only for a short time, and only the waiting sign hangs on it.
async function acknowledge({ api, log, describe }: SenderParts, tapId: string): Promise<void> {
  try {
    await api.answerCallbackQuery(tapId);
  } catch (error) {
    if (telegramFailure(error) === "late") return;
    log.warn({ error: describe(error) }, "a tap could not be acknowledged");
  }
}

type Put = (message: BotMessage) => Promise<MessageRef>;

// A prompt and its code must not travel on: a message with only URL buttons keeps them when it is forwarded.
// Previews are off, as the platform's servers would fetch a link with a code in it (T4).
function sendTo(api: Api, chatId: string, screen: Screen): Put {
  const isProtected = screen.kind === "prompt" || screen.kind === "confirmed";
  return async ({ text, rows }) => {
    const sent = await api.sendMessage(Number(chatId), text, {
      link_preview_options: { is_disabled: true },
      ...(isProtected ? { protect_content: true } : {}),
      ...(rows.length > 0 ? { reply_markup: keyboard(rows) } : {}),
    });
    return { chatId, messageId: String(sent.message_id) };
  };
}

function editOf(api: Api, message: MessageRef): Put {
  return async ({ text, rows }) => {
    try {
      await api.editMessageText(Number(message.chatId), Number(message.messageId), text, {
        link_preview_options: { is_disabled: true },
        reply_markup: keyboard(rows),
      });
    } catch (error) {
      // A double tap, or a retry after an answer was lost: the message says already what it should.
      if (telegramFailure(error) !== "unchanged") throw error;
    }
    return message;
  };
}

function keyboard(rows: BotMessage["rows"]) {
  const inline = (button: MessageButton) =>
    "url" in button
      ? { text: button.label, url: button.url }
      : { text: button.label, callback_data: button.data };
  return { inline_keyboard: rows.map((row) => row.map(inline)) };
}

async function deliver(
  parts: SenderParts,
  screen: Screen,
  lang: string,
  put: Put,
): Promise<Delivery> {
  const message = renderScreen(screen, lang);
  try {
    return { kind: "shown", message: await retried(() => putOrLinkAsText(parts, message, put)) };
  } catch (error) {
    return failed(parts, screen, error);
  }
}

async function putOrLinkAsText(
  parts: SenderParts,
  message: BotMessage,
  put: Put,
): Promise<MessageRef> {
  try {
    return await put(message);
  } catch (error) {
    if (telegramFailure(error) !== "link_refused") throw error;
    parts.log.warn(
      { error: parts.describe(error) },
      "Telegram refuses the callback URL in a button, so the link is sent as text",
    );
    return await put(linksAsText(message));
  }
}

function failed({ log, describe }: SenderParts, screen: Screen, error: unknown): Delivery {
  switch (telegramFailure(error)) {
    case "blocked":
      return { kind: "blocked" };
    case "gone":
      return { kind: "gone" };
    default:
      log.error(
        { screen: screen.kind, error: describe(error) },
        "a message could not be shown; what was decided stands",
      );
      return { kind: "failed" };
  }
}

// After 429 it waits as long as the API asks for, else it would only be refused again.
async function retried(call: () => Promise<MessageRef>): Promise<MessageRef> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      const waitMs = attempt < RETRIES ? retryPauseMs(error, attempt) : null;
      if (waitMs === null) throw error;
      await pause(waitMs);
    }
  }
}

function retryPauseMs(error: unknown, attempt: number): number | null {
  const failure = telegramFailure(error);
  if (failure === "unreached") return NETWORK_PAUSE_MS * 4 ** attempt;
  const seconds = retryAfterSeconds(error);
  return seconds !== null && seconds <= LONGEST_WAIT_SECONDS ? seconds * 1000 : null;
}
