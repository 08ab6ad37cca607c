// Serves pictures of people under an id that tells nothing: bytes only, never where they came from
// (T18).

import { type ReadAvatar, readAvatar } from "../actions/read-avatar.ts";
import type { Ports } from "../core/ports.ts";
import { TapinError } from "../errors.ts";
import { answerBytes } from "./exchange.ts";
import type { PlainRoute } from "./front.ts";
import type { Limits } from "./limit.ts";
import { readOnlyRoute } from "./read-only-route.ts";

/** Prefix of every picture's path. */
export const AVATAR_PREFIX = "/avatars/";

/**
 * Milliseconds for which it is kept that a picture could not be read: anybody may ask, and a
 * messenger would be asked.
 */
export const FAILED_MS = 5000;

/** The route of all pictures: GET and HEAD, each off the budget of its address. */
export function avatarRoute(
  ports: Pick<Ports, "store" | "bots" | "secrets">,
  limits: Pick<Limits, "request">,
): PlainRoute {
  const read = rememberFailures((id) => readAvatar(ports, id));
  return readOnlyRoute(`${AVATAR_PREFIX}*`, async (exchange) => {
    for (const field of await limits.request(exchange, { kind: "anybody" }))
      exchange.tell(...field);
    const { avatar, maxAgeSeconds } = await read(exchange.path.slice(AVATAR_PREFIX.length));
    await answerBytes(exchange, {
      ...avatar,
      headers: [
        ["cache-control", `private, max-age=${maxAgeSeconds}`],
        // Opened as a document, it can do nothing; pages of any website may show it.
        ["content-security-policy", "default-src 'none'"],
        ["cross-origin-resource-policy", "cross-origin"],
      ],
    });
  });
}

/** The same, but whoever asks again soon after it was unavailable is told so at once. */
function rememberFailures(
  read: (id: string) => Promise<ReadAvatar>,
): (id: string) => Promise<ReadAvatar> {
  // Those of real pictures only, in the order in which they were noted.
  const failed = new Map<string, { readonly failure: TapinError; readonly until: number }>();
  return async (id) => {
    const now = performance.now();
    for (const [old, { until }] of failed) {
      if (until > now) break;
      failed.delete(old);
    }
    const known = failed.get(id);
    if (known !== undefined) throw known.failure;
    try {
      return await read(id);
    } catch (error) {
      if (error instanceof TapinError && error.reason === "UNAVAILABLE") {
        failed.delete(id);
        failed.set(id, { failure: error, until: performance.now() + FAILED_MS });
      }
      throw error;
    }
  };
}
