// How often something may happen: so many times in any stretch of time, counted apart for each key.

/** How a limit is set up. */
export interface RateLimitOptions {
  /** How many times in a stretch. */
  readonly limit: number;
  /** How long the stretch is, in milliseconds. */
  readonly windowMs: number;
  /** The time in milliseconds. */
  readonly now: () => number;
}

const KEYS_LIMIT = 10_000;

/**
 * A sliding window for each key; memory is bounded, the key used longest ago is forgotten first.
 */
export class RateLimit {
  readonly #options: RateLimitOptions;
  readonly #taken = new Map<number | string, readonly number[]>();

  constructor(options: RateLimitOptions) {
    this.#options = options;
  }

  /**
   * Takes one: 0 when it was there, else after how many milliseconds one will be. A refusal does
   * not count.
   */
  take(key: number | string): number {
    const { limit, windowMs, now } = this.#options;
    const at = now();
    const recent = (this.#taken.get(key) ?? []).filter((taken) => taken > at - windowMs);
    const [oldest] = recent;
    if (oldest !== undefined && recent.length >= limit) return oldest + windowMs - at;
    this.#taken.delete(key);
    this.#taken.set(key, [...recent, at]);
    const stale = this.#taken.keys().next();
    if (this.#taken.size > KEYS_LIMIT && !stale.done) this.#taken.delete(stale.value);
    return 0;
  }
}
