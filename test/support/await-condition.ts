// Waits for what announces itself to nobody, such as a row another process writes: looks again and
// again.

/** Milliseconds between two looks. */
const LOOK_MS = 25;

/**
 * The first answer of `look` that is not null; rejects when there is none within the time (default
 * 10 s).
 */
export async function awaitAnswer<T>(
  what: string,
  look: () => Promise<T | null>,
  timeoutMs = 10_000,
): Promise<T> {
  const giveUpAt = performance.now() + timeoutMs;
  for (;;) {
    const answer = await look();
    if (answer !== null) return answer;
    if (performance.now() > giveUpAt) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

/** Resolves as soon as the condition holds. */
export async function awaitCondition(
  what: string,
  holds: () => Promise<boolean>,
  timeoutMs?: number,
): Promise<void> {
  await awaitAnswer(what, async () => ((await holds()) ? true : null), timeoutMs);
}
