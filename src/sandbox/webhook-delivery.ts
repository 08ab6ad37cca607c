// Pushes updates to a bot's webhook: in order within a lane, lanes side by side, again after a
// failure for as long as the messenger's rules say. What an update looks like, and what a failure
// leads to, is the messenger's business.

import { setTimeout as sleep } from "node:timers/promises";

/** An update on its way. */
export interface Parcel {
  /** The messenger's number of the update. */
  readonly id: number;
  /** Parcels of one lane are sent one after the other. */
  readonly lane: string;
  /** JSON text. */
  readonly body: string;
  /** False when it has become pointless; asked before every attempt. */
  readonly isWanted: () => boolean;
}

/** What the bot answered to a delivery. */
export interface WebhookAnswer {
  readonly contentType: string;
  readonly body: string;
}

/** The rules of a messenger. */
export interface DeliveryRules {
  /** True for the statuses that count as taken. */
  readonly accepts: (status: number) => boolean;
  /** Seconds until the next attempt after so many failed ones; undefined: no further one. */
  readonly retrySeconds: (failed: number) => number | undefined;
  /**
   * True when the header Retry-After of a refusal (RFC 9110 section 10.2.3, in seconds) goes before
   * `retrySeconds`.
   */
  readonly heedsRetryAfter: boolean;
  /** True when a parcel that failed holds up its lane until it is taken. */
  readonly blocksLane: boolean;
  /**
   * Real seconds for each second of waiting between attempts: 1, less to compress it. Asked at each
   * wait.
   */
  readonly retryScale: () => number;
  /** How long the bot may take to answer, in real milliseconds. Asked at each attempt. */
  readonly timeoutMs: () => number;
  /** True to send the body in two pieces, torn inside a character. Asked at each attempt. */
  readonly splitUtf8: () => boolean;
}

/** What is reported. */
export interface DeliveryEvents {
  /** An attempt begins. */
  readonly sent: (parcel: Parcel) => void;
  /** The bot took it. */
  readonly taken: (parcel: Parcel, answer: WebhookAnswer) => void;
  /** An attempt failed; the sentence says how. */
  readonly failed: (parcel: Parcel, problem: string) => void;
}

/** Where updates go. */
export interface WebhookTarget {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Most deliveries under way at once; the rest waits, first come first served. Default: any. */
  readonly connections?: number;
}

interface Attempt {
  readonly problem?: string;
  readonly answer?: WebhookAnswer;
  readonly retryAfterSeconds?: number;
}

// https://core.telegram.org/bots/api gives no number; tdlib/telegram-bot-api takes no more than an
// hour.
const RETRY_AFTER_LIMIT_SECONDS = 3600;
const SPLIT_PAUSE_MS = 20;

/** One webhook of a bot. */
export class WebhookDelivery {
  readonly #target: WebhookTarget;
  readonly #rules: DeliveryRules;
  readonly #events: DeliveryEvents;
  readonly #lanes = new Map<string, Parcel[]>();
  readonly #closing = new AbortController();
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(target: WebhookTarget, rules: DeliveryRules, events: DeliveryEvents) {
    this.#target = target;
    this.#free = target.connections ?? Number.POSITIVE_INFINITY;
    this.#rules = rules;
    this.#events = events;
  }

  /** Sends a parcel as soon as its lane is free. Does nothing once closed. */
  send(parcel: Parcel): void {
    if (this.#closing.signal.aborted) return;
    const lane = this.#lanes.get(parcel.lane);
    if (lane !== undefined) {
      lane.push(parcel);
      return;
    }
    const opened = [parcel];
    this.#lanes.set(parcel.lane, opened);
    void this.#drive(parcel.lane, opened);
  }

  /** Stops sending, also what is under way. Nothing is reported any more. */
  close(): void {
    this.#closing.abort();
    this.#lanes.clear();
  }

  async #drive(name: string, lane: Parcel[]): Promise<void> {
    for (let parcel = lane.shift(); parcel !== undefined; parcel = lane.shift()) {
      const retries = this.#retry(parcel, await this.#try(parcel));
      if (this.#rules.blocksLane) await retries;
      else void retries;
    }
    this.#lanes.delete(name);
  }

  /** Undefined when nothing is left to be done: taken, no longer wanted, or closed. */
  async #try(parcel: Parcel): Promise<Attempt | undefined> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await this.#tryNow(parcel);
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    }
  }

  async #tryNow(parcel: Parcel): Promise<Attempt | undefined> {
    if (this.#closing.signal.aborted || !parcel.isWanted()) return undefined;
    this.#events.sent(parcel);
    const attempt = await this.#post(parcel);
    if (this.#closing.signal.aborted) return undefined;
    if (attempt.answer !== undefined) {
      this.#events.taken(parcel, attempt.answer);
      return undefined;
    }
    this.#events.failed(parcel, attempt.problem ?? "");
    return attempt;
  }

  async #retry(parcel: Parcel, first: Attempt | undefined): Promise<void> {
    let failure = first;
    for (let failed = 1; failure !== undefined; failed += 1) {
      const seconds = failure.retryAfterSeconds ?? this.#rules.retrySeconds(failed);
      if (seconds === undefined) return;
      const { signal } = this.#closing;
      await sleep(seconds * 1000 * this.#rules.retryScale(), undefined, { signal }).catch(() => {
        // Closed meanwhile: the next attempt sees it.
      });
      failure = await this.#try(parcel);
    }
  }

  async #post({ body }: Parcel): Promise<Attempt> {
    const timeout = AbortSignal.timeout(this.#rules.timeoutMs());
    try {
      const response = await fetch(this.#target.url, {
        method: "POST",
        headers: { "content-type": "application/json", ...this.#target.headers },
        redirect: "manual",
        signal: AbortSignal.any([this.#closing.signal, timeout]),
        ...(this.#rules.splitUtf8() ? { body: tornBody(body), duplex: "half" } : { body }),
      } as RequestInit);
      return await this.#readAnswer(response);
    } catch {
      return { problem: timeout.aborted ? "Read timeout expired" : "Connection refused" };
    }
  }

  async #readAnswer(response: Response): Promise<Attempt> {
    const body = await response.text();
    if (this.#rules.accepts(response.status)) {
      return { answer: { contentType: response.headers.get("content-type") ?? "", body } };
    }
    const { status, statusText } = response;
    const problem = `Wrong response from the webhook: ${status} ${statusText}`.trimEnd();
    const asked = Number(response.headers.get("retry-after") ?? Number.NaN);
    if (!this.#rules.heedsRetryAfter || !(asked > 0)) return { problem };
    return { problem, retryAfterSeconds: Math.min(asked, RETRY_AFTER_LIMIT_SECONDS) };
  }
}

function tornBody(text: string): ReadableStream<Uint8Array> {
  const bytes = Buffer.from(text);
  const firstLong = bytes.findIndex((byte) => byte > 0x7f);
  const at = firstLong === -1 ? bytes.byteLength >> 1 : firstLong + 1;
  return new ReadableStream({
    async start(controller) {
      controller.enqueue(new Uint8Array(bytes.subarray(0, at)));
      await sleep(SPLIT_PAUSE_MS);
      controller.enqueue(new Uint8Array(bytes.subarray(at)));
      controller.close();
    },
  });
}
