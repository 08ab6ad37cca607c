// What a poller does when it gets no updates: says once what is wrong and what to do, waits, and
// says when it is over. The same for every messenger.

import { TOKEN_ADVICE } from "./bot.ts";
import type { BotLog } from "./bot-log.ts";
import type { ErrorReader } from "./failure.ts";
import { pause } from "./pause.ts";

/** Copes with failed requests for updates. */
export interface PollingTrouble {
  /**
   * Logs what is wrong, once for each kind in a row, and waits as long as it takes to try again.
   */
  wait(error: unknown): Promise<void>;
  /** As `wait`, for what is no error: says the sentence and waits the longest pause. */
  waitFor(message: string): Promise<void>;
  /** Updates come again. */
  over(): void;
}

/** What coping takes. */
export interface TroubleParts {
  /** The messenger's name, for the log. */
  readonly name: string;
  readonly errors: ErrorReader;
  readonly log: BotLog;
  readonly timing: { readonly firstBackoffMs: number; readonly longestBackoffMs: number };
  /** As in BotOptions. */
  readonly tokenAdvice?: string;
  /**
   * Finds out about a `conflict`: answers the sentence to say, and whether to wait long. Null: it
   * was put right. Must not reject.
   */
  readonly diagnoseConflict?: () => Promise<{ message: string; isLasting: boolean } | null>;
  readonly signal: AbortSignal;
}

/** Makes one. */
export function createPollingTrouble(parts: TroubleParts): PollingTrouble {
  const { name, errors, log, timing, signal } = parts;
  let failures = 0;
  let told: string | null = null;
  const tell = (level: "warn" | "error", message: string, error?: unknown) => {
    const fields = error === undefined ? {} : { error: errors.describe(error) };
    if (told !== message) log[level](fields, message);
    told = message;
  };
  const diagnose = async (error: unknown): Promise<number> => {
    const backoffMs = Math.min(timing.firstBackoffMs * 2 ** failures++, timing.longestBackoffMs);
    switch (errors.failureOf(error)) {
      case "too_many":
        tell("warn", `${name} wants fewer requests for updates; waiting as long as it asks`, error);
        return Math.max((errors.retryAfterSeconds(error) ?? 1) * 1000, backoffMs);
      case "wrong_token":
        tell(
          "error",
          `${name} no longer accepts the bot token: ${parts.tokenAdvice ?? TOKEN_ADVICE}`,
          error,
        );
        return timing.longestBackoffMs;
      case "conflict": {
        const conflict = (await parts.diagnoseConflict?.()) ?? null;
        if (conflict === null) return 0;
        tell("warn", conflict.message, error);
        return conflict.isLasting ? timing.longestBackoffMs : backoffMs;
      }
      default:
        tell("warn", `${name} cannot be reached for updates; trying again`, error);
        return backoffMs;
    }
  };
  return {
    wait: async (error) => await pause(await diagnose(error), signal),
    async waitFor(message) {
      tell("warn", message);
      await pause(timing.longestBackoffMs, signal);
    },
    over() {
      if (told !== null) log.info({}, `${name}'s updates come again`);
      failures = 0;
      told = null;
    },
  };
}
