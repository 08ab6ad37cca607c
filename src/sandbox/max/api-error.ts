// How the MAX API says no: an HTTP status and `{"code","message"}`. Only the codes that were seen
// on the real one are known (https://dev.max.ru/docs-api and reports); for the others a client can
// go by the status alone.

/** A refusal of the MAX API. */
export class MaxApiError extends Error {
  override readonly name = "MaxApiError";
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** 400: the call is wrong as it stands. */
export function badRequest(message: string): MaxApiError {
  return new MaxApiError(400, "proto.payload", message);
}

/** 403: the person stopped the bot, or never began a dialog with it. */
export function chatDenied(): MaxApiError {
  return new MaxApiError(403, "chat.denied", "User suspended or did not start the dialog");
}

/** 404: there is no such thing. */
export function notFound(message: string): MaxApiError {
  return new MaxApiError(404, "not.found", message);
}

/** 429. Neither the code nor a header with the time to wait is documented, so there is none. */
export function tooManyRequests(): MaxApiError {
  return new MaxApiError(429, "too.many.requests", "Too many requests");
}

/**
 * A success that is none: 200 with `success: false`, as the real one answers when there is nothing
 * to change.
 */
export interface SimpleResult {
  readonly success: boolean;
  readonly message?: string;
}
