// What went wrong with a call to the MAX Bot API: the errors its client throws, and which kind each
// is. The list of codes is not published in full, so the status decides wherever it can.

import type { ErrorReader, Failure } from "./failure.ts";
import { messagesOf, rawErrorText, withoutSecrets } from "./redact.ts";

/** What MAX said. */
interface Refusal {
  /** Method and path, such as `POST /messages`. */
  readonly call: string;
  /** 200 too: with `success: false`, or with the body of an error. */
  readonly status: number;
  /** Such as `verify.token`; empty when there was none. */
  readonly code: string;
  readonly text: string;
  readonly retryAfterSeconds?: number | null;
}

/** MAX said no: it answered, with an error. */
export class MaxRefusal extends Error {
  readonly status: number;
  readonly code: string;
  /** What MAX says about it; it may repeat a URL. */
  readonly text: string;
  readonly retryAfterSeconds: number | null;

  constructor({ call, status, code, text, retryAfterSeconds = null }: Refusal) {
    super(`${call}: ${status} ${code} ${text}`.trimEnd());
    this.status = status;
    this.code = code;
    this.text = text;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** MAX was never reached, or its answer could not be read. */
export class MaxUnreached extends Error {
  constructor(call: string, cause: unknown) {
    super(`${call}: no answer`, { cause });
  }
}

const BY_CODE: ReadonlyMap<string, Failure> = new Map([
  ["verify.token", "wrong_token"],
  ["deprecated.token", "wrong_token"],
  ["chat.denied", "blocked"],
]);

const BY_STATUS: ReadonlyMap<number, Failure> = new Map([
  [401, "wrong_token"],
  [403, "blocked"],
  [404, "gone"],
  [429, "too_many"],
]);

// "Must have only http/https links format in buttons"
// (github.com/max-messenger/max-bot-api-client-ts, issue 236).
const BY_TEXT: readonly (readonly [RegExp, Failure])[] = [
  [/links? format|(url|link).*button|button.*(url|link)/i, "link_refused"],
  [/not modified/i, "unchanged"],
  [/not found|deleted/i, "gone"],
];

/** Which kind of failure it is; null when the error did not come from calling MAX. */
export function maxFailure(error: unknown): Failure | null {
  if (error instanceof MaxUnreached) return "unreached";
  if (!(error instanceof MaxRefusal)) return null;
  if (error.status >= 500) return "unreached";
  const known = BY_CODE.get(error.code) ?? BY_STATUS.get(error.status);
  return known ?? BY_TEXT.find(([text]) => text.test(error.text))?.[1] ?? "refused";
}

/** Reads the errors of MAX's client; texts for the log are without these secrets. */
export function maxErrors(...secrets: readonly string[]): ErrorReader {
  return {
    failureOf: maxFailure,
    retryAfterSeconds: (error) =>
      error instanceof MaxRefusal && error.status === 429 ? (error.retryAfterSeconds ?? 1) : null,
    describe: (error) => withoutSecrets(rawText(error), ...secrets),
  };
}

function rawText(error: unknown): string {
  const isKnown = error instanceof MaxRefusal || error instanceof MaxUnreached;
  return isKnown ? messagesOf(error) : rawErrorText(error);
}
