// Limits how many watchers are open at once (T24): of one session, of one project, and from one
// address that watches with watch tokens. Counted in this process.

import { createPlaces } from "./places.ts";

/**
 * Part of a project's watchers that one address may have: many browsers share one behind a
 * provider's NAT.
 */
export const ADDRESS_SHARE = 10;

/** A watcher about to begin. */
export interface EnteringWatcher {
  readonly sessionId: string;
  readonly projectId: string;
  /** What its address is counted under; null = not counted (a website's own server). */
  readonly address: string | null;
}

/** Lets a watcher in, or fails with `rate_limited`. The answer lets it out again. */
export type EnterWatcher = (watcher: EnteringWatcher) => () => void;

/** Builds the limit; 0 = no limit. */
export function createWatcherLimit(limits: {
  watchersPerSession: number;
  watchersPerProject: number;
}): EnterWatcher {
  const { watchersPerSession, watchersPerProject } = limits;
  const perAddress = Math.ceil(watchersPerProject / ADDRESS_SHARE);
  const take = createPlaces("watchers");
  return ({ sessionId, projectId, address }) =>
    take([
      { what: "session", id: sessionId, most: watchersPerSession },
      { what: "project", id: projectId, most: watchersPerProject },
      ...(address === null ? [] : [{ what: "address", id: address, most: perAddress }]),
    ]);
}
