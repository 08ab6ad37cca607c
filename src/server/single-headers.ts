// Headers that stand in a request once. Of two, Node takes the first; a proxy in front may have
// believed the other.

import { TapinError } from "../errors.ts";
import type { RequestHead } from "./exchange.ts";

const SINGLE = new Set(["authorization", "content-type"]);
const SHORTEST = "content-type".length;
const LONGEST = "authorization".length;

/**
 * Refuses two different values of a header that may have one: its sender must not make any (RFC
 * 9110 section 5.3).
 */
export function refuseDoubles({ rawHeaders }: Pick<RequestHead, "rawHeaders">): void {
  const seen = new Map<string, string>();
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const given = rawHeaders[at] ?? "";
    // Every call comes by here with a dozen others.
    if (given.length < SHORTEST || given.length > LONGEST) continue;
    const name = given.toLowerCase();
    if (!SINGLE.has(name)) continue;
    const value = rawHeaders[at + 1] ?? "";
    if ((seen.get(name) ?? value) !== value) {
      const sentence = `The ${name} header has two values.`;
      throw new TapinError("VALIDATION_FAILED", { sentence });
    }
    seen.set(name, value);
  }
}
