// Limits how many requests a minute a caller may make: one budget for each project, and one for each peer
// address that calls with a watch token, without credentials, or with credentials that are refused. Anybody can make up texts
// that look like credentials, so no budget is ever kept for such a text.

import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";
import { TapinError } from "../errors.ts";
import type { Call, Identity } from "./call.ts";

/**
 * Takes one request off the caller's budget; fails with `rate_limited` when it is used up. A null identity
 * stands for refused credentials.
 */
export type Limit = (call: Pick<Call, "address">, identity: Identity | null) => Promise<void>;

/**
 * How many times the budget of a project an address has: many browsers share one address behind a proxy
 * or a provider's NAT.
 */
export const ADDRESS_FACTOR = 10;

const WINDOW_SECONDS = 60;

/**
 * Builds the limiter: `perMinute` requests for each project, and `ADDRESS_FACTOR` times as many for each
 * address; 0 = no limit for either. The operator has none. Counted in this process's memory.
 */
export function createLimit(perMinute: number): Limit {
  if (perMinute === 0) return async () => {};
  const duration = WINDOW_SECONDS;
  const projects = new RateLimiterMemory({ points: perMinute, duration });
  const addresses = new RateLimiterMemory({ points: perMinute * ADDRESS_FACTOR, duration });
  return async ({ address }, identity) => {
    if (identity?.kind === "api_key") await take(projects, `project:${identity.project.id}`);
    if (identity === null || identity.kind === "watch_token" || identity.kind === "anybody") {
      await take(addresses, `address:${address}`);
    }
  };
}

async function take(limiter: RateLimiterMemory, key: string): Promise<void> {
  try {
    await limiter.consume(key);
  } catch (error) {
    if (!(error instanceof RateLimiterRes)) throw error;
    const retryAfterSeconds = Math.max(1, Math.ceil(error.msBeforeNext / 1000));
    throw new TapinError("RATE_LIMITED", { retryAfterSeconds });
  }
}
