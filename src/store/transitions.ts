// The transition table of core/session.ts as SQL: the sources of an event as a condition, its
// target as a value. A statement built from these cannot disagree with the rules.

import { sql } from "kysely";
import { nextStatus, type SessionEvent, type SessionStatus, sourcesOf } from "../core/session.ts";

/**
 * `('pending', 'opened')`: the statuses from which the event moves a session. Literals, not
 * parameters, so that the planner can see that a partial index covers them.
 */
export function sourceList(event: SessionEvent) {
  return sql`(${sql.join(sourcesOf(event).map((status) => sql.lit(status)))})`;
}

/**
 * The status the event leads to. Throws when the table leads to several, which one statement cannot
 * say.
 */
export function targetOf(event: SessionEvent): SessionStatus {
  const [target, ...others] = new Set(sourcesOf(event).map((from) => nextStatus(from, event)));
  if (target === undefined || target === null || others.length > 0) {
    throw new Error(`the event ${event} must lead to exactly one status`);
  }
  return target;
}
