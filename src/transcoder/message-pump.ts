// Takes messages out of a stream one at a time, notices silence, and lets go of the source the moment
// nobody wants more. How messages look on the wire is the framing's.

import type { Message } from "@bufbuild/protobuf";

/** What came out of a stream next. */
export type PumpOutcome =
  | { readonly kind: "message"; readonly message: Message }
  /** The source ended by itself. */
  | { readonly kind: "end" }
  /** The source threw. */
  | { readonly kind: "failure"; readonly error: unknown }
  /** Nothing came for the heartbeat time; the next `take` keeps waiting for the same message. */
  | { readonly kind: "quiet" }
  /** The pump was closed, or its signal aborted. */
  | { readonly kind: "closed" };

/**
 * Pulls from an async iterable. A timer runs only while `take` waits. Closing the pump, or aborting the
 * signal, calls the source's `return()` at once and settles a waiting `take` with `closed`, even when
 * the source itself is stuck in an await and can only be reached by its own signal.
 */
export class MessagePump {
  readonly #source: AsyncIterator<Message>;
  readonly #signal: AbortSignal;
  readonly #heartbeatMs: number;
  readonly #onAbort = () => this.close();
  #isAsked = false;
  #isOver = false;
  #arrived: PumpOutcome | undefined;
  #wake: (() => void) | undefined;

  constructor(source: AsyncIterable<Message>, signal: AbortSignal, heartbeatMs: number) {
    this.#source = source[Symbol.asyncIterator]();
    this.#signal = signal;
    this.#heartbeatMs = heartbeatMs;
    if (signal.aborted) this.close();
    else signal.addEventListener("abort", this.#onAbort, { once: true });
  }

  /** The next outcome. Call it again only after it has settled. */
  async take(): Promise<PumpOutcome> {
    if (this.#isOver) return { kind: "closed" };
    this.#ask();
    if (this.#arrived === undefined) await this.#sleep();
    const outcome = this.#arrived;
    this.#arrived = undefined;
    if (this.#isOver) return { kind: "closed" };
    if (outcome === undefined) return { kind: "quiet" };
    if (outcome.kind !== "message") this.#finish();
    return outcome;
  }

  /** Ends the stream early and releases its source. Closing again does nothing. */
  close(): void {
    if (this.#isOver) return;
    this.#finish();
    // Whatever the source says on its way out, there is nobody left to tell.
    void this.#source.return?.().catch(() => undefined);
    this.#wake?.();
  }

  #finish(): void {
    this.#isOver = true;
    this.#signal.removeEventListener("abort", this.#onAbort);
  }

  #ask(): void {
    if (this.#isAsked) return;
    this.#isAsked = true;
    this.#source.next().then(
      (result) =>
        this.#arrive(
          result.done === true ? { kind: "end" } : { kind: "message", message: result.value },
        ),
      (error: unknown) => this.#arrive({ kind: "failure", error }),
    );
  }

  #arrive(outcome: PumpOutcome): void {
    this.#isAsked = false;
    this.#arrived = outcome;
    this.#wake?.();
  }

  #sleep(): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve();
      };
      const timer = setTimeout(wake, this.#heartbeatMs);
      this.#wake = wake;
    });
  }
}
