// Expire sessions whose time is over, and purge what ended long ago (T25). One process at a time
// does it.

import type { Ports } from "../core/ports.ts";
import { IDEMPOTENCY_SECONDS } from "./idempotency.ts";

/** Rows of one statement: it takes some milliseconds, and nobody waits for its locks longer. */
const BATCH = 500;

/** Hours an ended session is kept. */
export const KEEP_ENDED_HOURS = 24;

/**
 * Writes `expired` to sessions whose time is over, in batches, until there is none or the time is
 * up; true = there may be more.
 */
export async function expireSessions(
  { store }: Pick<Ports, "store">,
  timeMs: number,
): Promise<boolean> {
  return await inBatches([(limit) => store.sessions.expire(limit)], timeMs);
}

/** Deletes what is no longer needed: the same. */
export async function purgeEnded(
  { store }: Pick<Ports, "store">,
  timeMs: number,
): Promise<boolean> {
  await store.processes.purge(KEEP_ENDED_HOURS);
  await store.budgets.purge();
  const steps = [
    (limit: number) => store.idempotency.purge(2 * IDEMPOTENCY_SECONDS, limit),
    (limit: number) => store.updates.purge(KEEP_ENDED_HOURS, limit),
    (limit: number) => store.sessions.purge(KEEP_ENDED_HOURS, limit),
    (limit: number) => store.grants.purge(KEEP_ENDED_HOURS, limit),
  ];
  return await inBatches(steps, timeMs);
}

// Round and round, so that what has much to do keeps none of the others from its turn.
async function inBatches(
  steps: readonly ((limit: number) => Promise<number>)[],
  timeMs: number,
): Promise<boolean> {
  const until = performance.now() + timeMs;
  let left = steps;
  while (left.length > 0) {
    const full = [];
    for (const step of left) {
      if (performance.now() > until) return true;
      if ((await step(BATCH)) >= BATCH) full.push(step);
    }
    left = full;
  }
  return false;
}
