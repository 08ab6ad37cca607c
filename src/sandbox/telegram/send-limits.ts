// How many messages a bot may send: Telegram publishes the numbers as advice and keeps the exact
// ones to itself. https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this

import { RateLimit } from "../rate-limit.ts";
import { TelegramApiError } from "./api-error.ts";

/** The limits of one bot: 30 messages a second, and in one chat three in three seconds. */
export class SendLimits {
  readonly #all: RateLimit;
  readonly #chat: RateLimit;

  /** `now` gives the time in milliseconds. */
  constructor(now: () => number) {
    this.#all = new RateLimit({ limit: 30, windowMs: 1000, now });
    this.#chat = new RateLimit({ limit: 3, windowMs: 3000, now });
  }

  /** Takes one message to the chat. Throws 429 with the seconds to wait when there is none left. */
  take(chatId: number): void {
    const waitMs = this.#chat.take(chatId) || this.#all.take("all");
    if (waitMs === 0) return;
    const seconds = Math.ceil(waitMs / 1000);
    throw tooManyRequests(seconds);
  }
}

/** 429 with the seconds to wait. https://core.telegram.org/bots/api#responseparameters */
export function tooManyRequests(retryAfterSeconds: number): TelegramApiError {
  const description = `Too Many Requests: retry after ${retryAfterSeconds}`;
  return new TelegramApiError(429, description, { retry_after: retryAfterSeconds });
}
