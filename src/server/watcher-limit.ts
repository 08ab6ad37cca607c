// Limits how many watchers are open at once (T24): of one session, of one project, and from one address that
// watches with watch tokens. Counted in this process.

import { TapinError } from "../errors.ts";

/** Part of a project's watchers that one address may have: many browsers share one behind a provider's NAT. */
export const ADDRESS_SHARE = 10;

/** Seconds a refused watcher is asked to wait; nobody knows when another one leaves. */
const RETRY_SECONDS = 5;

/** A watcher about to begin. */
export interface EnteringWatcher {
  readonly sessionId: string;
  readonly projectId: string;
  /** What its address is counted under; null = not counted (a website's own server). */
  readonly address: string | null;
  /** Aborts when the watcher is gone. */
  readonly signal: AbortSignal;
}

/** Lets a watcher in, or fails with `rate_limited`. The answer lets it out again; so does its signal. */
export type EnterWatcher = (watcher: EnteringWatcher) => () => void;

/** Builds the limit; 0 = no limit. */
export function createWatcherLimit(limits: {
  watchersPerSession: number;
  watchersPerProject: number;
}): EnterWatcher {
  const { watchersPerSession, watchersPerProject } = limits;
  const perAddress = Math.ceil(watchersPerProject / ADDRESS_SHARE);
  const open = new Map<string, number>();
  const change = (key: string, by: number) => {
    const count = (open.get(key) ?? 0) + by;
    if (count === 0) open.delete(key);
    else open.set(key, count);
  };
  return ({ sessionId, projectId, address, signal }) => {
    signal.throwIfAborted();
    const places = [
      { what: "session", key: `session ${sessionId}`, most: watchersPerSession },
      { what: "project", key: `project ${projectId}`, most: watchersPerProject },
      ...(address === null
        ? []
        : [{ what: "address", key: `address ${address}`, most: perAddress }]),
    ].filter(({ most }) => most > 0);
    const full = places.find(({ key, most }) => (open.get(key) ?? 0) >= most);
    if (full !== undefined) throw tooMany(full);
    for (const { key } of places) change(key, 1);
    // A watcher that stalls and then vanishes never reaches its `finally`: its signal lets it out too.
    const leave = () => {
      signal.removeEventListener("abort", leave);
      for (const { key } of places.splice(0)) change(key, -1);
    };
    signal.addEventListener("abort", leave);
    return leave;
  };
}

function tooMany({ what, most }: { what: string; most: number }): TapinError {
  const name = `"watchers-of-${what}"`;
  return new TapinError("RATE_LIMITED", {
    sentence: `Too many watchers of this ${what} are open. Try again later.`,
    retryAfterSeconds: RETRY_SECONDS,
    headers: [
      ["ratelimit-policy", `${name};q=${most}`],
      ["ratelimit", `${name};r=0`],
    ],
  });
}
