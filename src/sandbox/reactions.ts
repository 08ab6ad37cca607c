// Waits until the bot has reacted to what a person did. The pretend messenger sees only what comes
// over HTTP, so "has reacted" is a rule of thumb, written down in `quietMs` below; the deadline
// bounds it.

/** What the person did. */
export type ActionKind = "message" | "tap" | "block";

/** What the bot did, as far as it can be a reaction. */
export type BotCall =
  | { readonly kind: "send" }
  | { readonly kind: "edit" }
  | { readonly kind: "answer"; readonly queryId: string };

/** What a person did, as far as the wait needs it. */
export interface AwaitedAction {
  readonly kind: ActionKind;
  readonly chatId: number;
  /** The callback query of a tap. */
  readonly queryId?: string;
  /**
   * True when a message alone, without an answer to the query, settles a tap too. Default: false.
   */
  readonly answerOptional?: boolean;
}

/** What is waited for. */
export interface Awaited extends AwaitedAction {
  /** The messenger's number of the update that told the bot. */
  readonly updateId: number;
}

interface Waiter extends Awaited {
  fetched: boolean;
  confirmed: boolean;
  answered: boolean;
  sent: boolean;
  edited: boolean;
  quiet: NodeJS.Timeout | undefined;
  readonly deadline: NodeJS.Timeout;
  readonly resolve: () => void;
}

/** Longest wait for a reaction, in milliseconds. */
export const REACTION_TIMEOUT_MS = 2000;

/** How long a bot that did all we expect has to be silent in the chat, in milliseconds. */
export const QUIET_MS = 50;

// A bot may answer the query first and edit only after its own work is done, so an answer alone is
// not yet the end.
const ANSWER_ONLY_QUIET_MS = 500;

/**
 * How long the chat has to be quiet before the bot counts as done; undefined when something is
 * still to come.
 * - a message: the update was fetched and something was sent to the chat;
 * - a tap: the query was answered, and a message sent or edited; or it was answered and the update
 *   confirmed by a later poll, and nothing else came for half a second; where an answer is
 *   optional, a message alone will do;
 * - block and unblock: confirmed; there is nothing a bot could show.
 */
function quietMs(waiter: Waiter): number | undefined {
  if (!waiter.fetched) return undefined;
  switch (waiter.kind) {
    case "message":
      return waiter.sent ? QUIET_MS : undefined;
    case "tap": {
      const shown = waiter.sent || waiter.edited;
      if (shown && (waiter.answered || waiter.answerOptional === true)) return QUIET_MS;
      return waiter.answered && waiter.confirmed ? ANSWER_ONLY_QUIET_MS : undefined;
    }
    case "block":
      return waiter.confirmed ? QUIET_MS : undefined;
  }
}

/** Everybody who waits for the bot. */
export class Reactions {
  readonly #waiters = new Set<Waiter>();

  /**
   * Resolves when the bot has reacted, after {@link REACTION_TIMEOUT_MS} at the latest, or on
   * close. Never rejects.
   */
  wait(awaited: Awaited): Promise<void> {
    return new Promise((resolve) => {
      const waiter: Waiter = {
        ...awaited,
        fetched: false,
        confirmed: false,
        answered: false,
        sent: false,
        edited: false,
        quiet: undefined,
        deadline: setTimeout(() => this.#finish(waiter), REACTION_TIMEOUT_MS),
        resolve,
      };
      this.#waiters.add(waiter);
    });
  }

  /** The bot fetched these updates. */
  fetched(updateIds: readonly number[]): void {
    const ids = new Set(updateIds);
    this.#change(
      (waiter) => !waiter.fetched && ids.has(waiter.updateId),
      (waiter) => {
        waiter.fetched = true;
      },
    );
  }

  /** The bot confirmed every update below this id. */
  confirmed(belowId: number): void {
    this.#confirm((updateId) => updateId < belowId);
  }

  /** The bot took this one update at its webhook. */
  delivered(updateId: number): void {
    this.#confirm((id) => id === updateId);
  }

  /**
   * The bot made a call for this chat; one that failed counts too, it is all the reaction there
   * will be.
   */
  called(chatId: number, call: BotCall): void {
    this.#change(
      (waiter) => waiter.fetched && waiter.chatId === chatId,
      (waiter) => {
        if (call.kind === "send") waiter.sent = true;
        if (call.kind === "edit") waiter.edited = true;
        if (call.kind === "answer" && call.queryId === waiter.queryId) waiter.answered = true;
      },
    );
  }

  /** Lets everybody go. */
  close(): void {
    for (const waiter of this.#waiters) this.#finish(waiter);
  }

  #confirm(concerns: (updateId: number) => boolean): void {
    this.#change(
      (waiter) => waiter.fetched && !waiter.confirmed && concerns(waiter.updateId),
      (waiter) => {
        waiter.confirmed = true;
      },
    );
  }

  #change(concerns: (waiter: Waiter) => boolean, change: (waiter: Waiter) => void): void {
    for (const waiter of this.#waiters) {
      if (!concerns(waiter)) continue;
      change(waiter);
      clearTimeout(waiter.quiet);
      const quiet = quietMs(waiter);
      if (quiet !== undefined) waiter.quiet = setTimeout(() => this.#finish(waiter), quiet);
    }
  }

  #finish(waiter: Waiter): void {
    clearTimeout(waiter.deadline);
    clearTimeout(waiter.quiet);
    this.#waiters.delete(waiter);
    waiter.resolve();
  }
}
