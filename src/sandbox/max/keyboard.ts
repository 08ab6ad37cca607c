// Inline keyboards as MAX takes them, and its limits.
// https://dev.max.ru/docs-api/use-cases/sending-messages/keyboard Kinds of button that need more
// than a chat (contact, place, mini-app) are refused: the pretend messenger has none.

import { characterCount } from "../typed-text.ts";
import { badRequest } from "./api-error.ts";

/** A button of one of the four kinds a login may need. */
export type MaxButton =
  | { readonly type: "callback"; readonly text: string; readonly payload: string }
  | { readonly type: "link"; readonly text: string; readonly url: string }
  | { readonly type: "message"; readonly text: string }
  | { readonly type: "clipboard"; readonly text: string; readonly payload: string };

/** Rows of buttons. Empty means no keyboard. */
export type MaxKeyboard = readonly (readonly MaxButton[])[];

const BUTTONS_LIMIT = 210;
const ROWS_LIMIT = 30;
const ROW_LIMIT = 7;
const ROW_WITH_LINK_LIMIT = 3;
const LABEL_LIMIT = 128;
const PAYLOAD_LIMIT = 1024;
const URL_LIMIT = 2048;

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(value: unknown, name: string): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw badRequest(`${name}: object expected`);
  }
  return value as Fields;
}

function textField(fields: Fields, name: string, limit: number): string {
  const value = fields[name];
  if (typeof value !== "string") throw badRequest(`buttons.${name}: string expected`);
  if (characterCount(value) > limit) throw badRequest(`buttons.${name}: max length is ${limit}`);
  return value;
}

function isIpHost(host: string): boolean {
  return host.startsWith("[") || /^\d{1,3}(?:\.\d{1,3}){3}$/.test(host);
}

/**
 * True for a URL that MAX takes in a button: http or https, and a host with a dot or an IP address.
 */
export function isButtonUrl(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, hostname } = new URL(url);
  if (protocol !== "http:" && protocol !== "https:") return false;
  return isIpHost(hostname) || /[^.]\.[^.]/.test(hostname);
}

function linkButton(text: string, fields: Fields): MaxButton {
  const url = textField(fields, "url", URL_LIMIT);
  // The words of the real one: max-messenger/max-bot-api-client-ts#236.
  if (!isButtonUrl(url)) throw badRequest("Must have only http/https links format in buttons");
  return { type: "link", text, url };
}

function parseButton(value: unknown): MaxButton {
  const fields = fieldsOf(value, "buttons");
  const text = textField(fields, "text", LABEL_LIMIT);
  if (text === "") throw badRequest("buttons.text: must not be empty");
  switch (fields.type) {
    case "callback":
    case "clipboard":
      return { type: fields.type, text, payload: textField(fields, "payload", PAYLOAD_LIMIT) };
    case "link":
      return linkButton(text, fields);
    case "message":
      return { type: "message", text };
    default:
      throw badRequest(`buttons.type: ${String(fields.type)} is not taken here`);
  }
}

function parseRow(value: unknown): readonly MaxButton[] {
  if (!Array.isArray(value)) throw badRequest("buttons: array of arrays expected");
  const row = value.map(parseButton);
  const limit = row.some(({ type }) => type === "link") ? ROW_WITH_LINK_LIMIT : ROW_LIMIT;
  if (row.length > limit) throw badRequest(`buttons: at most ${limit} in this row`);
  return row;
}

/**
 * Reads the `payload` of an inline keyboard. Throws 400: no row, over 30 rows, 7 buttons a row (3
 * with a link) or 210 in all; a label of 0 or over 128 characters, a payload over 1024, a URL over
 * 2048 or one that MAX does not take.
 */
export function parseKeyboard(payload: unknown): MaxKeyboard {
  const { buttons } = fieldsOf(payload, "attachments.payload");
  if (!Array.isArray(buttons) || buttons.length === 0)
    throw badRequest("buttons: at least one row");
  if (buttons.length > ROWS_LIMIT) throw badRequest(`buttons: at most ${ROWS_LIMIT} rows`);
  const rows = buttons.map(parseRow);
  if (rows.flat().length > BUTTONS_LIMIT) throw badRequest(`buttons: at most ${BUTTONS_LIMIT}`);
  return rows;
}
