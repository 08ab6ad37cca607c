// A plain path that is only read: GET and HEAD are answered, everything else is refused with
// `Allow`.

import { TapinError } from "../errors.ts";
import type { Exchange } from "./exchange.ts";
import type { PlainRoute } from "./front.ts";

/**
 * Makes the route of a path, or with a final `*` of every path below it; `answer` sees GET and HEAD
 * only.
 */
export function readOnlyRoute(
  path: string,
  answer: (exchange: Exchange) => Promise<void>,
): PlainRoute {
  return {
    path,
    async handle(exchange) {
      if (exchange.method !== "GET" && exchange.method !== "HEAD") {
        throw new TapinError("METHOD_NOT_ALLOWED", { headers: [["allow", "GET, HEAD"]] });
      }
      await answer(exchange);
    },
  };
}
