// The updates that were fetched but are not confirmed yet. Asking for updates from an offset tells the server
// that everything before it is handled, so the offset may only pass an update whose handling has ended: then a
// process that dies loses nothing. Meanwhile the server sends the unconfirmed ones again; they are told apart here.

/** Keeps track of unconfirmed updates. */
export interface UpdateWindow {
  /** Takes an update in; false when it is in already. */
  admit(updateId: number): boolean;
  /** The update is handled. */
  finish(updateId: number): void;
  /** The update will not be handled by this process: it stays unconfirmed, and nobody waits for it here. */
  leave(updateId: number): void;
  /** What to ask from: the first update that is not handled, or the one after the last; null before the first. */
  advance(): number | null;
  /** How many updates are not handled yet. */
  readonly running: number;
  /** Resolves when none is running. */
  idle(): Promise<void>;
}

/**
 * Makes an empty window. Ids are compared for equality and by order of arrival only: after a week of silence
 * Telegram goes on with a random id, perhaps a lower one (https://core.telegram.org/bots/api#update).
 */
export function createUpdateWindow(): UpdateWindow {
  // In order of arrival; true once handled.
  const updates = new Map<number, boolean>();
  let lastId: number | null = null;
  let running = 0;
  let idle: PromiseWithResolvers<void> | null = null;
  const ended = () => {
    running--;
    if (running > 0) return;
    idle?.resolve();
    idle = null;
  };
  return {
    admit(updateId) {
      if (updates.has(updateId)) return false;
      updates.set(updateId, false);
      lastId = updateId;
      running++;
      return true;
    },
    finish(updateId) {
      if (updates.get(updateId) !== false) return;
      updates.set(updateId, true);
      ended();
    },
    leave(updateId) {
      if (updates.get(updateId) === false) ended();
    },
    advance() {
      for (const [updateId, handled] of updates) {
        if (!handled) return updateId;
        updates.delete(updateId);
      }
      return lastId === null ? null : lastId + 1;
    },
    get running() {
      return running;
    },
    idle() {
      if (running === 0) return Promise.resolve();
      idle ??= Promise.withResolvers<void>();
      return idle.promise;
    },
  };
}
