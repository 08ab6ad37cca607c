// How a stream of messages looks on the wire: server-sent events (WHATWG HTML section 9.2) or
// newline-delimited JSON. When to write is decided by the stream body.

import type { JsonValue, Message } from "@bufbuild/protobuf";

/** Media type of server-sent events. */
export const eventStreamMediaType = "text/event-stream";
/** Media type of newline-delimited JSON. */
export const jsonLinesMediaType = "application/x-ndjson";

/** Turns what happens in one stream into text. An empty text writes nothing. */
export interface StreamFraming {
  /** What comes before anything else. */
  open(): string;
  /** One message. Throws when the message cannot be written. */
  message(message: Message): string;
  /** A sign of life when nothing else came. */
  quiet(): string;
  /** The last text of a stream that ended by itself. */
  end(): string;
  /** The last text of a stream that failed, with the error as JSON. */
  failure(error: JsonValue): string;
}

/** What both framings need to know of the messages. */
export interface MessageText {
  /** The message as JSON on one line. */
  json(message: Message): string;
  /** The id to resume from; undefined when the stream has none. */
  id(message: Message): string | undefined;
}

const heartbeat = ": heartbeat\n\n";

/**
 * Server-sent events: `retry:` first, then `id:`, `event:` and `data:` for each message, and a final
 * `event: end` or `event: error`. A message with the id of the one before is a heartbeat: a comment. `seenId`
 * is what the reader resumes from, so that the message it has seen is not doubled.
 */
export function eventStreamFraming(
  text: MessageText,
  options: { event: string; retryMs: number; seenId?: string | undefined },
): StreamFraming {
  let lastId = options.seenId;
  // What the reader says it has seen already, until something newer comes.
  let held: Message | undefined;
  let isResumed = lastId !== undefined;
  const render = (message: Message) => {
    const id = text.id(message);
    // An id with a line break would forge fields, and one with NUL is ignored by every browser.
    const idLine = id === undefined || /[\0\r\n]/.test(id) ? "" : `id: ${id}\n`;
    return `${idLine}event: ${options.event}\ndata: ${text.json(message)}\n\n`;
  };
  return {
    open: () => `retry: ${options.retryMs}\n\n`,
    message: (message) => {
      const id = text.id(message);
      if (id !== undefined && id === lastId) {
        if (isResumed) held = message;
        return heartbeat;
      }
      isResumed = false;
      held = undefined;
      lastId = id;
      return render(message);
    },
    quiet: () => heartbeat,
    // A reader that resumes at the very end may have lost the last message: it is told once more.
    end: () => `${held === undefined ? "" : render(held)}event: end\ndata: {}\n\n`,
    failure: (error) => `event: error\ndata: ${JSON.stringify(error)}\n\n`,
  };
}

/** Newline-delimited JSON: one message a line; silence repeats the last line; an error is a last line. */
export function jsonLinesFraming(text: MessageText): StreamFraming {
  let lastLine = "";
  return {
    open: () => "",
    message: (message) => {
      lastLine = `${text.json(message)}\n`;
      return lastLine;
    },
    quiet: () => lastLine,
    end: () => "",
    failure: (error) => `${JSON.stringify(error)}\n`,
  };
}
