// Bytes to JSON values, strictly: UTF-8, one value, bounded nesting, no doubled keys.
// What the values mean is decided by the JSON input of each message.

import type { JsonValue } from "@bufbuild/protobuf";
import { TranscodeError } from "./transcode-error.ts";

/**
 * Deepest nesting of objects and arrays in a body; everything that walks JSON recurses within it.
 */
export const maxJsonDepth = 100;

const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * Parses a JSON text. A byte order mark is ignored, as RFC 8259 section 8.1 permits. Throws a
 * `TranscodeError` of kind `invalid_request` for anything that is not one JSON value in UTF-8,
 * nests deeper than 100, or has a key twice in one object.
 */
export function parseJsonText(bytes: Uint8Array): JsonValue {
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    throw new TranscodeError("invalid_request", "The body is not valid UTF-8.");
  }
  let value: JsonValue;
  try {
    value = JSON.parse(text) as JsonValue;
  } catch {
    throw new TranscodeError("invalid_request", "The body is not valid JSON.");
  }
  checkStructure(text);
  return value;
}

interface OpenContainer {
  /** Keys seen so far; undefined for an array. */
  readonly keys: Set<string> | undefined;
  key: string;
}

// JSON.parse keeps the last of two equal keys without a word, so the text itself is walked once
// more. It is well-formed by now: only strings need care, all else is punctuation or may be
// skipped.
function checkStructure(text: string): void {
  const open: OpenContainer[] = [];
  let expectsKey = false;
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if (character === '"') {
      const close = endOfString(text, i);
      if (expectsKey) recordKey(open, text.slice(i, close + 1));
      expectsKey = false;
      i = close;
    } else if (character !== undefined && "{}[],".includes(character)) {
      expectsKey = punctuate(open, character);
    }
  }
}

/** Follows the nesting; answers whether a string that comes next is a key. */
function punctuate(open: OpenContainer[], character: string): boolean {
  if (character === ",") return open.at(-1)?.keys !== undefined;
  if (character === "}" || character === "]") {
    open.pop();
    return false;
  }
  const isObject = character === "{";
  open.push({ keys: isObject ? new Set() : undefined, key: "" });
  if (open.length <= maxJsonDepth) return isObject;
  throw new TranscodeError("invalid_request", `The body nests deeper than ${maxJsonDepth} levels.`);
}

function endOfString(text: string, start: number): number {
  let close = text.indexOf('"', start + 1);
  while (isEscaped(text, close)) close = text.indexOf('"', close + 1);
  return close;
}

function isEscaped(text: string, index: number): boolean {
  let backslashes = 0;
  while (text[index - 1 - backslashes] === "\\") backslashes++;
  return backslashes % 2 === 1;
}

function recordKey(open: readonly OpenContainer[], literal: string): void {
  const container = open.at(-1);
  if (container?.keys === undefined) return;
  container.key = literal.includes("\\") ? (JSON.parse(literal) as string) : literal.slice(1, -1);
  if (container.keys.has(container.key)) {
    const objects = open.filter(({ keys }) => keys !== undefined);
    const field = objects.map(({ key }) => key).join(".");
    const violations = [{ field, message: "is given more than once" }];
    throw new TranscodeError("invalid_request", "The body has a key twice.", { violations });
  }
  container.keys.add(container.key);
}
