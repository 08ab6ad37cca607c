// Time as SQL: every "now", "from now" and "ago" of this room. The clock is the database's, never
// this process's (T23), so that any number of processes agree on what is over.

import { sql } from "kysely";

/**
 * The moment the statement began. Not `now()`, which inside a transaction is the transaction's
 * beginning and so may lie before a wait for another caller's lock.
 */
export const NOW = sql<Date>`statement_timestamp()`;

/**
 * The moment of asking. For the conditions of transitions: evaluated again when a row was locked by
 * someone else, it cannot let a change pass that began in time and got its turn too late.
 */
export const RIGHT_NOW = sql<Date>`clock_timestamp()`;

/** The moment this many seconds after the statement began. */
export function fromNow(seconds: number) {
  return sql<Date>`statement_timestamp() + make_interval(secs => ${seconds})`;
}

/**
 * The moment this many seconds before the statement began. Brings no parameter, so that prepared
 * statements may use it.
 */
export function ago(seconds: number) {
  return sql<Date>`statement_timestamp() - make_interval(secs => ${sql.lit(seconds)})`;
}
