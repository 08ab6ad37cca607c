// The version of the Connect protocol, which connect-node either demands of everybody or looks at
// in nobody.

import { TapinError } from "../errors.ts";
import type { Dialect } from "./call.ts";

/** The header that names it; a GET has the query parameter `connect` instead. */
export const VERSION_HEADER = "connect-protocol-version";

/** The one there is (https://connectrpc.com/docs/protocol). */
export const VERSION = "1";

/**
 * Fails with `validation_failed` when a Connect caller speaks another version; whoever names none
 * speaks this one.
 */
export function checkVersion(
  dialect: Dialect,
  headers: { get(name: string): string | null },
  query: URLSearchParams | null,
): void {
  if (dialect !== "connect") return;
  const [field, given, known] =
    query === null
      ? [VERSION_HEADER, headers.get(VERSION_HEADER), VERSION]
      : ["connect", query.get("connect"), `v${VERSION}`];
  if (given === null || given === known) return;
  throw new TapinError("VALIDATION_FAILED", {
    violations: [{ field, message: `must be ${known}` }],
  });
}
