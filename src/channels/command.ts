// Reads commands out of what a person typed: `/start payload`, `/stop`, `/lang`. The same in both
// messengers.

import type { CommandEvent } from "./channel-event.ts";

/** A command with what follows it; `name` is in lower case, and empty for a text that is none. */
export interface TypedCommand {
  readonly name: string;
  readonly payload: string;
}

/**
 * Reads a text. `/start@Bot payload` addresses one bot; a command for another bot is a text like
 * any other.
 */
export function readCommand(text: string, username: string | null): TypedCommand {
  const [, name = "", addressee, payload = ""] =
    /^\/([a-z]+)(?:@(\w+))?(?:\s+([\s\S]*))?$/i.exec(text.trim()) ?? [];
  const others =
    addressee !== undefined &&
    username !== null &&
    addressee.toLowerCase() !== username.toLowerCase();
  return others ? { name: "", payload: "" } : { name: name.toLowerCase(), payload };
}

/** The event of a command that opens no deep link: every one that is not known offers help. */
export function commandKind(name: string): CommandEvent["kind"] {
  return name === "stop" || name === "lang" ? name : "help";
}
