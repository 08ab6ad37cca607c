// The body with which a bot sends or edits a message (NewMessageBody,
// https://dev.max.ru/docs-api/methods/POST/messages). Formatting is not emulated: `format` is
// checked and the text shown as it is sent. Of attachments only keyboards are taken.

import { characterCount } from "../typed-text.ts";
import { badRequest } from "./api-error.ts";
import { type MaxKeyboard, parseKeyboard } from "./keyboard.ts";

/** Longest text, in characters. */
export const TEXT_LIMIT = 4000;

/** What a bot wants a message to be. */
export interface NewMessage {
  /** Undefined: as it is. */
  readonly text: string | undefined;
  /** Undefined: as it is (`attachments` was null or absent); empty: no buttons. */
  readonly keyboard: MaxKeyboard | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isAbsent(value: unknown): value is null | undefined {
  return value === undefined || value === null;
}

function readText(text: unknown): string | undefined {
  if (isAbsent(text)) return undefined;
  if (typeof text !== "string") throw badRequest("text: string expected");
  if (characterCount(text) > TEXT_LIMIT) throw badRequest(`text: max length is ${TEXT_LIMIT}`);
  return text;
}

function readKeyboard(attachments: unknown): MaxKeyboard | undefined {
  if (isAbsent(attachments)) return undefined;
  if (!Array.isArray(attachments)) throw badRequest("attachments: array expected");
  const [attachment, more] = attachments;
  if (attachment === undefined) return [];
  if (more !== undefined) throw badRequest("attachments: only one keyboard is taken here");
  if (!isObject(attachment) || attachment.type !== "inline_keyboard") {
    throw badRequest("attachments.type: only inline_keyboard is taken here");
  }
  return parseKeyboard(attachment.payload);
}

function checkRest({ link, notify, format }: Fields): void {
  const isLink = isObject(link) && ["forward", "reply"].includes(String(link.type));
  if (!isAbsent(link) && !(isLink && typeof link.mid === "string" && link.mid !== "")) {
    throw badRequest("link: type and mid expected");
  }
  if (notify !== undefined && typeof notify !== "boolean")
    throw badRequest("notify: bool expected");
  if (!isAbsent(format) && format !== "markdown" && format !== "html") {
    throw badRequest("format: markdown or html expected");
  }
}

/** Reads a message body. Throws 400 for a wrong type or anything over a limit. */
export function parseNewMessage(body: unknown): NewMessage {
  if (!isObject(body)) throw badRequest("object expected");
  checkRest(body);
  return { text: readText(body.text), keyboard: readKeyboard(body.attachments) };
}

/**
 * What the bot answers to a tap (CallbackAnswer): a new form of the message, or a passing notice,
 * or both.
 */
export interface CallbackAnswer {
  readonly message: NewMessage | undefined;
}

/**
 * Reads an answer. Throws 400 when there is neither a message nor a notice: MAX has no bare
 * acknowledgement.
 */
export function parseCallbackAnswer(body: unknown): CallbackAnswer {
  if (!isObject(body)) throw badRequest("object expected");
  const { message, notification } = body;
  if (!isAbsent(notification) && typeof notification !== "string") {
    throw badRequest("notification: string expected");
  }
  if (isAbsent(message) && !notification) throw badRequest("message or notification required");
  return { message: isAbsent(message) ? undefined : parseNewMessage(message) };
}
