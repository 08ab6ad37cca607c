// Shows screens in MAX: sends and edits messages through its Bot API, at the pace a dialog allows.
// Retries and fallbacks are in delivery.ts; which screen to show is decided elsewhere. The `chatId`
// of a message is the person's id here: dialogs have ids of their own, but a person can always be
// addressed.

import type { MessageRef } from "../core/prompt.ts";
import type { TapEvent } from "./channel-event.ts";
import type { Messenger, TapAnswer } from "./conversation.ts";
import { type DeliveryParts, deliver, type Put } from "./delivery.ts";
import type { MaxButton, MaxClient, MaxMessageBody } from "./max-client.ts";
import { MaxRefusal, maxFailure } from "./max-errors.ts";
import { type BotMessage, type MessageButton, renderScreen } from "./messages.ts";
import { createSpacer, type Spacer } from "./rate-limiter.ts";
import { createSerialQueue, type SerialQueue } from "./serial-queue.ts";

/** Pause between two calls about one dialog, in milliseconds: MAX takes two a second. */
const DIALOG_SPACING_MS = 500;

/**
 * Longest label of a button, in characters, and most buttons in a row, without and with a link
 * among them.
 */
const KEYBOARD_LIMITS = { label: 128, row: 7, rowWithLink: 3 };

/** Longest notice, in characters: it is one line over the chat. */
const NOTICE_LIMIT = 200;

/** What a sender is made of. */
export interface MaxSenderParts extends DeliveryParts {
  readonly client: MaxClient;
  /** Default 500. */
  readonly dialogSpacingMs?: number;
}

interface Sender extends MaxSenderParts {
  /** What is shown in one dialog is shown in order. */
  readonly dialogs: SerialQueue;
  readonly spacer: Spacer;
}

/** Makes MAX's side of a conversation. */
export function createMaxSender(parts: MaxSenderParts): Messenger {
  const spacer = createSpacer(parts.dialogSpacingMs ?? DIALOG_SPACING_MS);
  const sender: Sender = { ...parts, dialogs: createSerialQueue(), spacer };
  const inDialog = (chatId: string, put: Put): Messenger["send"] => {
    return (_, screen, lang) =>
      sender.dialogs.run(chatId, () => deliver(parts, { screen, lang }, put));
  };
  return {
    beginAnswer: (tap) => tapAnswer(sender, tap),
    send: (chatId, screen, lang) => inDialog(chatId, sendTo(sender, chatId))(chatId, screen, lang),
    edit: (message, screen, lang) =>
      inDialog(message.chatId, editOf(sender, message))(message.chatId, screen, lang),
  };
}

// There is no call that only ends the waiting sign: the answer changes the message in one go
// (https://dev.max.ru/docs-api/methods/POST/answers), so it waits for the decision.
function tapAnswer(sender: Sender, tap: TapEvent): TapAnswer {
  return {
    edit: (message, screen, lang) =>
      sender.dialogs.run(tap.chatId, () =>
        deliver(sender, { screen, lang }, answerOrEdit(sender, tap, message)),
      ),
    leave: (screen, lang) =>
      sender.dialogs.run(tap.chatId, () =>
        notify(sender, tap, renderScreen(screen, lang).text.slice(0, NOTICE_LIMIT)),
      ),
  };
}

function sendTo({ client, spacer }: Sender, chatId: string): Put {
  return async (message) => {
    const body = bodyOf(message);
    const messageId = await spacer.run(chatId, () => client.sendMessage(chatId, body));
    return { chatId, messageId };
  };
}

function editOf({ client, spacer, errors }: Sender, message: MessageRef): Put {
  return async (content) => {
    try {
      const body = bodyOf(content);
      await spacer.run(message.chatId, () => client.editMessage(message.messageId, body));
    } catch (error) {
      const failure = errors.failureOf(error);
      // MAX does not say how it refuses to change a message: whatever it was, a new one can say the
      // same.
      if (failure === "refused" && error instanceof MaxRefusal) throw asGone(error);
      if (failure !== "unchanged") throw error;
    }
    return message;
  };
}

function asGone({ message, code, text }: MaxRefusal): MaxRefusal {
  return new MaxRefusal({ call: message, status: 404, code, text });
}

function answerOrEdit(sender: Sender, tap: TapEvent, message: MessageRef): Put {
  const { client, spacer, errors } = sender;
  const edit = editOf(sender, message);
  let isAnswerable = true;
  return async (content) => {
    if (!isAnswerable) return await edit(content);
    try {
      const body = bodyOf(content);
      await spacer.run(tap.chatId, () => client.answer(tap.tapId, { message: body }));
      return message;
    } catch (error) {
      if (!isTapOver(errors.failureOf(error)) || isMessageGone(error)) throw error;
      // Too late to answer the tap; its message may still be changed.
      isAnswerable = false;
      return await edit(content);
    }
  };
}

// A 404 is about the tap; a success that is none is about the message.
function isMessageGone(error: unknown): boolean {
  return error instanceof MaxRefusal && error.status === 200 && maxFailure(error) === "gone";
}

function isTapOver(failure: ReturnType<DeliveryParts["errors"]["failureOf"]>): boolean {
  return failure !== null && ["late", "gone", "refused", "unchanged"].includes(failure);
}

// Once and without retries: the message that matters is sent already.
async function notify(
  { client, spacer, errors, log }: Sender,
  tap: TapEvent,
  notification: string,
): Promise<void> {
  try {
    await spacer.run(tap.chatId, () => client.answer(tap.tapId, { notification }));
  } catch (error) {
    if (isTapOver(errors.failureOf(error))) return;
    log.warn({ error: errors.describe(error) }, "a tap could not be acknowledged");
  }
}

/**
 * A message as MAX takes it: plain text, and an empty list of attachments where there are no
 * buttons.
 */
export function bodyOf({ text, rows }: BotMessage): MaxMessageBody {
  const buttons = rows.flatMap(fitRow);
  if (buttons.length === 0) return { text, attachments: [] };
  return { text, attachments: [{ type: "inline_keyboard", payload: { buttons } }] };
}

function fitRow(row: readonly MessageButton[]): MaxButton[][] {
  const hasLink = row.some((button) => "url" in button);
  const size = hasLink ? KEYBOARD_LIMITS.rowWithLink : KEYBOARD_LIMITS.row;
  const fitted: MaxButton[][] = [];
  for (let start = 0; start < row.length; start += size) {
    fitted.push(row.slice(start, start + size).map(buttonOf));
  }
  return fitted;
}

function buttonOf(button: MessageButton): MaxButton {
  const text = Array.from(button.label).slice(0, KEYBOARD_LIMITS.label).join("");
  return "url" in button
    ? { type: "link", text, url: button.url }
    : { type: "callback", text, payload: button.data };
}
