// Deadlines: an answer comes when its time is up, whether or not the work behind it heeds its
// signal.

import { TapinError } from "../errors.ts";
import type { Soon } from "../transcoder/soon.ts";
import { Alarms } from "./alarms.ts";
import type { Waiting } from "./waiting.ts";

/**
 * Milliseconds from a call's beginning within which a unary call is answered and a stream sends its
 * first message. A caller may ask for less, never for more.
 */
export const DEFAULT_DEADLINE_MS = 30_000;

/** By when a piece of work must be done. */
export interface Deadline {
  /** Over when the caller is gone, its own deadline has passed, or the server stops. */
  readonly waiting: Pick<Waiting, "throwIfOver" | "onOver">;
  /** Milliseconds left, at least 1; null = no limit but the wait. */
  readonly leftMs: number | null;
  /** Told what work failed with after it was given up, since nobody else will be. */
  onLateFailure(error: unknown): void;
}

/**
 * What the work comes to, or why nobody waits for it, or `deadline_exceeded` as soon as its time is
 * up. Work is not undone then: it goes on, and what it commits stays. Work for a caller that is
 * gone already is not begun.
 */
export function keepDeadline<T>(begin: () => Soon<T>, deadline: Deadline): Soon<T> {
  deadline.waiting.throwIfOver();
  const work = begin();
  return work instanceof Promise ? untilDeadline(work, deadline) : work;
}

/** When work runs out of time. */
export const alarms = new Alarms();

function untilDeadline<T>(
  work: Promise<T>,
  { waiting, leftMs, onLateFailure }: Deadline,
): Promise<T> {
  return new Promise((resolve, reject) => {
    let isGivenUp = false;
    const giveUp = (reason: unknown) => {
      isGivenUp = true;
      cleanUp();
      reject(reason);
    };
    const onTime = () => giveUp(new TapinError("DEADLINE_EXCEEDED"));
    const callOff = leftMs === null ? null : alarms.set(leftMs, onTime);
    const forget = waiting.onOver(giveUp);
    const cleanUp = () => {
      forget();
      callOff?.();
    };
    const onAnswer = (answer: T) => {
      if (isGivenUp) return;
      cleanUp();
      resolve(answer);
    };
    const onFailure = (error: unknown) => {
      if (isGivenUp) onLateFailure(error);
      else giveUp(error);
    };
    work.then(onAnswer, onFailure);
  });
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
