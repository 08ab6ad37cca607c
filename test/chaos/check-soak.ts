// Judges what a process said of itself during a soak: after the warm-up its figures may waver, and
// may not grow.

/** What a process holds at one moment. */
export interface SoakSample {
  /** Since the traffic began. */
  readonly seconds: number;
  /** Resident memory, in MiB. */
  readonly rss: number;
  /** Used JavaScript heap, in MiB. */
  readonly heap: number;
  /** Memory of buffers and the like outside the heap, in MiB. */
  readonly external: number;
  /** Sockets, timers and the like that keep the event loop busy. */
  readonly resources: number;
  /** Open file descriptors. */
  readonly descriptors: number;
  /** Connections of the database pool. */
  readonly connections: number;
  /** Entries of the hub: open streams of WatchSession. */
  readonly watchers: number;
}

/** Share of the samples at the beginning that do not count. */
const WARM_UP = 0.3;

/**
 * How much more a figure may be in the last third after the warm-up than in the first third. Of
 * heap and external memory the lowest value counts, which a garbage collection has just left; of
 * the rest the median.
 */
export const ALLOWED_GROWTH = {
  rss: 16,
  heap: 4,
  external: 4,
  resources: 15,
  descriptors: 15,
  connections: 5,
  watchers: 8,
} as const satisfies Partial<Record<keyof SoakSample, number>>;

/** Least samples that can be judged. */
const LEAST = 20;

/** One sentence for each figure that grew; empty when all are flat. */
export function checkSoak(samples: readonly SoakSample[]): readonly string[] {
  if (samples.length < LEAST) return [`${samples.length} samples are too few to judge`];
  const counted = samples.slice(Math.floor(samples.length * WARM_UP));
  const third = Math.floor(counted.length / 3);
  const names = Object.keys(ALLOWED_GROWTH) as (keyof typeof ALLOWED_GROWTH)[];
  return names.flatMap((name) => {
    const values = counted.map((sample) => sample[name]);
    const last = LEVELS[name](values.slice(-third));
    const first = LEVELS[name](values.slice(0, third));
    if (last - first <= ALLOWED_GROWTH[name]) return [];
    const grew = `from ${first.toFixed(1)} to ${last.toFixed(1)}`;
    return [`${name} grew ${grew}; allowed are ${ALLOWED_GROWTH[name]} more`];
  });
}

function lowest(values: readonly number[]): number {
  return Math.min(...values);
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

/** What stands for a third of a figure's values. */
const LEVELS = {
  rss: median,
  heap: lowest,
  external: lowest,
  resources: median,
  descriptors: median,
  connections: median,
  watchers: median,
} as const;
