// A session: one sign-in attempt, from creation to its end. The statuses, the table of transitions
// and what a caller may see of them. Who stores and who moves them is the business of src/store and
// src/actions.

import type { Channel } from "./subscriber.ts";

/** Every status a session can have. The last four are terminal for callers. */
export const SESSION_STATUSES = [
  "pending",
  "opened",
  "completed",
  "verified",
  "expired",
  "cancelled",
] as const;

/** Where a session stands inside Tapin. */
export type SessionStatus = (typeof SESSION_STATUSES)[number];

/** Where a session stands for a caller (contract section 1). */
export type PublicStatus = "pending" | "completed" | "expired" | "cancelled";

/** Everything that can happen to a session. */
export const SESSION_EVENTS = ["open", "approve", "cancel", "expire", "verify"] as const;

/** What happens to a session. */
export type SessionEvent = (typeof SESSION_EVENTS)[number];

/**
 * Status x event -> next status; an absent cell means that the event changes nothing. Approval
 * needs an owner, so it starts from `opened` only: opening a link never logs anyone in (T2).
 */
export const TRANSITIONS: Readonly<
  Record<SessionStatus, Readonly<Partial<Record<SessionEvent, SessionStatus>>>>
> = {
  pending: { open: "opened", cancel: "cancelled", expire: "expired" },
  opened: { approve: "completed", cancel: "cancelled", expire: "expired" },
  completed: { verify: "verified" },
  verified: {},
  expired: {},
  cancelled: {},
};

/** The status after the event, or null when the event changes nothing. */
export function nextStatus(status: SessionStatus, event: SessionEvent): SessionStatus | null {
  return TRANSITIONS[status][event] ?? null;
}

/**
 * The statuses from which an event moves a session: the condition of the one SQL statement that
 * does it.
 */
export function sourcesOf(event: SessionEvent): readonly SessionStatus[] {
  return SESSION_STATUSES.filter((status) => nextStatus(status, event) !== null);
}

/** True when nothing but `verify` can happen any more. */
export function isEnded(status: SessionStatus): boolean {
  return status !== "pending" && status !== "opened";
}

/** What a caller sees, before it is decided who receives the code. */
export function publicStatus(status: SessionStatus): PublicStatus {
  if (status === "opened") return "pending";
  if (status === "verified") return "completed";
  return status;
}

/** The browser that asks, as the website told us. */
export interface ClientInfo {
  readonly ip: string | null;
  readonly userAgent: string | null;
}

/**
 * A session as it is stored. `status` is already `expired` when its time is over by the database's
 * clock.
 */
export interface Session {
  /** 16 characters of `[A-Za-z0-9]`. */
  readonly id: string;
  readonly projectId: string;
  readonly status: SessionStatus;
  /** Starts at 1 and rises by one with each change. */
  readonly sequence: number;
  readonly state: string | null;
  readonly redirectUri: string | null;
  readonly codeChallenge: string | null;
  /** Two digits, or null when no match code was asked for. */
  readonly matchCode: string | null;
  readonly client: ClientInfo;
  /** Seconds the session lives from its creation. */
  readonly ttlSeconds: number;
  /** Whole seconds since its creation, by the database's clock. */
  readonly ageSeconds: number;
  /** Milliseconds until it expires, by the database's clock; 0 when it is over. */
  readonly remainingMs: number;
  /** Milliseconds since its end, by the database's clock; null while it lives. */
  readonly endedMs: number | null;
  /** Whether a person has opened the bot link. */
  readonly opened: boolean;
  /** The account that opened the link first and owns the session; null until then. */
  readonly owner: { readonly channel: Channel; readonly userId: string } | null;
}

/** Length of a session id, in characters of `[A-Za-z0-9]`: 95 bit. */
export const SESSION_ID_LENGTH = 16;

/** Seconds a poller is asked to wait between two calls. */
export const POLL_INTERVAL_SECONDS = 2;
