// How the Bot API says no. The sentences themselves stand where the rule is; here is only the shape
// of a refusal.

/**
 * A refusal of the Bot API: `{"ok":false,"error_code":errorCode,"description":message}`, with the
 * HTTP status of the same number. https://core.telegram.org/bots/api#making-requests
 */
export class TelegramApiError extends Error {
  override readonly name = "TelegramApiError";
  readonly errorCode: number;
  /** What a client may do about it: https://core.telegram.org/bots/api#responseparameters */
  readonly parameters?: { readonly retry_after: number };

  constructor(errorCode: number, description: string, parameters?: { retry_after: number }) {
    super(description);
    this.errorCode = errorCode;
    if (parameters !== undefined) this.parameters = parameters;
  }
}

/** 400 with Telegram's prefix: the call is wrong as it stands. */
export function badRequest(problem: string): TelegramApiError {
  return new TelegramApiError(400, `Bad Request: ${problem}`);
}

/** 403 with Telegram's prefix: the person does not want, or never asked for, the bot's messages. */
export function forbidden(problem: string): TelegramApiError {
  return new TelegramApiError(403, `Forbidden: ${problem}`);
}

/** 409 with Telegram's prefix: another poller or a webhook takes the updates. */
export function conflict(problem: string): TelegramApiError {
  return new TelegramApiError(409, `Conflict: ${problem}`);
}

/** What a server that is going down says to every call. */
export function restarting(): TelegramApiError {
  return new TelegramApiError(500, "Internal Server Error: restart");
}
