// Shows screens in Telegram: sends and edits messages through the Bot API. Retries and fallbacks
// are in delivery.ts; which screen to show is decided elsewhere.

import type { Api } from "grammy/web";
import type { MessageRef, Screen } from "../core/prompt.ts";
import type { Messenger } from "./conversation.ts";
import { type DeliveryParts, deliver, type Put } from "./delivery.ts";
import { unreached } from "./grammy.ts";
import { createLine, type Line } from "./line.ts";
import type { BotMessage, MessageButton } from "./messages.ts";
import { waitAtMost } from "./pause.ts";
import { createRateLimiter, type RateLimiter } from "./rate-limiter.ts";
import { createSerialQueue } from "./serial-queue.ts";

/**
 * How long an edit waits for the tap to be acknowledged, in milliseconds: order is worth only so
 * much.
 */
const ACKNOWLEDGE_WAIT_MS = 1000;

/**
 * New messages in any stretch of time: 25 a second, evenly. Telegram takes about 30 a second
 * (https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this), and on the way
 * they move closer.
 */
const SENDING = { limit: 5, windowMs: 200 };

/**
 * Calls under way at once, more than any messenger in good health needs. In a crowd each would else
 * take a connection of its own, answers would not come within the time of a call, and be lost
 * though they only need to wait.
 */
const CALLS_AT_ONCE = 100;

/**
 * Milliseconds a call waits in line before it counts as one that never got through. With the 15 s
 * of a call itself all tries of a delivery are over within the 90 s after which another process
 * takes up what this one has in hand.
 */
const LINE_WAIT_MS = 12_000;

/** What a sender is made of. */
export interface SenderParts extends DeliveryParts {
  readonly api: Api;
}

interface Sender extends SenderParts {
  readonly inLine: Line;
}

/** Makes Telegram's side of a conversation. */
export function createTelegramSender(given: SenderParts): Messenger {
  const parts: Sender = {
    ...given,
    inLine: createLine(CALLS_AT_ONCE, {
      waitMs: LINE_WAIT_MS,
      late: () => unreached("it waited in line for too long"),
    }),
  };
  const edits = createSerialQueue();
  const sending = createRateLimiter(SENDING);
  const edit: Messenger["edit"] = (message, screen, lang) =>
    edits.run(`${message.chatId}:${message.messageId}`, () =>
      deliver(parts, { screen, lang }, editOf(parts, message)),
    );
  return {
    beginAnswer(tap) {
      const acknowledged = acknowledge(parts, tap.tapId);
      return {
        async edit(message, screen, lang) {
          await waitAtMost(acknowledged, ACKNOWLEDGE_WAIT_MS);
          return await edit(message, screen, lang);
        },
        leave: () => acknowledged,
      };
    },
    send: (chatId, screen, lang) =>
      deliver(parts, { screen, lang }, sendTo(parts, { chatId, screen, sending })),
    edit,
  };
}

// Once and without retries: a tap can be acknowledged only for a short time, and only the waiting
// sign hangs on it.
async function acknowledge(sender: Sender, tapId: string): Promise<void> {
  const { api, errors, log, inLine } = sender;
  try {
    await inLine(() => api.answerCallbackQuery(tapId));
  } catch (error) {
    if (errors.failureOf(error) === "late") return;
    log.warn({ error: errors.describe(error) }, "a tap could not be acknowledged");
  }
}

interface Sending {
  readonly chatId: string;
  readonly screen: Screen;
  readonly sending: RateLimiter;
}

// A prompt and its code must not travel on: a message with only URL buttons keeps them when it is
// forwarded. Previews are off, as the platform's servers would fetch a link with a code in it (T4).
function sendTo({ api, inLine }: Sender, { chatId, screen, sending }: Sending): Put {
  const isProtected = screen.kind === "prompt" || screen.kind === "confirmed";
  return async ({ text, rows }) => {
    await sending.turn();
    const options = {
      link_preview_options: { is_disabled: true },
      ...(isProtected ? { protect_content: true } : {}),
      ...(rows.length > 0 ? { reply_markup: keyboard(rows) } : {}),
    };
    const sent = await inLine(() => api.sendMessage(Number(chatId), text, options));
    return { chatId, messageId: String(sent.message_id) };
  };
}

function editOf({ api, errors, inLine }: Sender, message: MessageRef): Put {
  const [chatId, messageId] = [Number(message.chatId), Number(message.messageId)];
  return async ({ text, rows }) => {
    const options = { link_preview_options: { is_disabled: true }, reply_markup: keyboard(rows) };
    try {
      await inLine(() => api.editMessageText(chatId, messageId, text, options));
    } catch (error) {
      // A double tap, or a retry after an answer was lost: the message says already what it should.
      if (errors.failureOf(error) !== "unchanged") throw error;
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
