// Inline keyboards: what a bot may put under a message. Other markups (reply keyboards, force
// reply) change nothing in the chat of the pretend messenger, so they are taken and forgotten.

import type { ApiArguments } from "./api-arguments.ts";
import { badRequest } from "./api-error.ts";
import { checkButtonUrl } from "./button-url.ts";

/** A button: it has either a URL, or data that comes back to the bot. */
export interface InlineButton {
  readonly text: string;
  readonly url?: string;
  readonly callback_data?: string;
  /** Colour asked for; the chat page does not show it. */
  readonly style?: string;
}

/** Rows of buttons. Empty means no keyboard. */
export type InlineKeyboard = readonly (readonly InlineButton[])[];

const DATA_LIMIT_BYTES = 64;
const ROW_LIMIT = 12;
const BUTTON_LIMIT = 300;
const UNSUPPORTED = [
  "callback_game",
  "pay",
  "switch_inline_query",
  "switch_inline_query_chosen_chat",
  "switch_inline_query_current_chat",
  "login_url",
  "web_app",
  "copy_text",
];

interface Fields {
  readonly text?: unknown;
  readonly inline_keyboard?: unknown;
  readonly [name: string]: unknown;
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function stringField(fields: Fields, name: string): string {
  const value = fields[name];
  if (value === undefined || value === null) return "";
  if (typeof value === "number") return String(value);
  if (typeof value === "string") return value;
  throw badRequest(`can't parse inline keyboard button: Field "${name}" must be of type String`);
}

function urlButton(text: string, given: string): InlineButton {
  const checked = checkButtonUrl(given);
  if (!checked.ok) throw badRequest(`inline keyboard button ${checked.problem}`);
  return { text, url: checked.url };
}

function dataButton(text: string, data: string): InlineButton {
  // Bytes, not characters: a Russian label fits 32 times at most.
  if (Buffer.byteLength(data) > DATA_LIMIT_BYTES) throw badRequest("BUTTON_DATA_INVALID");
  return { text, callback_data: data };
}

function parseButton(value: unknown): InlineButton {
  if (!isFields(value)) {
    throw badRequest("can't parse inline keyboard button: InlineKeyboardButton must be an Object");
  }
  if (value.text === undefined) {
    throw badRequest("can't parse inline keyboard button: Can't find field \"text\"");
  }
  const text = stringField(value, "text");
  const url = stringField(value, "url");
  const data = stringField(value, "callback_data");
  const style = stringField(value, "style");
  const styled = style === "" ? {} : { style };
  if (url !== "") return { ...urlButton(text, url), ...styled };
  if (data !== "") return { ...dataButton(text, data), ...styled };
  if (UNSUPPORTED.some((name) => value[name] !== undefined))
    throw badRequest("BUTTON_TYPE_INVALID");
  throw badRequest(
    "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
  );
}

function parseRow(value: unknown): readonly InlineButton[] {
  if (!Array.isArray(value)) {
    throw badRequest(
      'field "inline_keyboard" of the InlineKeyboardMarkup must be an Array of Arrays',
    );
  }
  // The real server leaves out buttons without a text and cuts a row that is too long, without a
  // word.
  return value
    .map(parseButton)
    .filter((button) => button.text !== "")
    .slice(0, ROW_LIMIT);
}

function withinLimit(rows: readonly (readonly InlineButton[])[]): InlineKeyboard {
  let left = BUTTON_LIMIT;
  const kept: (readonly InlineButton[])[] = [];
  for (const row of rows) {
    const buttons = row.slice(0, left);
    left -= buttons.length;
    if (buttons.length > 0) kept.push(buttons);
  }
  return kept;
}

/**
 * Reads `reply_markup`. Absent, or another markup than an inline keyboard: an empty keyboard.
 * Throws 400 with Telegram's words: `BUTTON_DATA_INVALID` for data over 64 bytes,
 * `inline keyboard button URL '...' is invalid: ...`, and `BUTTON_TYPE_INVALID` for the kinds of
 * button that the pretend messenger does not have.
 */
export function readKeyboard(args: ApiArguments): InlineKeyboard {
  const markup = args.json("reply_markup", "can't parse reply keyboard markup JSON object");
  if (markup === undefined) return [];
  if (!isFields(markup)) throw badRequest("object expected as reply markup");
  const rows = markup.inline_keyboard ?? [];
  if (!Array.isArray(rows)) throw badRequest('field "inline_keyboard" must be of type Array');
  return withinLimit(rows.map(parseRow));
}
