// Waiting: a pause that ends early when told to, and limits on how long something is waited for.

/**
 * Resolves after `ms` milliseconds (at once when there are none), or when the signal is aborted.
 * Never rejects.
 */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) {
      resolve();
      return;
    }
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, Math.max(0, ms));
    signal?.addEventListener("abort", end, { once: true });
  });
}

/**
 * Waits for the work, but not longer than `ms` milliseconds: `done` or `late`. Rejects when the
 * work does so in time; what becomes of late work is nobody's business any more.
 */
export async function waitAtMost(work: Promise<unknown>, ms: number): Promise<"done" | "late"> {
  const over = new AbortController();
  try {
    return await Promise.race([
      work.then(() => "done" as const),
      pause(ms, over.signal).then(() => "late" as const),
    ]);
  } finally {
    over.abort();
  }
}

/**
 * Waits for the work until the signal is aborted: then it answers null. Rejects when the work does
 * so in time; what becomes of late work is nobody's business any more.
 */
export async function waitUnlessAborted<T>(
  work: Promise<T>,
  signal: AbortSignal,
): Promise<T | null> {
  const { promise: aborted, resolve } = Promise.withResolvers<null>();
  const end = () => resolve(null);
  if (signal.aborted) end();
  signal.addEventListener("abort", end, { once: true });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", end);
  }
}
