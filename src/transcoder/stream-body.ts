// The body of a streamed response: joins a source of messages and a framing, and hands the bytes to
// whoever writes them. A plain object that is called back, since there may be tens of thousands of
// them.

import type { JsonValue, Message } from "@bufbuild/protobuf";
import type { ByteOutflow, LiveBody } from "./rest-message.ts";
import type { StreamFraming } from "./stream-framing.ts";

/** Takes what a source tells, in turn. */
export interface MessageOutflow {
  /**
   * `isBeat` = it says nothing new: a reader that has not taken what came before need not get it.
   */
  message(message: Message, isBeat: boolean): void;
  /** The last call: null = the source has ended by itself, otherwise why it failed. */
  end(failure: unknown): void;
}

/** Begins to tell messages, not before it has returned. The answer ends that early. */
export type MessageSource = (outflow: MessageOutflow) => { stop(): void };

/** What a stream body is made of. */
export interface StreamBodyParts {
  /** How its messages look. */
  readonly framing: StreamFraming;
  /** Makes the JSON of an error that ends the stream. */
  readonly renderFailure: (error: unknown) => JsonValue;
}

/** A stream body. Its source may end it before anybody writes it. */
export class StreamBody implements LiveBody, MessageOutflow {
  readonly #framing: StreamFraming;
  readonly #renderFailure: (error: unknown) => JsonValue;
  #source: { stop(): void } | null = null;
  #outflow: ByteOutflow | null = null;
  /** What came before there was somebody to write it. */
  #held: Uint8Array[] = [];
  /** Settled by the first thing that is told. */
  #first: PromiseWithResolvers<void> | null = Promise.withResolvers<void>();
  #isOver = false;

  private constructor({ framing, renderFailure }: StreamBodyParts) {
    this.#framing = framing;
    this.#renderFailure = renderFailure;
  }

  /**
   * Starts the source; resolves when the first message is there, or the end. Rejects when the
   * source fails before: such an error still has a status of its own.
   */
  static async open(source: MessageSource, parts: StreamBodyParts): Promise<StreamBody> {
    const body = new StreamBody(parts);
    const first = body.#first?.promise;
    body.#source = source(body);
    await first;
    return body;
  }

  message(message: Message, isBeat: boolean): void {
    if (this.#isOver) return;
    const opening = this.#begin();
    try {
      this.#write([...opening, this.#framing.message(message)], isBeat);
    } catch (error) {
      this.stop();
      this.#write([...opening, this.#framing.failure(this.#renderFailure(error))], false);
      this.#outflow?.end();
    }
  }

  end(failure: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (failure !== null && this.#first !== null) {
      this.#first.reject(failure);
      return;
    }
    const opening = this.#begin();
    const last =
      failure === null ? this.#framing.end() : this.#framing.failure(this.#renderFailure(failure));
    this.#write([...opening, last], false);
    this.#outflow?.end();
  }

  start(outflow: ByteOutflow): void {
    this.#outflow = outflow;
    const held = this.#held;
    this.#held = [];
    for (const bytes of held) outflow.write(bytes, false);
    if (this.#isOver) outflow.end();
  }

  stop(): void {
    this.#isOver = true;
    this.#source?.stop();
  }

  /** What comes before the first message. */
  #begin(): readonly Uint8Array[] {
    if (this.#first === null) return [];
    this.#first.resolve();
    this.#first = null;
    return [this.#framing.open()];
  }

  #write(parts: readonly Uint8Array[], isBeat: boolean): void {
    const [only] = parts;
    const bytes = parts.length === 1 && only !== undefined ? only : joined(parts);
    if (bytes.length === 0) return;
    if (this.#outflow === null) this.#held.push(bytes);
    else this.#outflow.write(bytes, isBeat);
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
