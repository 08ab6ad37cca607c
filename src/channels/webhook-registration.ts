// Keeps a bot's webhook registered: at the start, and again whenever the messenger has lost or
// changed it. A webhook of somebody else is never removed or replaced. What a messenger's calls
// look like is handed in.

import type { BotLog } from "./bot-log.ts";
import type { ErrorReader } from "./failure.ts";
import { pause } from "./pause.ts";

/** A webhook as the messenger has it. */
export interface Registration {
  readonly url: string;
  /**
   * Whether everything else about it is as it should be: kinds of update, and no sign of a wrong
   * secret.
   */
  readonly intact: boolean;
}

/** What the messenger knows of the bot's webhooks. */
export interface WebhookState {
  readonly registrations: readonly Registration[];
  /** What went wrong with a delivery last; null when nothing did or the messenger does not tell. */
  readonly lastError: string | null;
  /** How many updates wait; null when the messenger does not tell. */
  readonly pendingUpdates: number | null;
}

/** A messenger's calls about webhooks. All reject when they fail. */
export interface WebhookCalls {
  /**
   * Whether a new registration takes the place of the old one, as in Telegram; in MAX it comes on
   * top.
   */
  readonly exclusive: boolean;
  /**
   * Whether registering once more leaves alone what is on its way to the webhook, as in Telegram.
   * Of MAX nobody knows, so there a webhook that stands as it should is left as it is.
   */
  readonly keepsPending: boolean;
  /** The call by which an operator removes a webhook, for the log. */
  readonly removal: string;
  state(signal: AbortSignal): Promise<WebhookState>;
  register(
    webhook: { readonly url: string; readonly secret: string },
    signal: AbortSignal,
  ): Promise<void>;
  remove(url: string, signal: AbortSignal): Promise<void>;
}

/** What keeping a webhook takes. */
export interface WebhookParts {
  /** The messenger's name, for the log. */
  readonly name: string;
  readonly calls: WebhookCalls;
  readonly log: BotLog;
  readonly errors: ErrorReader;
  readonly timing: {
    readonly firstBackoffMs: number;
    readonly longestBackoffMs: number;
    readonly reconcileMs: number;
  };
}

/** The origin of a URL, all of it that may be told: its path is a secret. */
export function originOf(url: string): string {
  return URL.canParse(url) ? new URL(url).origin : "an address that is no URL";
}

/** Registers the webhook and keeps it registered until the signal is aborted. Never rejects. */
export async function keepWebhook(
  parts: WebhookParts,
  webhook: { readonly url: string; readonly secret: string },
  signal: AbortSignal,
): Promise<void> {
  const { timing } = parts;
  const keeper = new Keeper(parts, webhook, signal);
  for (let failures = 0; !signal.aborted; ) {
    const outcome = await keeper.look();
    failures = outcome === "failed" ? failures + 1 : 0;
    const backoffMs = timing.firstBackoffMs * 2 ** (failures - 1);
    const waitMs = {
      kept: timing.reconcileMs,
      foreign: timing.longestBackoffMs,
      failed: Math.min(backoffMs, timing.longestBackoffMs),
    }[outcome];
    await pause(waitMs, signal);
  }
}

/** Removes the webhooks of ours, and no other. Rejects when a call fails. */
export async function removeWebhooks(
  calls: WebhookCalls,
  ownUrl: string,
  signal: AbortSignal,
): Promise<void> {
  const { registrations } = await calls.state(signal);
  for (const { url } of registrations) {
    if (isOwn(url, ownUrl)) await calls.remove(url, signal);
  }
}

class Keeper {
  readonly #parts: WebhookParts;
  readonly #webhook: { readonly url: string; readonly secret: string };
  readonly #signal: AbortSignal;
  #registered = false;
  #lastError: string | null = null;
  // What was told last, so that each state is told once.
  #told = "";

  constructor(
    parts: WebhookParts,
    webhook: { readonly url: string; readonly secret: string },
    signal: AbortSignal,
  ) {
    this.#parts = parts;
    this.#webhook = webhook;
    this.#signal = signal;
  }

  async look(): Promise<"kept" | "foreign" | "failed"> {
    const { name, errors } = this.#parts;
    try {
      return await this.#reconcile();
    } catch (error) {
      if (this.#signal.aborted) return "failed";
      const message =
        errors.failureOf(error) === "refused"
          ? `${name} refuses the webhook: check the public URL, which must be reachable by https`
          : `${name} cannot be reached about the webhook; trying again`;
      this.#tell("warn", message, error);
      return "failed";
    }
  }

  async #reconcile(): Promise<"kept" | "foreign"> {
    const { calls } = this.#parts;
    const { url } = this.#webhook;
    const { registrations, lastError } = await calls.state(this.#signal);
    const foreign = registrations.filter((each) => !isOwn(each.url, url));
    if (foreign.length > 0 && calls.exclusive) {
      this.#tell("error", foreignInTheWay(this.#parts, foreign));
      return "foreign";
    }
    const isFirst = !this.#registered;
    await this.#register(registrations);
    for (const each of registrations) {
      if (each.url !== url && isOwn(each.url, url)) await this.#removeStale(each.url);
    }
    if (foreign.length > 0) this.#tell("warn", foreignBeside(this.#parts, foreign));
    else this.#told = "";
    this.#tellFailure(lastError, isFirst);
    return "kept";
  }

  // Not the one of before this process: whoever reads the log could do nothing about it.
  #tellFailure(lastError: string | null, isFirst: boolean): void {
    const { log, errors } = this.#parts;
    if (!isFirst && lastError !== null && lastError !== this.#lastError) {
      log.warn({ error: errors.describe(lastError) }, DELIVERY_FAILED);
    }
    this.#lastError = lastError;
  }

  // The first time in any case, where that costs nothing: nobody can tell which secret the
  // messenger has. It is most likely ours, for the URL is as secret and is made of the same.
  async #register(registrations: readonly Registration[]): Promise<void> {
    const { calls, log, name } = this.#parts;
    const before = registrations.find((each) => each.url === this.#webhook.url);
    const isKept = before?.intact === true && (this.#registered || !calls.keepsPending);
    if (isKept && this.#registered) return;
    if (!isKept) await calls.register(this.#webhook, this.#signal);
    if (!this.#registered) log.info({}, `${name} delivers updates to the webhook`);
    else log.warn({}, `${name} had lost or changed the webhook; it is registered again`);
    this.#registered = true;
  }

  async #removeStale(url: string): Promise<void> {
    const { calls, log, name } = this.#parts;
    if (calls.exclusive) return;
    await calls.remove(url, this.#signal);
    log.info({}, `an older webhook of ours was removed from ${name}`);
  }

  #tell(level: "warn" | "error", message: string, detail?: unknown): void {
    const { log, errors } = this.#parts;
    if (this.#told === message) return;
    this.#told = message;
    log[level](detail === undefined ? {} : { error: errors.describe(detail) }, message);
  }
}

const DELIVERY_FAILED = "a delivery to the webhook has failed; the messenger tries again";

/**
 * Whether a webhook is this Tapin's: in the same folder as the one it wants. Another path there is
 * an older one.
 */
export function isOwn(registered: string, wanted: string): boolean {
  return folderOf(registered) === folderOf(wanted);
}

function folderOf(url: string): string {
  return URL.canParse(url) ? new URL(".", url).href : url;
}

function hostsOf(registrations: readonly Registration[]): string {
  return registrations.map(({ url }) => originOf(url)).join(", ");
}

/** The sentence for a foreign webhook that keeps this Tapin from getting updates. */
export function foreignInTheWay(
  { name, calls }: Pick<WebhookParts, "name" | "calls">,
  foreign: readonly Registration[],
): string {
  return (
    `this bot's updates go to a webhook at ${hostsOf(foreign)}, so Tapin gets none from ${name}. If nothing ` +
    `needs that webhook, remove it with ${calls.removal}; else use another bot here. Trying again now and then`
  );
}

function foreignBeside({ calls }: WebhookParts, foreign: readonly Registration[]): string {
  return (
    `this bot's updates also go to a webhook at ${hostsOf(foreign)}: two programs answer people. If nothing ` +
    `needs that webhook, remove it with ${calls.removal}; else use another bot here`
  );
}
