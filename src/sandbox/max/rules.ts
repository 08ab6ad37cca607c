// What of the pretend MAX can be set: rules of the real one that get in the way of a test, and
// those on which its documentation and the reports of bot authors disagree. Everything else is
// fixed.

/** Settings of the pretend MAX; they may be changed while it runs. */
export interface MaxRules {
  /**
   * True to refuse with 429 what is over 30 calls a second in all, or over 2 sends, edits and
   * answers a second in one dialog (https://dev.max.ru/docs-api). Default: true.
   */
  rateLimits: boolean;
  /**
   * When opening a deep link tells the bot: `firstOrRestart`, as documented, only before the dialog
   * runs or after the bot was stopped; `always` also in a running dialog, as one text of the API
   * says. Default: `firstOrRestart`.
   */
  botStarted: "firstOrRestart" | "always";
  /**
   * What `callback_id` names: `perKeyboard`, as the schema says ("current keyboard identifier"), so
   * two taps may share one; or `perTap`. Default: `perKeyboard`.
   */
  callbackIds: "perKeyboard" | "perTap";
  /**
   * False to leave `chat_id` out of the message in a callback, as the schema allows. Default: true.
   */
  callbackChatId: boolean;
  /**
   * What a poll without `marker` gets: `sinceCommit`, everything that no marker has committed
   * (English text 0.0.33), or `latest`, the newest update alone (Russian page). Default:
   * `sinceCommit`.
   */
  pollWithoutMarker: "sinceCommit" | "latest";
  /**
   * Which URLs may be subscribed: `https` without a port, as the real one demands since 25 May
   * 2026; or `any` http or https one, for tests on a loopback host. Default: `https`.
   */
  webhookUrls: "https" | "any";
  /** Real seconds for each second between the attempts of a webhook delivery. Default: 1. */
  retryScale: number;
  /** How long a webhook may take to answer, in real milliseconds. Default: 30,000. */
  webhookTimeoutMs: number;
}

/** The rules as they are unless a test changes them. */
export function maxRules(change: Partial<MaxRules> = {}): MaxRules {
  return {
    rateLimits: true,
    botStarted: "firstOrRestart",
    callbackIds: "perKeyboard",
    callbackChatId: true,
    pollWithoutMarker: "sinceCommit",
    webhookUrls: "https",
    retryScale: 1,
    webhookTimeoutMs: 30_000,
    ...change,
  };
}
