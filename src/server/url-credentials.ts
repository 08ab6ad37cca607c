// Credentials in a URL: refused, since URLs end up in logs and histories (RFC 6750 section 2.3).
// What is told of one names the query parameter, never the value.

import { CREDENTIAL_PREFIX } from "../core/secret.ts";
import { TapinError, type Violation } from "../errors.ts";
import type { Exchange } from "./exchange.ts";

const CREDENTIAL = new RegExp(CREDENTIAL_PREFIX, "i");

/**
 * Most parameters that are named, and most characters of a name: a hostile query must not grow the
 * answer.
 */
const MAX_NAMES = 25;
const MAX_NAME_LENGTH = 128;

/** Fails with `validation_failed` when the path or the query holds a credential. */
export function refuseCredentials({ path, query }: Pick<Exchange, "path" | "query">): void {
  if (!holdsCredential(path) && !holdsCredential(query)) return;
  throw new TapinError("VALIDATION_FAILED", {
    sentence: "Credentials belong in the Authorization header, never in a URL.",
    violations: violationsOf(query),
  });
}

/** Whether it holds one, percent-encoded or not: who reads the log can decode. */
function holdsCredential(text: string): boolean {
  if (text === "") return false;
  if (!text.includes("%")) return CREDENTIAL.test(text);
  const decoded = text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return CREDENTIAL.test(decoded);
}

function violationsOf(query: string): readonly Violation[] {
  const parameters = query.split("&").filter(holdsCredential);
  const names = parameters.flatMap((parameter) => [...new URLSearchParams(parameter).keys()]);
  return [...new Set(names)]
    .filter((name) => !holdsCredential(name))
    .slice(0, MAX_NAMES)
    .map((name) => ({
      field: name.slice(0, MAX_NAME_LENGTH).toWellFormed(),
      message: "must not hold a credential",
    }));
}
