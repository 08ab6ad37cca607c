// A line: of work of one kind only so much is done at a time, and the rest waits, first come first
// served.

/** Runs the work in its turn. Settles like the work. */
export type Line = <T>(work: () => Promise<T>) => Promise<T>;

/** Makes a line whose work is begun as soon as less than `limit` of it is under way. */
export function createLine(limit: number): Line {
  const waiting: (() => void)[] = [];
  let free = limit;
  return async (work) => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    }
  };
}
