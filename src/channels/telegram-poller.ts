// Long polling of Telegram: fetches updates, hands them to the inbox, confirms those that are handled, and copes
// with everything the API answers instead. Deletes no webhook but our own: that would silence whoever relies on it.

import type { Update } from "grammy/types";
import type { Api } from "grammy/web";
import type { BotTiming } from "./bot.ts";
import type { BotLog } from "./bot-log.ts";
import type { ErrorReader } from "./failure.ts";
import { apiSignal } from "./grammy.ts";
import type { Inbox } from "./inbox.ts";
import { pause, waitAtMost } from "./pause.ts";
import { LeaseLost } from "./polling-lease.ts";
import { createPollingTrouble } from "./polling-trouble.ts";
import { ALLOWED_UPDATES } from "./telegram-updates.ts";
import { createUpdateWindow, type UpdateWindow } from "./update-window.ts";
import { foreignInTheWay, type WebhookCalls } from "./webhook-registration.ts";

/** Seconds the server holds a request for updates open; it allows at most 50. */
export const LONG_POLL_SECONDS = 25;

/** Pauses before unconfirmed updates are asked for again together with new ones, in milliseconds. */
const REPOLL_MS = { first: 100, longest: 1000 };

/** What polling takes. */
export interface PollingParts {
  /** A client whose timeout is longer than {@link LONG_POLL_SECONDS}. */
  readonly api: Api;
  readonly webhooks: WebhookCalls;
  /** The webhook that may be removed; null = none. */
  readonly ownWebhookUrl: string | null;
  readonly inbox: Inbox;
  readonly timing: BotTiming;
  readonly log: BotLog;
  readonly errors: ErrorReader;
}

/** Polls until the signal is aborted, then lets handlers finish and confirms what they have done. */
export async function pollTelegram(parts: PollingParts, signal: AbortSignal): Promise<void> {
  const window = createUpdateWindow();
  const trouble = createPollingTrouble({
    ...parts,
    name: "Telegram",
    diagnoseConflict: () => diagnoseConflict(parts, signal),
    signal,
  });
  let repollMs = REPOLL_MS.first;
  while (!signal.aborted) {
    try {
      const updates = await fetchUpdates(parts.api, { window, signal });
      trouble.over();
      const fresh = updates.filter((update) => window.admit(update.update_id));
      for (const update of fresh) void handleOne(parts, { window, signal }, update);
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

// Confirmed only when handled, although it is noted before: then not even a database that is lost loses it.
async function handleOne(
  { inbox }: PollingParts,
  { window, signal }: Polling,
  update: Update,
): Promise<void> {
  const taken = await inbox.takeSurely(update, signal);
  if (taken === null) return window.leave(update.update_id);
  await taken.handled;
  window.finish(update.update_id);
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
    parts.log.info({ error: parts.errors.describe(error) }, "the last updates will come once more");
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
