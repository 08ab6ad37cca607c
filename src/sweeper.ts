// The sweeper: expires sessions, settles prompts whose buttons no longer work, purges what ended long ago.
// Only the process that holds the lease sweeps.

import { setTimeout as pause } from "node:timers/promises";
import type { Logger } from "pino";
import { expireSessions, purgeEnded } from "./actions/expire-sessions.ts";
import type { Ports } from "./core/ports.ts";
import type { Prompt } from "./core/prompt.ts";

/** Milliseconds between two sweeps. */
export const SWEEP_MS = 1000;

/** Seconds after which another process takes over from a dead one. */
export const SWEEP_LEASE_SECONDS = 10;

const PURGE_EVERY_MS = 10 * 60_000;
const SETTLE_BATCH = 100;

/** What the sweeper works with. */
export interface SweeperParts {
  readonly ports: Pick<Ports, "store">;
  /** Identifies this process as the holder of the lease. */
  readonly holder: string;
  /** Each bot's name, and how it edits a prompt's message to what became of it. Never rejects. */
  settlers(): readonly (readonly [string, (prompt: Prompt) => Promise<void>])[];
  readonly log: Logger;
}

/** Starts sweeping; the answer stops it and gives the lease back. */
export function startSweeper(parts: SweeperParts): () => Promise<void> {
  const stopping = new AbortController();
  const done = sweepUntil(parts, stopping.signal);
  return async () => {
    stopping.abort();
    await done;
  };
}

async function sweepUntil(parts: SweeperParts, signal: AbortSignal): Promise<void> {
  const { leases } = parts.ports.store;
  let purgedAt = Number.NEGATIVE_INFINITY;
  while (!signal.aborted) {
    try {
      if (await leases.acquire("sweeper", parts.holder, SWEEP_LEASE_SECONDS)) {
        await expireSessions(parts.ports);
        await settlePrompts(parts);
        if (performance.now() - purgedAt > PURGE_EVERY_MS) {
          await purgeEnded(parts.ports);
          purgedAt = performance.now();
        }
      }
    } catch (error) {
      parts.log.warn({ event: "sweep_failed", err: error }, "a sweep failed; trying again");
    }
    await pause(SWEEP_MS, undefined, { signal }).catch(() => {});
  }
  await leases.release("sweeper", parts.holder).catch(() => {});
}

async function settlePrompts({ ports, settlers }: SweeperParts): Promise<void> {
  for (const [bot, settle] of settlers()) {
    const prompts = await ports.store.prompts.takeStale(bot, SETTLE_BATCH);
    await Promise.all(prompts.map(settle));
  }
}
