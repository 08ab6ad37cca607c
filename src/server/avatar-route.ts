// Serves pictures of people under an id that tells nothing: bytes only, never where they came from (T18).

import { readAvatar } from "../actions/read-avatar.ts";
import type { Ports } from "../core/ports.ts";
import { answerBytes } from "./exchange.ts";
import type { PlainRoute } from "./front.ts";
import { readOnlyRoute } from "./read-only-route.ts";

/** Prefix of every picture's path. */
export const AVATAR_PREFIX = "/avatars/";

/** The route of all pictures: GET and HEAD. */
export function avatarRoute(ports: Pick<Ports, "store" | "bots" | "secrets">): PlainRoute {
  return readOnlyRoute(`${AVATAR_PREFIX}*`, async (exchange) => {
    const id = exchange.path.slice(AVATAR_PREFIX.length);
    const { avatar, maxAgeSeconds } = await readAvatar(ports, id);
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
