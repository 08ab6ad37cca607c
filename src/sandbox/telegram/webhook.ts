// The webhook of the pretend Telegram: which one is set, and pushing the updates of the queue to
// it. The rules are those of tdlib/telegram-bot-api (WebhookActor). Not emulated: certificates,
// and that 410 ends a webhook.

import { randomInt } from "node:crypto";
import type { Faults } from "../faults.ts";
import type { Reactions } from "../reactions.ts";
import { type WebhookAnswer, WebhookDelivery } from "../webhook-delivery.ts";
import type { TelegramRules } from "./rules.ts";
import type { TelegramUpdate, UpdateQueue } from "./update-queue.ts";

/** Where a bot's updates go instead of getUpdates. */
export interface WebhookRegistration {
  /** "" when there is none. */
  readonly url: string;
  readonly secretToken: string;
  readonly maxConnections: number;
  readonly ipAddress: string;
}

/** What the webhook works with. */
export interface WebhookParts {
  readonly updates: UpdateQueue;
  readonly reactions: Reactions;
  readonly faults: Faults;
  readonly rules: TelegramRules;
  /** The time in whole seconds. */
  readonly now: () => number;
}

const NO_WEBHOOK: WebhookRegistration = {
  url: "",
  secretToken: "",
  maxConnections: 0,
  ipAddress: "",
};

const LONGEST_RETRY_SECONDS = [60, 120] as const;

// At once, then 1, 2, 4 ... seconds, at most a minute or two.
function retrySeconds(failed: number): number {
  if (failed === 1) return 0;
  const [least, most] = LONGEST_RETRY_SECONDS;
  return Math.min(2 ** (failed - 2), randomInt(least, most + 1));
}

interface Sender {
  readonly from?: { readonly id: number };
}

// One queue for each person and kind, so a message and a tap of one person may overlap.
function laneOf(update: TelegramUpdate): string {
  const [kind = "", content] = Object.entries(update).find(([name]) => name !== "update_id") ?? [];
  return `${kind} ${(content as Sender | undefined)?.from?.id ?? ""}`;
}

/** The webhook of one bot. */
export class TelegramWebhook {
  /** What the bot's answer to a delivery is handed to; its body may be a call of the Bot API. */
  onAnswer: (answer: WebhookAnswer) => void = () => undefined;
  readonly #parts: WebhookParts;
  #registration: WebhookRegistration = NO_WEBHOOK;
  #delivery: WebhookDelivery | undefined;
  #lastError: { readonly date: number; readonly message: string } | undefined;

  constructor(parts: WebhookParts) {
    this.#parts = parts;
  }

  /** What is set; its `url` is "" when nothing is. */
  get registration(): WebhookRegistration {
    return this.#registration;
  }

  /** When and how a delivery failed last; undefined when none did since the webhook was set. */
  get lastError(): { readonly date: number; readonly message: string } | undefined {
    return this.#lastError;
  }

  /** Sets the webhook; the updates that wait go to it. */
  set(registration: WebhookRegistration): void {
    this.drop();
    this.#registration = registration;
    this.#delivery = this.#deliverTo(registration);
    for (const update of this.#parts.updates.waiting()) this.offer(update);
  }

  /** Removes the webhook; the updates it has not taken wait for getUpdates. */
  drop(): void {
    this.#delivery?.close();
    this.#delivery = undefined;
    this.#registration = NO_WEBHOOK;
    this.#lastError = undefined;
  }

  /** Sends an update of the queue, if a webhook is set. */
  offer(update: TelegramUpdate): void {
    const { update_id: id } = update;
    this.#delivery?.send({
      id,
      lane: laneOf(update),
      body: JSON.stringify(update),
      isWanted: () => this.#parts.updates.has(id),
    });
  }

  #deliverTo({ url, secretToken, maxConnections }: WebhookRegistration): WebhookDelivery {
    const { updates, reactions, faults, rules, now } = this.#parts;
    const headers: Record<string, string> =
      secretToken === "" ? {} : { "x-telegram-bot-api-secret-token": secretToken };
    const deliveryRules = {
      accepts: (status: number) => status >= 200 && status < 300,
      retrySeconds,
      heedsRetryAfter: true,
      blocksLane: true,
      retryScale: () => rules.retryScale,
      timeoutMs: () => rules.webhookTimeoutMs,
      splitUtf8: () => faults.splitUtf8,
    };
    const target = { url, headers, connections: maxConnections };
    return new WebhookDelivery(target, deliveryRules, {
      sent: ({ id }) => reactions.fetched([id]),
      taken: ({ id }, answer) => {
        // The second copy of a doubled update still has to go out.
        if (updates.remove(id) === 0) reactions.delivered(id);
        this.onAnswer(answer);
      },
      failed: (_, message) => {
        this.#lastError = { date: now(), message };
      },
    });
  }
}
