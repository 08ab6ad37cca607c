// What a person types: how long a text is, and which texts their app sends at all.

import { SandboxError } from "./chat.ts";

/** How many characters (code points) a text has. */
export function characterCount(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

/**
 * What a person types, trimmed. Throws SandboxError `invalid` when it is blank or over `limit`
 * characters.
 */
export function checkTyped(text: string, limit: number): string {
  const trimmed = text.trim();
  if (trimmed === "" || characterCount(trimmed) > limit) {
    throw new SandboxError("invalid", `The text has 1 to ${limit} characters.`, "text");
  }
  return trimmed;
}
