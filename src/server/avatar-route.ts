// Serves pictures of people under an id that tells nothing: bytes only, never where they came from (T18).

import type { ServerResponse } from "node:http";
import { type ReadAvatar, readAvatar } from "../actions/read-avatar.ts";
import type { Ports } from "../core/ports.ts";
import { TapinError } from "../errors.ts";
import type { Exchange } from "./exchange.ts";
import type { PlainRoute } from "./front.ts";

/** Prefix of every picture's path. */
export const AVATAR_PREFIX = "/avatars/";

/** The route of all pictures: GET and HEAD. */
export function avatarRoute(ports: Pick<Ports, "store" | "bots" | "secrets">): PlainRoute {
  return {
    path: `${AVATAR_PREFIX}*`,
    async handle(exchange) {
      if (exchange.method !== "GET" && exchange.method !== "HEAD") {
        throw new TapinError("METHOD_NOT_ALLOWED", { headers: [["allow", "GET, HEAD"]] });
      }
      answer(exchange, await readAvatar(ports, exchange.path.slice(AVATAR_PREFIX.length)));
    },
  };
}

function answer({ res, method }: Exchange, { avatar, maxAgeSeconds }: ReadAvatar): void {
  const { type, bytes } = avatar;
  res.statusCode = 200;
  res.setHeader("content-type", type);
  res.setHeader("content-length", String(bytes.byteLength));
  res.setHeader("cache-control", `private, max-age=${maxAgeSeconds}`);
  // Opened as a document, it can do nothing; pages of any website may show it.
  res.setHeader("content-security-policy", "default-src 'none'");
  res.setHeader("cross-origin-resource-policy", "cross-origin");
  // Both kinds of response have the same `end`, which the union type hides.
  if (method === "HEAD") res.end();
  else (res as ServerResponse).end(bytes);
}
