// What both kinds of database have in common for the rest of this room: a handle for queries and a
// way out.

import type { Db } from "./tables.ts";

/** Reports what went wrong in the background: a sentence and the error. */
export type OnError = (what: string, error: unknown) => void;

/** Connections of a pool, and callers that wait for one. */
export interface PoolReading {
  readonly total: number;
  readonly idle: number;
  readonly waiting: number;
}

/** An open database with its schema up to date, whose notifications already reach the hub. */
export interface Database {
  readonly db: Db;
  /** The pool's connections now; none when there is no pool. */
  pool?(): PoolReading;
  /**
   * Whether every change that was committed up to a moment ago has reached the hub. Asking keeps it
   * so.
   */
  isFresh(): boolean;
  /**
   * Milliseconds for which other processes may still believe what this one has changed; 0 when
   * there are none.
   */
  readonly othersBelieveMs: number;
  /** Ends every connection. Calls that are under way fail or end first. */
  close(): Promise<void>;
}
