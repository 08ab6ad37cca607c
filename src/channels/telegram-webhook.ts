// Telegram's calls about webhooks. A bot has one at most; nobody can ask which secret it has.
// https://core.telegram.org/bots/api#setwebhook

import type { Api } from "grammy/web";
import { apiSignal } from "./grammy.ts";
import { ALLOWED_UPDATES } from "./telegram-updates.ts";
import type { WebhookCalls, WebhookState } from "./webhook-registration.ts";

/** How many deliveries Telegram makes at once, 1-100; its default of 40 makes a crowd wait. */
const MAX_CONNECTIONS = 100;

/** Makes the calls. */
export function telegramWebhooks(api: Api): WebhookCalls {
  // The error of before the last registration says nothing about that one: Telegram never forgets
  // it.
  const errors = { seenAt: 0, forgivenUntil: 0 };
  return {
    exclusive: true,
    keepsPending: true,
    removal: "the Bot API's deleteWebhook",
    async state(signal) {
      const info = await api.getWebhookInfo(apiSignal(signal));
      errors.seenAt = info.last_error_date ?? 0;
      return readInfo(info, errors.seenAt > errors.forgivenUntil);
    },
    async register({ url, secret }, signal) {
      const options = {
        secret_token: secret,
        allowed_updates: ALLOWED_UPDATES,
        max_connections: MAX_CONNECTIONS,
      };
      await api.setWebhook(url, options, apiSignal(signal));
      errors.forgivenUntil = errors.seenAt;
    },
    async remove(_, signal) {
      await api.deleteWebhook({}, apiSignal(signal));
    },
  };
}

type WebhookInfo = Awaited<ReturnType<Api["getWebhookInfo"]>>;

function readInfo(info: WebhookInfo, isErrorNew: boolean): WebhookState {
  const { url, pending_update_count: pendingUpdates, last_error_message: lastError = null } = info;
  if (url === undefined || url === "")
    return { registrations: [], lastError: null, pendingUpdates };
  const kinds: readonly string[] = info.allowed_updates ?? [];
  const hasKinds =
    kinds.length === ALLOWED_UPDATES.length &&
    ALLOWED_UPDATES.every((kind) => kinds.includes(kind));
  // The endpoint answers 401 to a wrong secret; registering anew gives Telegram the right one.
  const isTurnedAway = isErrorNew && lastError?.includes(" 401") === true;
  return { registrations: [{ url, intact: hasKinds && !isTurnedAway }], lastError, pendingUpdates };
}
