// Long polling of Telegram: fetches updates, hands them on, confirms those that are handled, and copes with
// everything the API answers instead. Deletes no webhook: that would silence whoever relies on it.

import type { Update } from "grammy/types";
import type { Api } from "grammy/web";
import type { BotLog } from "./bot-log.ts";
import { apiSignal } from "./grammy.ts";
import { pause, waitAtMost } from "./pause.ts";
import { LeaseLost } from "./polling-lease.ts";
import { retryAfterSeconds, telegramFailure } from "./telegram-errors.ts";
import { ALLOWED_UPDATES } from "./telegram-updates.ts";
import { createUpdateWindow, type UpdateWindow } from "./update-window.ts";

/** Seconds the server holds a request for updates open; it allows at most 50. */
export const LONG_POLL_SECONDS = 25;

/** Pauses, in milliseconds. Defaults are what production needs; tests shorten them. */
export interface PollTiming {
  /** After the first failure; doubles with each. Default 1000. */
  readonly firstBackoffMs: number;
  /** Longest pause after failures; also while a webhook is set or the token is wrong. Default 30 000. */
  readonly longestBackoffMs: number;
  /** How long running handlers may go on after the end. Default 5000. */
  readonly drainMs: number;
}

/** The defaults. */
export const POLL_TIMING: PollTiming = {
  firstBackoffMs: 1000,
  longestBackoffMs: 30_000,
  drainMs: 5000,
};

/** Pauses before unconfirmed updates are asked for again together with new ones, in milliseconds. */
const REPOLL_MS = { first: 100, longest: 1000 };

/** What polling takes. */
export interface PollingParts {
  /** A client whose timeout is longer than {@link LONG_POLL_SECONDS}. */
  readonly api: Api;
  /** Handles one update; resolves when it may be confirmed. Must not reject. */
  readonly handle: (update: Update) => Promise<void>;
  readonly timing: PollTiming;
  readonly log: BotLog;
  readonly describe: (error: unknown) => string;
}

/** Polls until the signal is aborted, then lets handlers finish and confirms what they have done. */
export async function pollUpdates(parts: PollingParts, signal: AbortSignal): Promise<void> {
  const window = createUpdateWindow();
  const trouble = createTrouble(parts, signal);
  let repollMs = REPOLL_MS.first;
  while (!signal.aborted) {
    try {
      const updates = await fetchUpdates(parts.api, { window, signal });
      trouble.over();
      const fresh = updates.filter((update) => window.admit(update.update_id));
      for (const update of fresh) void handleOne(parts, window, update);
      repollMs = fresh.length > 0 ? REPOLL_MS.first : Math.min(repollMs * 2, REPOLL_MS.longest);
      // Until all are handled the server answers at once, with what is here already: no hurry to ask again.
      if (window.running > 0) await Promise.race([window.idle(), pause(repollMs, signal)]);
    } catch (error) {
      if (!signal.aborted) await trouble.wait(error);
    }
  }
  await finish(parts, { window, signal });
}

interface Polling {
  readonly window: UpdateWindow;
  readonly signal: AbortSignal;
}

async function fetchUpdates(api: Api, { window, signal }: Polling): Promise<Update[]> {
  const offset = window.advance();
  return await api.getUpdates(
    {
      timeout: LONG_POLL_SECONDS,
      allowed_updates: ALLOWED_UPDATES,
      ...(offset === null ? {} : { offset }),
    },
    apiSignal(signal),
  );
}

async function handleOne(
  { handle, log, describe }: PollingParts,
  window: UpdateWindow,
  update: Update,
): Promise<void> {
  try {
    await handle(update);
  } catch (error) {
    log.error({ error: describe(error) }, "an update could not be handled");
  } finally {
    window.finish(update.update_id);
  }
}

// Whoever took the lease over confirms: asking for updates now would throw that process out of its own request.
async function finish(parts: PollingParts, { window, signal }: Polling): Promise<void> {
  await waitAtMost(window.idle(), parts.timing.drainMs);
  const offset = window.advance();
  if (offset === null || signal.reason instanceof LeaseLost) return;
  try {
    const confirmed = parts.api.getUpdates({ offset, limit: 1, timeout: 0 });
    await waitAtMost(confirmed, 1000);
  } catch (error) {
    parts.log.info({ error: parts.describe(error) }, "the last updates will come once more");
  }
}

interface Trouble {
  /** Logs what is wrong, once for each kind in a row, and waits as long as it takes to try again. */
  wait(error: unknown): Promise<void>;
  /** Updates come again. */
  over(): void;
}

function createTrouble(parts: PollingParts, signal: AbortSignal): Trouble {
  const { timing, log, describe } = parts;
  let failures = 0;
  let told: string | null = null;
  const tell = (level: "warn" | "error", error: unknown, message: string) => {
    if (told !== message) log[level]({ error: describe(error) }, message);
    told = message;
  };
  const diagnose = async (error: unknown): Promise<number> => {
    const backoffMs = Math.min(timing.firstBackoffMs * 2 ** failures++, timing.longestBackoffMs);
    switch (telegramFailure(error)) {
      case "too_many":
        tell(
          "warn",
          error,
          "Telegram wants fewer requests for updates; waiting as long as it asks",
        );
        return Math.max((retryAfterSeconds(error) ?? 1) * 1000, backoffMs);
      case "wrong_token":
        tell(
          "error",
          error,
          "Telegram no longer accepts the bot token: set the new one and restart",
        );
        return timing.longestBackoffMs;
      case "conflict": {
        const host = await webhookHost(parts.api, signal);
        tell("warn", error, host === null ? SECOND_POLLER : webhookAt(host));
        return host === null ? backoffMs : timing.longestBackoffMs;
      }
      default:
        tell("warn", error, "Telegram cannot be reached for updates; trying again");
        return backoffMs;
    }
  };
  return {
    wait: async (error) => await pause(await diagnose(error), signal),
    over() {
      if (told !== null) log.info({}, "Telegram's updates come again");
      failures = 0;
      told = null;
    },
  };
}

const SECOND_POLLER =
  "another program asks for this bot's updates too: end it, or give it a bot of its own; trying again";

function webhookAt(host: string): string {
  return (
    `this bot's updates go to a webhook at ${host}, so polling gets none. If nothing needs that webhook, ` +
    "remove it with the Bot API's deleteWebhook; else use another bot here. Trying again now and then"
  );
}

/** The host of the bot's webhook, never its path, which is a secret; null when there is none or nobody can tell. */
async function webhookHost(api: Api, signal: AbortSignal): Promise<string | null> {
  try {
    const { url } = await api.getWebhookInfo(apiSignal(signal));
    return URL.canParse(url ?? "") ? new URL(url ?? "").host : null;
  } catch {
    return null;
  }
}
