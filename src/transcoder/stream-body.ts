// The body of a streamed response: an iterator of chunks that joins a pump and a framing.
// It is written by hand, not as a generator: return() on a generator waits for its pending await, and a
// reader that goes away must release the source at once.

import type { JsonValue } from "@bufbuild/protobuf";
import type { MessagePump, PumpOutcome } from "./message-pump.ts";
import type { StreamFraming } from "./stream-framing.ts";

const utf8 = new TextEncoder();

/** What a stream body is made of. */
export interface StreamBodyParts {
  /** Where messages come from. */
  readonly pump: MessagePump;
  /** What the pump gave first, taken before the response was begun. */
  readonly first: PumpOutcome;
  /** How they look. */
  readonly framing: StreamFraming;
  /** Makes the JSON of an error that ends the stream. */
  readonly renderFailure: (error: unknown) => JsonValue;
}

/** Chunks to flush one by one. Call `next` again only after it has settled; `return` at any time. */
export class StreamBody implements AsyncIterableIterator<Uint8Array> {
  readonly #parts: StreamBodyParts;
  #isOpened = false;
  #isOver = false;

  constructor(parts: StreamBodyParts) {
    this.#parts = parts;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The next chunk, at the latest after the heartbeat time. */
  async next(): Promise<IteratorResult<Uint8Array>> {
    let text = "";
    while (text === "" && !this.#isOver) text = await this.#nextText();
    return text === ""
      ? { done: true, value: undefined }
      : { done: false, value: utf8.encode(text) };
  }

  /** Ends the stream early: releases the source and any timer. */
  async return(): Promise<IteratorResult<Uint8Array>> {
    this.#isOver = true;
    this.#parts.pump.close();
    return { done: true, value: undefined };
  }

  async #nextText(): Promise<string> {
    const { framing, first, pump } = this.#parts;
    if (this.#isOpened) return this.#write(await pump.take());
    this.#isOpened = true;
    return framing.open() + this.#write(first);
  }

  #write(outcome: PumpOutcome): string {
    const { framing, pump, renderFailure } = this.#parts;
    if (outcome.kind === "quiet") return framing.quiet();
    if (outcome.kind === "message") {
      try {
        return framing.message(outcome.message);
      } catch (error) {
        pump.close();
        return this.#write({ kind: "failure", error });
      }
    }
    this.#isOver = true;
    if (outcome.kind === "closed") return "";
    return outcome.kind === "end" ? framing.end() : framing.failure(renderFailure(outcome.error));
  }
}
