// Which errors of a database mean "not now, try again", and the one place that turns them into
// UNAVAILABLE and takes out of all of them what may not be logged.

import { TapinError } from "../errors.ts";

/** Codes of Node's and Deno's sockets and resolvers that mean that the database was not reached. */
const SOCKET_CODES = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ECONNABORTED",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
]);

/**
 * Classes and codes of https://www.postgresql.org/docs/current/errcodes-appendix.html that pass by
 * themselves: connection errors, lack of resources, shutdown and start, read-only standby during a
 * failover, statement and lock timeouts, deadlocks.
 */
const PASSING_STATE = /^(?:08...|53...|57P0[1235]|57014|55P03|25006|25P0[34]|40001|40P01)$/;

/** pg, pg-pool, kysely and PGlite tell these by their text alone. */
const LOST_CONNECTION =
  /^Connection terminated|^timeout exceeded when trying to connect|is not queryable$|Cannot use a pool after calling end|driver has already been destroyed|PGlite (?:instance )?is (?:already )?clos|^Postgres connection has been discarded/;

/** pg's words for a query that was not answered within `query_timeout`. */
const SILENCE = /^Query read timeout/;

/** Whether the error says that the server did not answer in time: nobody knows what it has done. */
export function isSilence(error: unknown): boolean {
  return error instanceof Error && SILENCE.test(error.message);
}

/** The SQLSTATE or socket code of an error, or null. */
export function codeOf(error: unknown): string | null {
  if (typeof error !== "object" || error === null || !("code" in error)) return null;
  return typeof error.code === "string" ? error.code : null;
}

/** Serialization failure and deadlock (PostgreSQL, appendix A). */
const CONFLICTS = new Set(["40001", "40P01"]);

/** Whether the error says that the database cannot be reached or cannot answer now. */
export function isUnavailable(error: unknown): boolean {
  // Node tries every address of a host and reports all failures at once.
  if (error instanceof AggregateError) return error.errors.some(isUnavailable);
  const code = codeOf(error);
  if (code !== null && (SOCKET_CODES.has(code) || PASSING_STATE.test(code))) return true;
  return isSilence(error) || (error instanceof Error && LOST_CONNECTION.test(error.message));
}

/**
 * Whether PostgreSQL gave up the statement for the sake of another one, and would take it once
 * more.
 */
export function isConflict(error: unknown): boolean {
  const code = codeOf(error);
  return code !== null && CONFLICTS.has(code);
}

/**
 * The error to throw in place of this one: UNAVAILABLE with it as the cause, or the error itself.
 * Either way the error has lost everything that could carry values of rows or parameters.
 */
export function storeError(error: unknown): unknown {
  if (error instanceof TapinError) return error;
  dropValues(error);
  return isUnavailable(error) ? new TapinError("UNAVAILABLE", { cause: error }) : error;
}

/** What an error of a database, socket or resolver may keep beside its type. */
const KEPT = new Set([
  "name",
  "message",
  "stack",
  "code",
  "cause",
  "errors",
  "errno",
  "syscall",
  "address",
  "port",
]);

/**
 * PGlite hangs `query` and `params` on its errors, kysely the query's `node`, PostgreSQL `detail`,
 * `where` and `internalQuery` with values of rows; the log writes down every property of an error.
 */
function dropValues(error: unknown, seen = new Set<unknown>()): void {
  if (!(error instanceof Error) || seen.has(error)) return;
  seen.add(error);
  for (const name of Object.keys(error)) {
    if (!KEPT.has(name)) Reflect.deleteProperty(error, name);
  }
  dropValues(error.cause, seen);
  if (error instanceof AggregateError) for (const one of error.errors) dropValues(one, seen);
}

/** The same methods, throwing what `storeError` makes of an error. */
export function guarded<T extends object>(methods: T): T {
  const entries = Object.entries(methods).map(([name, method]) => [name, guardedMethod(method)]);
  return Object.fromEntries(entries) as T;
}

type Method = (...given: readonly unknown[]) => Promise<unknown>;

function guardedMethod(method: Method): Method {
  return async (...given) => {
    try {
      return await method(...given);
    } catch (error) {
      throw storeError(error);
    }
  };
}
