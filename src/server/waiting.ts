// How long a caller waits for its answer: until it goes away, or its own deadline has passed, or
// the server stops. What an AbortSignal says, at the price of a plain object: a signal is made for
// those who ask for one.

import { TapinError } from "../errors.ts";

/** One for all who leave: an error of their own would cost each call its stack. */
const GONE = new TapinError("CANCELED");

/** Somebody who waits, until told otherwise. */
export class Waiting {
  #isOver = false;
  #reason: unknown = null;
  /** Never changed in place: few lists take no more room than they need. */
  #listeners: readonly ((reason: unknown) => void)[] = [];
  #controller: AbortController | null = null;

  /** Somebody who waits until the signal aborts. */
  static until(signal: AbortSignal): Waiting {
    const waiting = new Waiting();
    if (signal.aborted) waiting.end(signal.reason);
    else signal.addEventListener("abort", () => waiting.end(signal.reason), { once: true });
    return waiting;
  }

  /** Whether nobody waits any more. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Throws the reason when nobody waits any more. */
  throwIfOver(): void {
    if (this.#isOver) throw this.#reason;
  }

  /** Ends the wait; what came first is the reason. */
  end(reason: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#reason = reason;
    const listeners = this.#listeners;
    this.#listeners = [];
    for (const listener of listeners) listener(reason);
    this.#controller?.abort(reason);
  }

  /** Ends the wait of a caller that is gone, or has its answer: with `canceled`. */
  leave(): void {
    this.end(GONE);
  }

  /** Calls the listener once, at the end, or now when that has been; the answer takes it back. */
  onOver(listener: (reason: unknown) => void): () => void {
    if (this.#isOver) {
      listener(this.#reason);
      return () => {};
    }
    this.#listeners = this.#listeners.concat(listener);
    return () => {
      this.#listeners = this.#listeners.filter((other) => other !== listener);
    };
  }

  /** Aborts at the end, with its reason. */
  get signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController();
      if (this.#isOver) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }
}

/**
 * Those who wait for streams: when the server stops they are told at once, while other calls may
 * finish.
 */
export class StreamWaits {
  readonly #stopping: AbortSignal;
  readonly #open = new Set<Waiting>();

  /** `stopping` aborts with what they are told. One listener serves all. */
  constructor(stopping: AbortSignal) {
    this.#stopping = stopping;
    stopping.addEventListener("abort", () => {
      for (const waiting of [...this.#open]) waiting.end(stopping.reason);
    });
  }

  /** Ends this wait, too, when the server stops. */
  add(waiting: Waiting): void {
    if (this.#stopping.aborted) waiting.end(this.#stopping.reason);
    if (waiting.isOver) return;
    this.#open.add(waiting);
    waiting.onOver(() => this.#open.delete(waiting));
  }
}
