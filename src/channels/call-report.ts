// How the clients of messengers report their calls to whoever counts them.

import type { MessengerCall } from "../core/observer.ts";
import type { Channel } from "../core/subscriber.ts";

/** Hears how a call went, and how long it took. */
export type OnCall = (method: string, outcome: MessengerCall["outcome"], ms: number) => void;

/** What a client of the channel reports to; nothing when nobody listens. */
export function reportTo(
  channel: Channel,
  listener: ((call: MessengerCall) => void) | undefined,
): { readonly onCall?: OnCall } {
  if (listener === undefined) return {};
  return {
    onCall: (method, outcome, ms) => listener({ channel, method, outcome, seconds: ms / 1000 }),
  };
}
