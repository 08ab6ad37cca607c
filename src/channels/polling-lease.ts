// Holds the lease that lets one process poll: takes it, renews it while the work runs, ends the
// work when it is lost, and tries again. Where the lease is kept, and what the work is, is handed
// in.

import type { BotLog } from "./bot-log.ts";
import { pause, waitAtMost } from "./pause.ts";

/** A lease as the gateway hands it in: a name and a holder are bound already. */
export interface PollingLease {
  /** Takes or renews the lease; false when another process has it. */
  acquire(): Promise<boolean>;
  /** Gives it back, if this process has it. */
  release(): Promise<void>;
  /** Seconds the lease lasts without being renewed; it is renewed three times as often. */
  readonly ttlSeconds: number;
}

/** Why work was ended: this process may no longer poll. The reason of the work's signal. */
export class LeaseLost extends Error {}

/** What holding a lease takes. */
export interface LeaseWork {
  readonly lease: PollingLease;
  /** Ends everything. */
  readonly signal: AbortSignal;
  /** Milliseconds until another try, when another process has the lease. */
  readonly retryMs: number;
  readonly log: BotLog;
  readonly describe: (error: unknown) => string;
  /**
   * Must end soon after its signal is aborted: with a {@link LeaseLost}, or with the outer signal's
   * reason.
   */
  readonly work: (signal: AbortSignal) => Promise<void>;
}

/** Does the work whenever this process has the lease, until the signal is aborted. */
export async function workUnderLease(options: LeaseWork): Promise<void> {
  const { signal } = options;
  while (!signal.aborted) {
    if (await tryToAcquire(options)) await workOnce(options);
    await pause(options.retryMs, signal);
  }
}

async function workOnce({ lease, signal, log, describe, work }: LeaseWork): Promise<void> {
  const lost = new AbortController();
  const over = new AbortController();
  const renewing = renewUntil(AbortSignal.any([over.signal, signal]), {
    lease,
    log,
    describe,
  }).then((kept) => {
    if (!kept) lost.abort(new LeaseLost());
  });
  try {
    await work(AbortSignal.any([lost.signal, signal]));
  } finally {
    over.abort();
    await renewing;
    await giveBack({ lease, log, describe });
  }
}

type Holding = Pick<LeaseWork, "lease" | "log" | "describe">;

// A database that does not answer has not given the lease to anybody else, so one failed renewal is
// no loss. After two the work must end: the last third of the lease is left for that, before
// another process may take over.
async function renewUntil(over: AbortSignal, holding: Holding): Promise<boolean> {
  const ttlMs = holding.lease.ttlSeconds * 1000;
  let renewedAt = performance.now();
  for (;;) {
    await pause(ttlMs / 3, over);
    if (over.aborted) return true;
    const askedAt = performance.now();
    const held = await acquireWithin(holding, ttlMs / 3);
    if (held === true) renewedAt = askedAt;
    const outdated = performance.now() - renewedAt >= ttlMs * 0.6;
    if (held === false || (held === null && outdated)) {
      holding.log.warn({}, "another process polls from now on, or the lease could not be renewed");
      return false;
    }
  }
}

async function tryToAcquire(options: LeaseWork): Promise<boolean> {
  return (await acquireWithin(options, options.lease.ttlSeconds * 1000)) === true;
}

/** Null when the lease could not be asked for. */
async function acquireWithin(
  { lease, log, describe }: Holding,
  timeoutMs: number,
): Promise<boolean | null> {
  let held: boolean | null = null;
  try {
    const asked = lease.acquire().then((answer) => {
      held = answer;
    });
    await waitAtMost(asked, timeoutMs);
  } catch (error) {
    log.warn({ error: describe(error) }, "the polling lease could not be asked for");
  }
  return held;
}

async function giveBack({ lease, log, describe }: Holding): Promise<void> {
  try {
    await lease.release();
  } catch (error) {
    log.warn({ error: describe(error) }, "the polling lease could not be given back");
  }
}
