// The sweeper: expires sessions, settles prompts whose buttons no longer work, purges what ended long ago.
// Only the process that holds the lease sweeps; settling has a lease for each bot, since only a process that
// runs the bot can do it.

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

type Settler = readonly [string, (prompt: Prompt) => Promise<boolean>];

/** What the sweeper works with. */
export interface SweeperParts {
  readonly ports: Pick<Ports, "store">;
  /** Identifies this process as the holder of the lease. */
  readonly holder: string;
  /** Each bot's name, and how it edits a prompt's message to what became of it: false when that failed. */
  settlers(): readonly Settler[];
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
  const rounds = new Map<string, Promise<void>>();
  let purgedAt = Number.NEGATIVE_INFINITY;
  while (!signal.aborted) {
    await attempt(parts, async () => {
      if (!(await leases.acquire("sweeper", parts.holder, SWEEP_LEASE_SECONDS))) return;
      await expireSessions(parts.ports);
      if (performance.now() - purgedAt > PURGE_EVERY_MS) {
        await purgeEnded(parts.ports);
        purgedAt = performance.now();
      }
    });
    await attempt(parts, () => startRounds(parts, rounds));
    await pause(SWEEP_MS, undefined, { signal }).catch(() => {});
  }
  await leases.release("sweeper", parts.holder).catch(() => {});
  await Promise.all(rounds.values());
  for (const [bot] of parts.settlers()) {
    await leases.release(`settle:${bot}`, parts.holder).catch(() => {});
  }
}

// A round is not waited for: a messenger that answers slowly must not hold up the expiry of sessions. The lease
// is renewed while a round lasts, so that no other process begins one for the same bot.
async function startRounds(parts: SweeperParts, rounds: Map<string, Promise<void>>): Promise<void> {
  const { leases } = parts.ports.store;
  for (const settler of parts.settlers()) {
    const [bot] = settler;
    const held = await leases.acquire(`settle:${bot}`, parts.holder, SWEEP_LEASE_SECONDS);
    if (!held || rounds.has(bot)) continue;
    const round = attempt(parts, () => settlePrompts(parts, settler));
    rounds.set(
      bot,
      round.then(() => void rounds.delete(bot)),
    );
  }
}

async function settlePrompts({ ports }: SweeperParts, [bot, settle]: Settler): Promise<void> {
  const { prompts } = ports.store;
  const stale = await prompts.takeStale(bot, SETTLE_BATCH);
  await Promise.all(
    stale.map(async (prompt) => {
      if (await settle(prompt)) await prompts.setSettled(prompt.token);
    }),
  );
}

async function attempt({ log }: SweeperParts, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    log.warn({ event: "sweep_failed", err: error }, "a sweep failed; trying again");
  }
}
