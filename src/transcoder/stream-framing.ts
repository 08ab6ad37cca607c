// How a stream of messages looks on the wire: server-sent events (WHATWG HTML section 9.2) or
// newline-delimited JSON. When to write is decided by the stream body.

import type { JsonValue, Message } from "@bufbuild/protobuf";
import { remember } from "./remember.ts";

/** Media type of server-sent events. */
export const eventStreamMediaType = "text/event-stream";
/** Media type of newline-delimited JSON. */
export const jsonLinesMediaType = "application/x-ndjson";

/** Turns what happens in one stream into bytes. What is empty writes nothing. */
export interface StreamFraming {
  /** What comes before anything else. */
  open(): Uint8Array;
  /** One message. Throws when the message cannot be written. */
  message(message: Message): Uint8Array;
  /** The last bytes of a stream that ended by itself. */
  end(): Uint8Array;
  /** The last bytes of a stream that failed, with the error as JSON. */
  failure(error: JsonValue): Uint8Array;
}

/**
 * The framing of a new stream; `seenId` is what its reader has seen already, undefined = nothing.
 */
export type NewFraming = (seenId: string | undefined) => StreamFraming;

/** What both framings need to know of the messages. */
export interface MessageText {
  /** The message as JSON on one line. */
  json(message: Message): string;
  /** The id to resume from; undefined when the stream has none. */
  id(message: Message): string | undefined;
}

const utf8 = new TextEncoder();
const nothing = new Uint8Array();
const heartbeat = utf8.encode(": heartbeat\n\n");

/** A message as an event. */
interface Event {
  readonly id: string | undefined;
  readonly bytes: Uint8Array;
}

/** What the streams of a route have in common. */
interface EventForm {
  readonly retry: Uint8Array;
  eventOf(message: Message): Event;
}

/**
 * Server-sent events: `retry:` first, then `id:`, `event:` and `data:` for each message, and a
 * final `event: end` or `event: error`. A message with the id of the one before is a heartbeat: a
 * comment. `seenId` is what the reader resumes from, so that the message it has seen is not
 * doubled.
 */
export function eventStreamFraming(
  text: MessageText,
  { event, retryMs }: { event: string; retryMs: number },
): NewFraming {
  const form: EventForm = {
    retry: utf8.encode(`retry: ${retryMs}\n\n`),
    eventOf: remember((message: Message) => {
      const id = text.id(message);
      // An id with a line break would forge fields, and one with NUL is ignored by every browser.
      const idLine = id === undefined || /[\0\r\n]/.test(id) ? "" : `id: ${id}\n`;
      const bytes = utf8.encode(`${idLine}event: ${event}\ndata: ${text.json(message)}\n\n`);
      return { id, bytes };
    }),
  };
  return (seenId) => new EventFraming(form, seenId);
}

class EventFraming implements StreamFraming {
  readonly #form: EventForm;
  #lastId: string | undefined;
  #isResumed: boolean;
  /** What the reader says it has seen already, until something newer comes. */
  #held: Event | undefined;

  constructor(form: EventForm, seenId: string | undefined) {
    this.#form = form;
    this.#lastId = seenId;
    this.#isResumed = seenId !== undefined;
  }

  open(): Uint8Array {
    return this.#form.retry;
  }

  message(message: Message): Uint8Array {
    const event = this.#form.eventOf(message);
    if (event.id !== undefined && event.id === this.#lastId) {
      if (this.#isResumed) this.#held = event;
      return heartbeat;
    }
    this.#isResumed = false;
    this.#held = undefined;
    this.#lastId = event.id;
    return event.bytes;
  }

  /** A reader that resumes at the very end may have lost the last message: it is told once more. */
  end(): Uint8Array {
    const end = utf8.encode("event: end\ndata: {}\n\n");
    return this.#held === undefined ? end : Uint8Array.of(...this.#held.bytes, ...end);
  }

  failure(error: JsonValue): Uint8Array {
    return utf8.encode(`event: error\ndata: ${JSON.stringify(error)}\n\n`);
  }
}

/** Newline-delimited JSON: one message a line; an error is a last line. */
export function jsonLinesFraming(text: MessageText): NewFraming {
  const framing: StreamFraming = {
    open: () => nothing,
    message: remember((message: Message) => utf8.encode(`${text.json(message)}\n`)),
    end: () => nothing,
    failure: (error) => utf8.encode(`${JSON.stringify(error)}\n`),
  };
  return () => framing;
}
