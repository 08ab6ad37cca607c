// MAX's calls about webhooks. A bot may have several, one for each URL; nobody can ask which secret
// one has. https://dev.max.ru/docs-api/methods/POST/subscriptions

import type { MaxClient, MaxSubscription } from "./max-client.ts";
import { UPDATE_TYPES } from "./max-updates.ts";
import type { WebhookCalls } from "./webhook-registration.ts";

/** Makes the calls. */
export function maxWebhooks(client: MaxClient): WebhookCalls {
  return {
    exclusive: false,
    keepsPending: false,
    removal: "the Bot API's DELETE /subscriptions",
    async state(signal) {
      const subscriptions = await client.listSubscriptions(signal);
      const registrations = subscriptions.map((each) => ({
        url: each.url,
        intact: isIntact(each),
      }));
      return { registrations, lastError: null, pendingUpdates: null };
    },
    async register({ url, secret }, signal) {
      await client.subscribe({ url, secret, update_types: UPDATE_TYPES }, signal);
    },
    remove: (url, signal) => client.unsubscribe(url, signal),
  };
}

// None listed means all there are.
function isIntact({ update_types: types = null }: MaxSubscription): boolean {
  return types === null || UPDATE_TYPES.every((type) => types.includes(type));
}
