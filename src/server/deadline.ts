// Deadlines: an answer comes when its time is up, whether or not the work behind it heeds its signal.

import { TapinError } from "../errors.ts";

/**
 * Milliseconds from a call's beginning within which a unary call is answered and a stream sends its first
 * message. A caller may ask for less, never for more.
 */
export const DEFAULT_DEADLINE_MS = 30_000;

/** By when a piece of work must be done. */
export interface Deadline {
  /** Aborts when the caller is gone, its own deadline has passed, or the server stops. */
  readonly signal: AbortSignal;
  /** Milliseconds left, at least 1; null = no limit but the signal. */
  readonly leftMs: number | null;
  /** Told what work failed with after it was given up, since nobody else will be. */
  onLateFailure(error: unknown): void;
}

/**
 * What the work comes to, or the signal's reason or `deadline_exceeded` as soon as its time is up. Work is not
 * undone then: it goes on, and what it commits stays. Work for a caller that is gone already is not begun.
 */
export async function keepDeadline<T>(begin: () => Promise<T>, deadline: Deadline): Promise<T> {
  const { signal, leftMs, onLateFailure } = deadline;
  signal.throwIfAborted();
  let over = false;
  let cleanUp = () => {};
  const timeUp = new Promise<never>((_, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    const onTime = () => reject(new TapinError("DEADLINE_EXCEEDED"));
    const timer = leftMs === null ? undefined : setTimeout(onTime, leftMs);
    cleanUp = () => {
      over = true;
      signal.removeEventListener("abort", onAbort);
      clearTimeout(timer);
    };
  });
  try {
    const work = begin();
    work.catch((error: unknown) => {
      if (over) onLateFailure(error);
    });
    return await Promise.race([work, timeUp]);
  } finally {
    cleanUp();
  }
}

/** The same for each message of a stream; `leftMs` counts for the first one only. */
export async function* keepStreamDeadline<T>(
  source: AsyncIterable<T>,
  deadline: Deadline,
): AsyncGenerator<T, void, undefined> {
  const iterator = source[Symbol.asyncIterator]();
  let { leftMs } = deadline;
  try {
    for (;;) {
      const next = await keepDeadline(() => iterator.next(), { ...deadline, leftMs });
      if (next.done) return;
      leftMs = null;
      yield next.value;
    }
  } finally {
    // Not waited for: work that hangs would hold up the answer.
    iterator.return?.()?.catch(deadline.onLateFailure);
  }
}
