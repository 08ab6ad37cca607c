// The timer wheel: many waits of seconds, none of which needs to be exact, on one timer of the
// runtime. What waits until the same moment stands in one bucket.

/** Milliseconds between two moments: nothing is due more than that too late. */
export const TICK_MS = 250;

/** What waits. Its bucket is kept on it, so that it is found again. */
export interface Timed {
  /** 0 = it does not wait. */
  dueTick: number;
}

/** Waits of many. The timer runs only while anybody waits. */
export class TimerWheel<T extends Timed> {
  readonly #onDue: (item: T) => void;
  readonly #buckets = new Map<number, Set<T>>();
  #timer: ReturnType<typeof setInterval> | null = null;
  /** The last moment that was looked at. */
  #tick = 0;

  /** `onDue` must not throw; it may set the item's time again. */
  constructor(onDue: (item: T) => void) {
    this.#onDue = onDue;
  }

  /**
   * Calls back for the item once, in so many milliseconds or up to {@link TICK_MS} later, and not
   * when it was set before.
   */
  set(item: T, delayMs: number): void {
    this.delete(item);
    this.#start();
    const tick = Math.max(Math.ceil((performance.now() + delayMs) / TICK_MS), this.#tick + 1);
    item.dueTick = tick;
    const bucket = this.#buckets.get(tick);
    if (bucket === undefined) this.#buckets.set(tick, new Set([item]));
    else bucket.add(item);
  }

  /** Does not call back for the item. */
  delete(item: T): void {
    const { dueTick } = item;
    item.dueTick = 0;
    const bucket = this.#buckets.get(dueTick);
    if (bucket?.delete(item) !== true || bucket.size > 0) return;
    this.#buckets.delete(dueTick);
    this.#rest();
  }

  #start(): void {
    if (this.#timer !== null) return;
    this.#tick = now();
    this.#timer = setInterval(() => this.#turn(), TICK_MS);
  }

  #turn(): void {
    const until = now();
    // A process that was held up has several moments to make up for.
    while (this.#tick < until) {
      this.#tick += 1;
      const tick = this.#tick;
      const due = this.#buckets.get(tick) ?? [];
      this.#buckets.delete(tick);
      for (const item of due) {
        // One that was called before it may have set it anew.
        if (item.dueTick !== tick) continue;
        item.dueTick = 0;
        this.#onDue(item);
      }
      this.#rest();
    }
  }

  /** While nobody waits, nothing need be looked at. */
  #rest(): void {
    if (this.#buckets.size > 0 || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }
}

function now(): number {
  return Math.floor(performance.now() / TICK_MS);
}
