// The tables as the store shows them outside of transactions: some questions are answered from what
// was read lately (recent-rows.ts), and what this process changes it forgets before anybody is told
// of the change.

import { setImmediate } from "node:timers";
import { setTimeout as pause } from "node:timers/promises";
import { LRUCache } from "lru-cache";
import type { ApiKeyTable, ProjectTable } from "../core/ports.ts";
import type { DeliveredSession, GrantTable, SessionTable } from "../core/session-ports.ts";
import type { RecentRows } from "./recent-rows.ts";

/** Milliseconds for which a noted use of a key is not noted again by this process. */
const TOUCH_MS = 60_000;

/** Most keys whose use is remembered as noted. */
const TOUCH_LIMIT = 10_000;

/**
 * Keys: the project of one may be as of `BELIEF_MS` ago, and a revocation is answered once nobody
 * believes the key.
 */
export function recentApiKeys(
  table: ApiKeyTable,
  { rows, othersBelieveMs }: { rows: RecentRows; othersBelieveMs: number },
): ApiKeyTable {
  const touched = new LRUCache<string, true>({ max: TOUCH_LIMIT, ttl: TOUCH_MS });
  return {
    ...table,
    findProject: (keyHash) => rows.keys.read(keyHash, async () => table.findProject(keyHash)),
    async revoke(projectId, keyId) {
      const isKnown = await table.revoke(projectId, keyId).finally(() => rows.forgetProjects());
      // So that "revoked" is true on every process as soon as the operator reads it.
      if (isKnown) await pause(othersBelieveMs);
      return isKnown;
    },
    touch(keyHash) {
      if (touched.has(keyHash)) return null;
      touched.set(keyHash, true);
      const forget = (error: unknown) => {
        touched.delete(keyHash);
        throw error;
      };
      return table.touch(keyHash)?.catch(forget) ?? null;
    },
  };
}

/** Projects: `findRecent` and `isOrigin` may be as of `BELIEF_MS` ago. */
export function recentProjects(table: ProjectTable, rows: RecentRows): ProjectTable {
  return {
    ...table,
    findRecent: async (projectId) => rows.projects.read(projectId, () => table.find(projectId)),
    async isOrigin(origin) {
      const ask = async () => ((await table.isOrigin(origin)) ? true : null);
      return (await rows.origins.read(origin.toLowerCase(), ask)) !== null;
    },
    update: (projectId, change) =>
      table.update(projectId, change).finally(() => rows.forgetProjects()),
  };
}

/** Sessions: `findPending` may be as of `BELIEF_MS` ago. */
export function recentSessions(table: SessionTable, rows: RecentRows): SessionTable {
  return {
    ...table,
    find: (projectId, sessionId) =>
      rows.readSession(sessionId, () => table.find(projectId, sessionId)),
    findAny: (sessionId) => rows.readSession(sessionId, () => table.findAny(sessionId)),
    async findPending(sessionId) {
      if (rows.pendingSession(sessionId) === null) return null;
      // A change that had reached this machine before the question did may still lie unread.
      await endOfTurn();
      return rows.pendingSession(sessionId);
    },
  };
}

let turn: Promise<void> | null = null;

/**
 * Resolves once what has arrived by now is read, for all who ask in the same turn of the event
 * loop.
 */
function endOfTurn(): Promise<void> {
  turn ??= new Promise((resolve) => {
    setImmediate(() => {
      turn = null;
      resolve();
    });
  });
  return turn;
}

/**
 * Grants: nothing of them comes from memory, but a session that `read` has read is remembered as
 * any other.
 */
export function recentGrants(table: GrantTable, rows: RecentRows): GrantTable {
  return {
    ...table,
    async read(projectId, sessionId, recipient) {
      let read: DeliveredSession | null = null;
      await rows.readSession(sessionId, async () => {
        read = await table.read(projectId, sessionId, recipient);
        return read?.session ?? null;
      });
      return read;
    },
  };
}
