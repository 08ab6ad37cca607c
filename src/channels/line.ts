// A line: of work of one kind only so much is done at a time, and the rest waits, first come first
// served.

/** Runs the work in its turn. Settles like the work. */
export type Line = <T>(work: () => Promise<T>) => Promise<T>;

/** How long work waits in a line. */
export interface Patience {
  /** Milliseconds after which work that was not begun leaves the line. */
  readonly waitMs: number;
  /** What it is rejected with. */
  late(): Error;
}

/**
 * Makes a line whose work is begun as soon as less than `limit` of it is under way. Without a limit
 * to its patience it waits for as long as it takes.
 */
export function createLine(limit: number, patience: Patience | null = null): Line {
  const waiting = new Set<() => void>();
  let free = limit;
  const turn = () =>
    new Promise<void>((resolve, reject) => {
      const begin = () => {
        clearTimeout(timer);
        waiting.delete(begin);
        resolve();
      };
      const leave = () => {
        waiting.delete(begin);
        reject(patience?.late());
      };
      const timer = patience === null ? undefined : setTimeout(leave, patience.waitMs);
      waiting.add(begin);
    });
  return async (work) => {
    if (free > 0) free -= 1;
    else await turn();
    try {
      return await work();
    } finally {
      const [next] = waiting;
      if (next === undefined) free += 1;
      else next();
    }
  };
}
