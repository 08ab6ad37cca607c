// Long polls that wait for something to come: each ends with what came, empty when its time is over
// or the poller leaves, or with an error. What they wait for, and how many may wait at once, is the
// messenger's business.

/** How one poll waits. */
export interface PollWait<Result> {
  /** How long, in seconds. */
  readonly seconds: number;
  /** Aborted when the poller leaves. */
  readonly signal: AbortSignal;
  /**
   * Gives what the poll ends with when there is something, else undefined. Asked at each
   * {@link WaitingPolls.wake}.
   */
  readonly take: () => Result | undefined;
  /** Gives what the poll ends with when nothing came. */
  readonly empty: () => Result;
}

/** Ends one poll, with a result or an error; only the first time counts. */
export type Settle<Result> = (outcome: Result | Error) => void;

interface Waiting<Result> {
  readonly wait: PollWait<Result>;
  readonly settle: Settle<Result>;
}

/** The polls of one bot that wait. */
export class WaitingPolls<Result> {
  readonly #waiting = new Set<Waiting<Result>>();

  /**
   * Waits for something to come. Does not ask `take` at once: whoever has something already need
   * not wait.
   */
  wait(wait: PollWait<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      const settle: Settle<Result> = (outcome) => {
        clearTimeout(timer);
        this.#waiting.delete(waiting);
        if (outcome instanceof Error) reject(outcome);
        else resolve(outcome);
      };
      const end = (): void => settle(wait.empty());
      const timer = setTimeout(end, wait.seconds * 1000);
      const waiting = { wait, settle };
      this.#waiting.add(waiting);
      wait.signal.addEventListener("abort", end, { once: true });
      if (wait.signal.aborted) end();
    });
  }

  /** Something came: asks every waiting poll to take it. */
  wake(): void {
    for (const { wait, settle } of this.#waiting) {
      const taken = wait.take();
      if (taken !== undefined) settle(taken);
    }
  }

  /** Ends every waiting poll with an error. */
  fail(error: Error): void {
    for (const { settle } of this.#waiting) settle(error);
  }

  /**
   * Lets go of every waiting poll: whoever calls ends them, in their own time. They take nothing
   * any more.
   */
  detach(): readonly Settle<Result>[] {
    const detached = [...this.#waiting].map(({ settle }) => settle);
    this.#waiting.clear();
    return detached;
  }
}
