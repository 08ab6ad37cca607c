// The ways in which a call to a messenger fails, in words both messengers share, and who reads them
// out of an error. How each messenger words its refusals is in telegram-errors.ts and
// max-errors.ts.

/**
 * Kinds of failure. `blocked`: the person does not want to hear from the bot. `unchanged`: the edit
 * would change nothing. `gone`: the message cannot be edited any more. `link_refused`: it does not
 * like a button's URL. `late`: too late to acknowledge a tap. `too_many`: 429. `unreached`: network
 * error, or 5xx. `conflict`: another poller, or a webhook. `wrong_token`: the bot is unknown.
 * `refused`: any other no.
 */
export type Failure =
  | "blocked"
  | "unchanged"
  | "gone"
  | "link_refused"
  | "late"
  | "too_many"
  | "unreached"
  | "conflict"
  | "wrong_token"
  | "refused";

/** Reads the errors of one messenger's client. */
export interface ErrorReader {
  /** Which kind of failure it is; null when the error did not come from calling the messenger. */
  failureOf(error: unknown): Failure | null;
  /** Seconds the messenger asks to wait; null when it does not. */
  retryAfterSeconds(error: unknown): number | null;
  /** The error as a text for the log, free of secrets. */
  describe(error: unknown): string;
}
