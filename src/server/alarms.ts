// Alarms: what happens unless it is called off in time. Nearly all are called off within a moment,
// so one timer serves all of them: one of the runtime's own for each call would cost more than what
// it guards.

interface Alarm {
  /** By `performance.now()`. */
  readonly at: number;
  /** Null once it is called off. */
  ring: (() => void) | null;
}

/** Alarms that share a timer, which keeps no process alive. */
export class Alarms {
  readonly #alarms = new Set<Alarm>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  /**
   * When the timer fires, by `performance.now()`. It is not moved for alarms that are called off.
   */
  #firesAt = Number.POSITIVE_INFINITY;

  /** Alarms that have neither rung nor been called off. */
  get size(): number {
    return this.#alarms.size;
  }

  /** Rings once after so many milliseconds; the answer calls it off. */
  set(ms: number, ring: () => void): () => void {
    const alarm: Alarm = { at: performance.now() + ms, ring };
    this.#alarms.add(alarm);
    if (alarm.at < this.#firesAt) this.#fireAt(alarm.at);
    return () => {
      this.#alarms.delete(alarm);
      // The set keeps tables it has outgrown for a while, and with them everything that the alarm
      // would hold.
      alarm.ring = null;
    };
  }

  #fireAt(at: number): void {
    clearTimeout(this.#timer);
    this.#firesAt = at;
    this.#timer = setTimeout(() => this.#fire(), Math.ceil(at - performance.now()));
    this.#timer.unref();
  }

  #fire(): void {
    const now = performance.now();
    this.#firesAt = Number.POSITIVE_INFINITY;
    let next = Number.POSITIVE_INFINITY;
    for (const alarm of this.#alarms) {
      if (alarm.at > now) next = Math.min(next, alarm.at);
      else {
        this.#alarms.delete(alarm);
        alarm.ring?.();
      }
    }
    // What has rung may have set an earlier one.
    if (next < this.#firesAt) this.#fireAt(next);
  }
}
