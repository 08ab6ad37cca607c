// The sweeper: expires sessions, settles prompts whose buttons no longer work, purges what ended
// long ago. Only the process that holds the lease sweeps. Every process settles, since only one
// that runs a bot can edit its messages; the database hands each prompt to one of them.

import { setTimeout as pause } from "node:timers/promises";
import type { Logger } from "pino";
import { expireSessions, purgeEnded } from "./actions/expire-sessions.ts";
import type { Ports } from "./core/ports.ts";
import type { StalePrompt } from "./core/prompt.ts";
import type { Settler } from "./core/prompt-ports.ts";

/** Milliseconds between two sweeps. */
export const SWEEP_MS = 1000;

/** Seconds after which another process takes over from a dead one. */
export const SWEEP_LEASE_SECONDS = 10;

/** Milliseconds of a sweep for expiry, and as many for purge: what is left is the next sweep's. */
const SHARE_MS = 500;

const PURGE_EVERY_MS = 60_000;
const SETTLE_BATCH = 100;

/** What the sweeper works with. */
export interface SweeperParts {
  readonly ports: Pick<Ports, "store">;
  /** Identifies this process as the holder of the lease. */
  readonly holder: string;
  /** The bots that can edit messages now. */
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
      await expireSessions(parts.ports, SHARE_MS);
      if (performance.now() - purgedAt <= PURGE_EVERY_MS) return;
      const isMore = await purgeEnded(parts.ports, SHARE_MS);
      if (!isMore) purgedAt = performance.now();
    });
    await attempt(parts, () => startRounds(parts, rounds));
    await pause(SWEEP_MS, undefined, { signal }).catch(() => {});
  }
  await leases.release("sweeper", parts.holder).catch(() => {});
  await Promise.all(rounds.values());
}

// A round is not waited for: a messenger that answers slowly must not hold up the expiry of
// sessions. Its bot gets no second one meanwhile; all others are asked for in one statement,
// however many there are.
async function startRounds(parts: SweeperParts, rounds: Map<string, Promise<void>>): Promise<void> {
  const idle = parts.settlers().filter(({ bot }) => !rounds.has(bot));
  if (idle.length === 0) return;
  const stale = await parts.ports.store.prompts.takeStale(idle, SETTLE_BATCH);
  const byBot = Map.groupBy(stale, ({ bot }) => bot);
  for (const settler of idle) {
    const prompts = byBot.get(settler.bot);
    if (prompts === undefined) continue;
    const round = attempt(parts, () => settleAll(parts, settler, prompts));
    rounds.set(
      settler.bot,
      round.then(() => void rounds.delete(settler.bot)),
    );
  }
}

async function settleAll(
  { ports }: SweeperParts,
  { settle }: Settler,
  prompts: readonly StalePrompt[],
): Promise<void> {
  await Promise.all(
    prompts.map(async (prompt) => {
      if (await settle(prompt)) await ports.store.prompts.setSettled(prompt.token);
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
