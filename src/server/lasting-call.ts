// A call that lasts as long as its stream: without what it holds of its request.

import { bearerOf } from "./authenticate.ts";
import type { AdmittedCall } from "./call.ts";

const nothing = () => {};

/**
 * In place of credentials that were checked: that there were some is all that an error tells of
 * them.
 */
const CREDENTIALS = "Bearer given";

/** The same call, of whose headers no more is kept than the log and the errors of its end tell. */
export function lastingCall(call: AdmittedCall): AdmittedCall {
  const { dialect, identity, requestId, address, origin, waiting, head, startedAt } = call;
  const trace = call.headers.get("traceparent");
  const authorization = bearerOf(call.headers.get("authorization")) === null ? null : CREDENTIALS;
  const headers = trace === null && authorization !== null ? ONLY_CREDENTIALS : { get };
  function get(name: string): string | null {
    if (name === "authorization") return authorization;
    return name === "traceparent" ? trace : null;
  }
  return {
    ...{ dialect, identity, requestId, address, origin, waiting, head, startedAt, headers },
    tell: nothing,
    hideFromPages: nothing,
  };
}

/** What most callers send of what is kept. */
const ONLY_CREDENTIALS: AdmittedCall["headers"] = {
  get: (name) => (name === "authorization" ? CREDENTIALS : null),
};
