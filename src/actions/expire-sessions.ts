// Expire sessions whose time is over, and purge what ended long ago (T25). One process at a time does it.

import type { Ports } from "../core/ports.ts";
import { IDEMPOTENCY_SECONDS } from "./idempotency.ts";

const BATCH = 500;

/** Hours an ended session is kept. */
export const KEEP_ENDED_HOURS = 24;

/** Writes `expired` to every session whose time is over, in batches; the count. */
export async function expireSessions({ store }: Pick<Ports, "store">): Promise<number> {
  return await inBatches(() => store.sessions.expire(BATCH));
}

/** Deletes what is no longer needed, in batches; the count of sessions and static-link grants. */
export async function purgeEnded({ store }: Pick<Ports, "store">): Promise<number> {
  await store.idempotency.purge(2 * IDEMPOTENCY_SECONDS);
  await store.updates.purge(KEEP_ENDED_HOURS);
  await store.processes.purge(KEEP_ENDED_HOURS);
  await store.budgets.purge();
  const sessions = await inBatches(() => store.sessions.purge(KEEP_ENDED_HOURS, BATCH));
  const grants = await inBatches(() => store.grants.purge(KEEP_ENDED_HOURS, BATCH));
  return sessions + grants;
}

async function inBatches(step: () => Promise<number>): Promise<number> {
  let total = 0;
  for (;;) {
    const count = await step();
    total += count;
    if (count < BATCH) return total;
  }
}
