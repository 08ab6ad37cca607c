// Limits how many requests a minute a caller may make: one budget for each project, and one for each
// session that is watched with its token.

import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";
import { sha256Hex } from "../core/secret.ts";
import { TapinError } from "../errors.ts";
import type { Identity } from "./call.ts";

/** Takes one request off the caller's budget; fails with `rate_limited` when it is used up. */
export type Limit = (identity: Identity) => Promise<void>;

const WINDOW_SECONDS = 60;

/** Builds the limiter. `perMinute` 0 = no limit. Counted in this process's memory. */
export function createLimit(perMinute: number): Limit {
  if (perMinute === 0) return async () => {};
  const limiter = new RateLimiterMemory({ points: perMinute, duration: WINDOW_SECONDS });
  return async (identity) => {
    const key = budgetOf(identity);
    if (key === null) return;
    try {
      await limiter.consume(key);
    } catch (error) {
      if (!(error instanceof RateLimiterRes)) throw error;
      const retryAfterSeconds = Math.max(1, Math.ceil(error.msBeforeNext / 1000));
      throw new TapinError("RATE_LIMITED", { retryAfterSeconds });
    }
  };
}

function budgetOf(identity: Identity): string | null {
  if (identity.kind === "api_key") return `project:${identity.project.id}`;
  if (identity.kind === "watch_token") return `watch:${sha256Hex(identity.token)}`;
  return null;
}
