// The webhooks of the bot: which URLs are subscribed, and pushing updates to each of them.
// https://dev.max.ru/docs-api/methods/POST/subscriptions Assumed, since nothing says otherwise: an
// update that came before a URL was subscribed stays with the pollers, and one that was given up on
// is lost.

import type { Faults } from "../faults.ts";
import type { Reactions } from "../reactions.ts";
import { WebhookDelivery } from "../webhook-delivery.ts";
import { jsonText } from "./json-text.ts";
import type { MaxRules } from "./rules.ts";
import type { MaxUpdate } from "./shapes.ts";

/** What the bot asks for. */
export interface SubscriptionRequest {
  readonly url: string;
  /** Sent with every delivery; undefined: none. */
  readonly secret: string | undefined;
  /** Kinds of update; undefined: all. */
  readonly updateTypes: readonly string[] | undefined;
}

/** A subscription as the API lists it: never with its secret. */
export interface SubscriptionShape {
  readonly url: string;
  readonly time: number;
  readonly update_types: readonly string[] | null;
}

/** What the subscriptions work with. */
export interface SubscriptionParts {
  readonly reactions: Reactions;
  readonly faults: Faults;
  readonly rules: MaxRules;
  /** The time in milliseconds. */
  readonly now: () => number;
}

interface Subscription extends SubscriptionRequest {
  readonly time: number;
  readonly delivery: WebhookDelivery;
  /** When deliveries began to fail; undefined since the last success. */
  failingSince: number | undefined;
}

/** A URL that took nothing for so long is unsubscribed, in milliseconds. */
export const UNSUBSCRIBE_AFTER_MS = 8 * 60 * 60 * 1000;

/** How many further attempts a delivery has. */
export const RETRIES_LIMIT = 10;

const FIRST_RETRY_SECONDS = 60;
const RETRY_FACTOR = 2.5;

function retrySeconds(failed: number): number | undefined {
  return failed > RETRIES_LIMIT ? undefined : FIRST_RETRY_SECONDS * RETRY_FACTOR ** (failed - 1);
}

/** Every subscription of one bot, one for each URL. */
export class MaxSubscriptions {
  readonly #parts: SubscriptionParts;
  readonly #byUrl = new Map<string, Subscription>();
  // Below 0, so that they never meet the places of the queue.
  #lastId = 0;

  constructor(parts: SubscriptionParts) {
    this.#parts = parts;
  }

  /** How many there are. */
  get size(): number {
    this.#dropDead();
    return this.#byUrl.size;
  }

  /** The subscriptions, oldest first. */
  list(): readonly SubscriptionShape[] {
    this.#dropDead();
    return [...this.#byUrl.values()].map(({ url, time, updateTypes }) => ({
      url,
      time,
      update_types: updateTypes ?? null,
    }));
  }

  /** Adds a URL to the others, or changes what is asked of one that is there. */
  add(request: SubscriptionRequest): void {
    this.remove(request.url);
    const subscription: Subscription = {
      ...request,
      time: this.#parts.now(),
      delivery: this.#deliverTo(request),
      failingSince: undefined,
    };
    this.#byUrl.set(request.url, subscription);
  }

  /** Removes a URL and stops what is under way to it; false when it was not there. */
  remove(url: string): boolean {
    this.#byUrl.get(url)?.delivery.close();
    return this.#byUrl.delete(url);
  }

  /**
   * Sends an update to every URL that wants it. Returns its number, or undefined when none does.
   */
  publish(
    update: MaxUpdate,
    { lane, copies }: { lane: string; copies: number },
  ): number | undefined {
    const wanting = [...this.#byUrl.values()].filter(
      ({ updateTypes }) => updateTypes?.includes(update.update_type) ?? true,
    );
    if (wanting.length === 0) return undefined;
    const id = --this.#lastId;
    const parcel = { id, lane, body: jsonText(update), isWanted: () => true };
    // Not at once: who publishes gets to know the number before the update is sent.
    queueMicrotask(() => {
      for (const { delivery } of wanting) {
        for (let copy = 0; copy < copies; copy += 1) delivery.send(parcel);
      }
    });
    return id;
  }

  /** Removes them all. */
  close(): void {
    for (const url of [...this.#byUrl.keys()]) this.remove(url);
  }

  #deliverTo({ url, secret }: SubscriptionRequest): WebhookDelivery {
    const { faults, reactions, rules } = this.#parts;
    const headers: Record<string, string> =
      secret === undefined ? {} : { "x-max-bot-api-secret": secret };
    const deliveryRules = {
      accepts: (status: number) => status === 200,
      retrySeconds,
      heedsRetryAfter: false,
      blocksLane: false,
      retryScale: () => rules.retryScale,
      timeoutMs: () => rules.webhookTimeoutMs,
      splitUtf8: () => faults.splitUtf8,
    };
    return new WebhookDelivery({ url, headers }, deliveryRules, {
      sent: ({ id }) => reactions.fetched([id]),
      taken: ({ id }) => {
        reactions.delivered(id);
        this.#note(url, undefined);
      },
      failed: () => this.#note(url, this.#byUrl.get(url)?.failingSince ?? this.#parts.now()),
    });
  }

  #note(url: string, failingSince: number | undefined): void {
    const subscription = this.#byUrl.get(url);
    if (subscription !== undefined) subscription.failingSince = failingSince;
    this.#dropDead();
  }

  #dropDead(): void {
    const now = this.#parts.now();
    for (const { url, failingSince } of [...this.#byUrl.values()]) {
      if (failingSince !== undefined && now - failingSince >= UNSUBSCRIBE_AFTER_MS)
        this.remove(url);
    }
  }
}
