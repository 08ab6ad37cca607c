// The observer: what happens inside Tapin, told to whoever counts it. The rules and verbs know
// nothing of what becomes of it; src/server/metrics.ts makes figures of it.

import type { Reason } from "../errors.ts";
import type { SessionStatus } from "./session.ts";
import type { Channel } from "./subscriber.ts";

/** A status in which a session ends, and `verified`, which follows `completed`. */
export type Ending = Exclude<SessionStatus, "pending" | "opened">;

/** An operation that was answered. */
export interface AnsweredCall {
  /** `<package>.<Service>/<Method>`. */
  readonly rpc: string;
  readonly dialect: string;
  /** Null = success. */
  readonly reason: Reason | null;
  readonly seconds: number;
}

/** A call to a messenger that was answered, or not. */
export interface MessengerCall {
  readonly channel: Channel;
  /** As the messenger names it, without ids. */
  readonly method: string;
  /** `refused`: it said no; `unreached`: we never got through. */
  readonly outcome: "ok" | "refused" | "unreached";
  readonly seconds: number;
}

/** Hears what happens. No method throws, waits or keeps what it is told. */
export interface Observer {
  answered(call: AnsweredCall): void;
  /** So many sessions got this status, committed. */
  ended(status: Ending, count: number): void;
  /** A watcher was woken by a person's decision and told of it, so long after it was committed. */
  delivered(seconds: number): void;
  messengerAnswered(call: MessengerCall): void;
  /** A reader was let go that took nothing of what waited for it. */
  readerDropped(): void;
}

/** Hears nothing. */
export const NO_OBSERVER: Observer = {
  answered: () => {},
  ended: () => {},
  delivered: () => {},
  messengerAnswered: () => {},
  readerDropped: () => {},
};
