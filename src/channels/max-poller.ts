// Long polling of MAX: fetches updates, hands them to the inbox, and copes with everything the API
// answers instead. Removes no webhook but our own: that would silence whoever relies on it.

import type { BotHandlers } from "../core/bot-ports.ts";
import type { BotTiming } from "./bot.ts";
import type { BotLog } from "./bot-log.ts";
import type { ErrorReader } from "./failure.ts";
import type { Inbox } from "./inbox.ts";
import type { MaxClient, MaxUpdates } from "./max-client.ts";
import { losesMeaning, readMaxUpdate, timeOf, UPDATE_TYPES } from "./max-updates.ts";
import { pause, waitUnlessAborted } from "./pause.ts";
import { createPollingTrouble, type PollingTrouble } from "./polling-trouble.ts";
import { foreignInTheWay, type WebhookCalls } from "./webhook-registration.ts";

/** Seconds the server holds a request for updates open; it allows at most 90. */
const LONG_POLL_SECONDS = 25;

/** Shortest time between two requests for updates, in milliseconds, as MAX wants it. */
const POLL_SPACING_MS = 300;

/** What polling takes. */
export interface MaxPollingParts {
  readonly client: MaxClient;
  readonly handlers: Pick<BotHandlers, "marker" | "keepMarker">;
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
export async function pollMax(parts: MaxPollingParts, signal: AbortSignal): Promise<void> {
  const { timing } = parts;
  const trouble = createPollingTrouble({ ...parts, name: "MAX", signal });
  const place = new Place(parts);
  await place.find(signal);
  let clearUntil = 0;
  while (!signal.aborted) {
    try {
      if (performance.now() >= clearUntil) {
        if (!(await clearWebhooks(parts, trouble, signal))) continue;
        clearUntil = performance.now() + timing.reconcileMs;
      }
      const askedAt = performance.now();
      const page = await fetchPage(parts.client, place.marker, signal);
      trouble.over();
      if (!(await takeAll(parts, page.updates, { isFirst: place.isFirst, signal }))) return;
      // Asking from here confirms all before it: only now is every one of them noted.
      await waitUnlessAborted(place.moveTo(page.marker), signal);
      await pause(askedAt + POLL_SPACING_MS - performance.now(), signal);
    } catch (error) {
      if (!signal.aborted) await trouble.wait(error);
      place.doubt(error);
    }
  }
}

type PlaceParts = Pick<MaxPollingParts, "handlers" | "timing" | "log" | "errors">;

// Without a marker MAX may tell of the newest update alone (so its pages in Russian, unlike those
// in English): a process that is started anew goes on where the one before it was.
class Place {
  /** Whether nothing was taken from here yet. */
  isFirst = true;
  readonly #parts: PlaceParts;
  #marker: MaxUpdates["marker"] = null;

  constructor(parts: PlaceParts) {
    this.#parts = parts;
  }

  get marker(): MaxUpdates["marker"] {
    return this.#marker;
  }

  /**
   * Reads where polling goes on: tries until the database tells, or the signal is aborted. Never
   * rejects.
   */
  async find(signal: AbortSignal): Promise<void> {
    const { handlers, timing, log, errors } = this.#parts;
    const { firstBackoffMs, longestBackoffMs } = timing;
    for (let waitMs = firstBackoffMs; !signal.aborted; waitMs *= 2) {
      try {
        this.#marker = await waitUnlessAborted(handlers.marker(), signal);
        return;
      } catch (error) {
        if (waitMs === firstBackoffMs) {
          log.warn({ error: errors.describe(error) }, "where polling goes on could not be read");
        }
        await pause(Math.min(waitMs, longestBackoffMs), signal);
      }
    }
  }

  async moveTo(marker: MaxUpdates["marker"]): Promise<void> {
    const { handlers, log, errors } = this.#parts;
    const isNew = marker !== null && String(marker) !== String(this.#marker);
    this.isFirst = false;
    if (!isNew) return;
    this.#marker = marker;
    try {
      await handlers.keepMarker(String(marker));
    } catch (error) {
      log.info({ error: errors.describe(error) }, "where polling goes on could not be kept");
    }
  }

  /**
   * A marker that was kept for long may mean nothing to MAX any more: once it is refused, polling
   * begins anew.
   */
  doubt(error: unknown): void {
    if (this.isFirst && this.#parts.errors.failureOf(error) === "refused") this.#marker = null;
  }
}

async function fetchPage(
  client: MaxClient,
  marker: MaxUpdates["marker"],
  signal: AbortSignal,
): Promise<MaxUpdates> {
  const query = { marker, timeoutSeconds: LONG_POLL_SECONDS, types: UPDATE_TYPES };
  return await client.getUpdates(query, signal);
}

// Polling gets nothing, and no error either, while there is a webhook: so ask. False when one is in
// the way.
async function clearWebhooks(
  { webhooks, ownWebhookUrl, log }: MaxPollingParts,
  trouble: PollingTrouble,
  signal: AbortSignal,
): Promise<boolean> {
  const { registrations } = await webhooks.state(signal);
  const foreign = registrations.filter(({ url }) => url !== ownWebhookUrl);
  if (foreign.length > 0) {
    await trouble.waitFor(foreignInTheWay({ name: "MAX", calls: webhooks }, foreign));
    return false;
  }
  for (const { url } of registrations) {
    await webhooks.remove(url, signal);
    log.info({}, "our own webhook from before is removed, since updates are polled now");
  }
  return true;
}

interface Batch {
  /**
   * Whether it is the first of this process, so that MAX may have sent what happened or was handled
   * long ago.
   */
  readonly isFirst: boolean;
  readonly signal: AbortSignal;
}

/** False when the signal was aborted before all were noted. */
async function takeAll(
  { inbox, timing }: MaxPollingParts,
  updates: readonly unknown[],
  { isFirst, signal }: Batch,
): Promise<boolean> {
  const oldest = Date.now() - timing.replayMs;
  const wanted = isFirst ? updates.filter((update) => !isOutdated(update, oldest)) : updates;
  const taken = await Promise.all(wanted.map((update) => inbox.takeSurely(update, signal)));
  return !taken.includes(null);
}

function isOutdated(update: unknown, oldest: number): boolean {
  const time = timeOf(update);
  if (time === null || time >= oldest) return false;
  try {
    const keyed = readMaxUpdate(update, null);
    return keyed !== null && losesMeaning(keyed.event);
  } catch {
    // Whoever takes it in logs that it is no update.
    return false;
  }
}
