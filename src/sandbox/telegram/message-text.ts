// The text of a message: its limits and the commands in it. Formatting (parse_mode, entities given
// by the bot) is not emulated: the text is shown as it is sent.

import { characterCount } from "../typed-text.ts";
import { badRequest } from "./api-error.ts";

/** Longest text, in characters (code points). https://core.telegram.org/bots/api#sendmessage */
export const TEXT_LIMIT = 4096;

/** A marked part of a text; offset and length in UTF-16 code units, as Telegram counts them. */
export interface MessageEntity {
  readonly type: "bot_command";
  readonly offset: number;
  readonly length: number;
}

const COMMAND = /(?<![\w/<>])\/[A-Za-z0-9_]{1,64}(?:@[A-Za-z0-9_]{3,32})?(?![\w/<>@])/g;

/** The commands in a text, in order. */
export function commandEntities(text: string): readonly MessageEntity[] {
  return Array.from(text.matchAll(COMMAND), (match) => ({
    type: "bot_command",
    offset: match.index,
    length: match[0].length,
  }));
}

/**
 * The text a bot sends, trimmed as Telegram trims it. Throws 400 when it is empty, blank or over
 * {@link TEXT_LIMIT}; the real server has two wordings for the last, one for sending and one for
 * editing, hence `tooLong`.
 */
export function checkText(
  text: string,
  tooLong: "message is too long" | "MESSAGE_TOO_LONG",
): string {
  if (text === "") throw badRequest("message text is empty");
  const trimmed = text.trim();
  if (trimmed === "") throw badRequest("text must be non-empty");
  if (characterCount(trimmed) > TEXT_LIMIT) throw badRequest(tooLong);
  return trimmed;
}
