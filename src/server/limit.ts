// The limits of callers: how often a project and an address may call, fail and create sessions, and
// how many watchers may be open. Anybody can make up texts that look like credentials, so nothing
// is ever kept for such a text.

import { callerNetwork } from "../core/address.ts";
import { type Reason, TapinError } from "../errors.ts";
import { createBudget, type LimitFields } from "./budget.ts";
import type { AdmittedCall, Call, Identity } from "./call.ts";
import { recall } from "./recall.ts";
import type { Sharing } from "./shared-sum.ts";
import { createWatcherLimit } from "./watcher-limit.ts";

/** How much callers may do; 0 = no limit. */
export interface LimitSettings {
  /** Requests a minute for each project. */
  readonly requestsPerMinute: number;
  /** Lookups a minute that fail, for each address, and for each project with a valid key. */
  readonly failuresPerMinute: number;
  /** Sessions a minute that a project creates for one client address. */
  readonly sessionsPerMinute: number;
  /** Open watchers of one session, in this process. */
  readonly watchersPerSession: number;
  /** Open watchers of one project, in this process; an address has a tenth. */
  readonly watchersPerProject: number;
}

/** The limits. Each fails with `rate_limited`. */
export interface Limits {
  /**
   * Before the body is read: takes one request off the caller's budget, and answers what is left of
   * it.
   */
  request(call: Pick<Call, "address">, identity: Identity): Promise<LimitFields>;
  /**
   * What to throw in place of this error: a lookup that failed counts, and when there were too many
   * the caller is told that instead. What is right works whatever others try.
   */
  refusal(call: Pick<Call, "address">, identity: Identity | null, error: unknown): Promise<unknown>;
  /**
   * Takes one session off the client's budget. Null = the website did not say for whom: not
   * limited.
   */
  session(projectId: string, clientIp: string | null): Promise<void>;
  /** Lets a watcher in; the answer lets it out again. */
  watcher(
    call: Pick<AdmittedCall, "identity" | "address">,
    session: { id: string; projectId: string },
  ): () => void;
  /** Stops counting with other processes. */
  close(): void;
}

/**
 * How many times the budget of a project an address has: many browsers share one address behind a
 * provider's NAT.
 */
export const ADDRESS_FACTOR = 10;

/** How it looks when something was asked for that is not there, or not the caller's. */
const FAILED_LOOKUPS: readonly Reason[] = ["UNAUTHORIZED", "SESSION_NOT_FOUND", "CODE_INVALID"];

/**
 * Builds the limits. The operator has none. All is counted in this process's memory; with
 * `sharing`, what is near a limit is added up with the processes that share it, except for
 * watchers, which cost a process its memory.
 */
export function createLimits(settings: LimitSettings, sharing: Sharing | null): Limits {
  const { requestsPerMinute, failuresPerMinute, sessionsPerMinute } = settings;
  const projects = createBudget({ name: "requests", perMinute: requestsPerMinute, sharing });
  const addresses = createBudget({
    name: "requests-of-address",
    perMinute: requestsPerMinute * ADDRESS_FACTOR,
    sharing,
  });
  const failures = createBudget({
    name: "failures",
    perMinute: failuresPerMinute,
    sentence: "Too many requests failed. Try again later.",
    sharing,
  });
  const sessions = createBudget({
    name: "sessions",
    perMinute: sessionsPerMinute,
    sentence: "Too many sessions for this client address. Try again later.",
    sharing,
  });
  const enter = createWatcherLimit(settings);
  const networkOf = recall(callerNetwork);
  return {
    request({ address }, identity) {
      if (identity.kind === "api_key") return projects.take(identity.project.id);
      if (identity.kind === "admin") return Promise.resolve([]);
      return addresses.take(networkOf(address));
    },
    async refusal({ address }, identity, error) {
      if (!(error instanceof TapinError) || !FAILED_LOOKUPS.includes(error.reason)) return error;
      const isKey = identity?.kind === "api_key";
      const key = isKey ? `project ${identity.project.id}` : `address ${networkOf(address)}`;
      return await failures.take(key).then(
        () => error,
        (refusal: unknown) => refusal,
      );
    },
    async session(projectId, clientIp) {
      if (clientIp !== null) await sessions.take(`${projectId} ${networkOf(clientIp)}`);
    },
    watcher({ identity, address }, { id, projectId }) {
      const isToken = identity.kind === "watch_token";
      const counted = isToken ? networkOf(address) : null;
      return enter({ sessionId: id, projectId, address: counted });
    },
    close() {
      for (const budget of [projects, addresses, failures, sessions]) budget.close();
    },
  };
}
