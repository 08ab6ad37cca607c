// What of the pretend Telegram can be set, for tests. Everything else is as the real one has it.

/** Settings of the pretend Telegram; they may be changed while it runs. */
export interface TelegramRules {
  /**
   * True to refuse with 429 what is over the published limits: 30 messages a second in all, and in
   * one chat one a second, of which three may come at once.
   * https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this Default: false.
   */
  rateLimits: boolean;
  /** Real seconds for each second between the attempts of a webhook delivery. Default: 1. */
  retryScale: number;
  /** How long a webhook may take to answer, in real milliseconds. Default: 60,000. */
  webhookTimeoutMs: number;
}

/** The rules as they are unless a test changes them. */
export function telegramRules(change: Partial<TelegramRules> = {}): TelegramRules {
  return { rateLimits: false, retryScale: 1, webhookTimeoutMs: 60_000, ...change };
}
