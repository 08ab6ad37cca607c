// Who waits for which session in this process, and who for the bots of projects. A notification only wakes:
// what has changed is read from the row. Where notifications come from is the business of postgres.ts and
// pglite.ts.

import type { ChangeFeed, SessionFollower } from "../core/ports.ts";

type Outcome = "changed" | "timeout" | "aborted";

/** Longest delay a timer takes; a longer one would fire at once. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** The followers of all sessions, and the listeners for bots. Each must be closed, or it stays. */
export class ChangeHub implements ChangeFeed {
  readonly #followers = new Map<string, Set<Follower>>();
  readonly #botListeners = new Set<() => void>();

  /** Followers that are not closed: 0 once nobody watches. */
  get size(): number {
    let size = 0;
    for (const followers of this.#followers.values()) size += followers.size;
    return size;
  }

  /** Hears the session from now on: follow first, then read the row, and no change is missed. */
  follow(sessionId: string): SessionFollower {
    const followers = this.#followers.get(sessionId) ?? new Set();
    const follower = new Follower(() => {
      followers.delete(follower);
      if (followers.size === 0 && this.#followers.get(sessionId) === followers) {
        this.#followers.delete(sessionId);
      }
    });
    this.#followers.set(sessionId, followers.add(follower));
    return follower;
  }

  /** Calls back from now on: listen first, then read the rows. A listener must not throw. */
  onBotsChanged(listener: () => void): () => void {
    // The same function may listen twice, and each of the two ends on its own.
    const entry = () => listener();
    this.#botListeners.add(entry);
    return () => this.#botListeners.delete(entry);
  }

  /** Tells the listeners that a project's bot changed. */
  wakeBots(): void {
    for (const listener of [...this.#botListeners]) listener();
  }

  /** Wakes whoever follows this session. */
  wake(sessionId: string): void {
    for (const follower of this.#followers.get(sessionId) ?? []) follower.wake();
  }

  /** Wakes whoever follows one of these sessions: what a notification carries, ids with commas. */
  wakeEach(sessionIds: string): void {
    for (const sessionId of sessionIds.split(",")) this.wake(sessionId);
  }

  /** Wakes everyone: notifications may have been missed. */
  wakeAll(): void {
    for (const sessionId of this.#followers.keys()) this.wake(sessionId);
    this.wakeBots();
  }

  /** Ends every wait as aborted and forgets the followers and listeners. */
  close(): void {
    this.#botListeners.clear();
    for (const followers of [...this.#followers.values()]) {
      for (const follower of [...followers]) follower.close();
    }
  }
}

class Follower implements SessionFollower {
  readonly #forget: () => void;
  readonly #waiters = new Set<(outcome: Outcome) => void>();
  #missed = false;
  #closed = false;

  constructor(forget: () => void) {
    this.#forget = forget;
  }

  next(timeoutMs: number, signal: AbortSignal): Promise<Outcome> {
    if (this.#closed || signal.aborted) return Promise.resolve("aborted");
    if (this.#missed) {
      this.#missed = false;
      return Promise.resolve("changed");
    }
    return new Promise((resolve) => {
      const settle = (outcome: Outcome) => {
        clearTimeout(timer);
        signal.removeEventListener("abort", abort);
        this.#waiters.delete(settle);
        resolve(outcome);
      };
      const abort = () => settle("aborted");
      const timer = setTimeout(() => settle("timeout"), Math.min(timeoutMs, MAX_TIMEOUT_MS));
      signal.addEventListener("abort", abort);
      this.#waiters.add(settle);
    });
  }

  wake(): void {
    if (this.#waiters.size === 0) this.#missed = true;
    else this.#settle("changed");
  }

  close(): void {
    this.#closed = true;
    this.#forget();
    this.#settle("aborted");
  }

  #settle(outcome: Outcome): void {
    for (const settle of [...this.#waiters]) settle(outcome);
  }
}
