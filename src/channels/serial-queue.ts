// A queue for each key: work with one key runs in order, work with different keys side by side.
// Keeps a person's updates in order without making anybody else wait, and the edits of one message
// likewise.

/** Runs work in order for each key. */
export interface SerialQueue {
  /**
   * Runs the work after all earlier work with this key has ended, however it ended. Settles like
   * the work.
   */
  run<T>(key: string, work: () => Promise<T>): Promise<T>;
  /** Whether there is work with this key that has not ended. */
  has(key: string): boolean;
}

/** Makes a queue. A key is forgotten when its work is done. */
export function createSerialQueue(): SerialQueue {
  const tails = new Map<string, Promise<unknown>>();
  return {
    has: (key) => tails.has(key),
    run(key, work) {
      const result = (tails.get(key) ?? Promise.resolve()).then(work);
      const tail = result.then(
        () => undefined,
        () => undefined,
      );
      tails.set(key, tail);
      void tail.then(() => {
        if (tails.get(key) === tail) tails.delete(key);
      });
      return result;
    },
  };
}
