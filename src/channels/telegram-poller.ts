// Long polling of Telegram: fetches updates, hands them to the inbox, confirms them once they are
// noted, and copes with everything the API answers instead. Deletes no webhook but our own: that
// would silence whoever relies on it.

import type { Update } from "grammy/types";
import type { Api } from "grammy/web";
import type { BotTiming } from "./bot.ts";
import type { BotLog } from "./bot-log.ts";
import type { ErrorReader } from "./failure.ts";
import { apiSignal } from "./grammy.ts";
import type { Inbox } from "./inbox.ts";
import { waitAtMost } from "./pause.ts";
import { LeaseLost } from "./polling-lease.ts";
import { createPollingTrouble } from "./polling-trouble.ts";
import { ALLOWED_UPDATES } from "./telegram-updates.ts";
import { foreignInTheWay, type WebhookCalls } from "./webhook-registration.ts";

/** Seconds the server holds a request for updates open; it allows at most 50. */
export const LONG_POLL_SECONDS = 25;

/** What polling takes. */
export interface PollingParts {
  /** A client whose timeout is longer than {@link LONG_POLL_SECONDS}. */
  readonly api: Api;
  readonly webhooks: WebhookCalls;
  /** The webhook that may be removed; null = none. */
  readonly ownWebhookUrl: string | null;
  readonly inbox: Inbox;
  readonly timing: BotTiming;
  /** As in BotOptions. */
  readonly tokenAdvice?: string;
  readonly log: BotLog;
  readonly errors: ErrorReader;
}

/**
 * Polls until the signal is aborted. What was fetched is noted by then, and handled by the inbox.
 */
export async function pollTelegram(parts: PollingParts, signal: AbortSignal): Promise<void> {
  const trouble = createPollingTrouble({
    ...parts,
    name: "Telegram",
    diagnoseConflict: () => diagnoseConflict(parts, signal),
    signal,
  });
  let offset: number | null = null;
  while (!signal.aborted) {
    try {
      const updates = await fetchUpdates(parts.api, offset, signal);
      trouble.over();
      const taken = updates.map((update) => parts.inbox.takeSurely(update, signal));
      if ((await Promise.all(taken)).includes(null)) return;
      // Asking from here confirms all before it: only now is every one of them noted. By order of
      // arrival, for after a week of silence ids go on at random
      // (https://core.telegram.org/bots/api#update).
      const last = updates.at(-1);
      if (last !== undefined) offset = last.update_id + 1;
    } catch (error) {
      if (!signal.aborted) await trouble.wait(error);
    }
  }
  await confirm(parts, offset, signal);
}

async function fetchUpdates(
  api: Api,
  offset: number | null,
  signal: AbortSignal,
): Promise<Update[]> {
  return await api.getUpdates(
    {
      timeout: LONG_POLL_SECONDS,
      allowed_updates: ALLOWED_UPDATES,
      ...(offset === null ? {} : { offset }),
    },
    apiSignal(signal),
  );
}

// Whoever took the lease over confirms: asking for updates now would throw that process out of its
// own request.
async function confirm(
  { api, log, errors }: PollingParts,
  offset: number | null,
  signal: AbortSignal,
): Promise<void> {
  if (offset === null || signal.reason instanceof LeaseLost) return;
  try {
    await waitAtMost(api.getUpdates({ offset, limit: 1, timeout: 0 }), 1000);
  } catch (error) {
    log.info({ error: errors.describe(error) }, "the last updates will come once more");
  }
}

const SECOND_POLLER =
  "another program asks for this bot's updates too: end it, or give it a bot of its own; trying again";

async function diagnoseConflict(
  { webhooks, ownWebhookUrl, log }: PollingParts,
  signal: AbortSignal,
): Promise<{ message: string; isLasting: boolean } | null> {
  try {
    const { registrations } = await webhooks.state(signal);
    const [webhook] = registrations;
    if (webhook === undefined) return { message: SECOND_POLLER, isLasting: false };
    if (webhook.url !== ownWebhookUrl) {
      const message = foreignInTheWay({ name: "Telegram", calls: webhooks }, registrations);
      return { message, isLasting: true };
    }
    await webhooks.remove(webhook.url, signal);
    log.info({}, "our own webhook from before is removed, since updates are polled now");
    return null;
  } catch {
    return { message: SECOND_POLLER, isLasting: false };
  }
}
