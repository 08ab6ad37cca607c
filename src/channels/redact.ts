// Takes secrets out of a text before it is logged: the values it is given, bot tokens in the URLs
// of Telegram's API, and the query of every URL, which may carry a code.

/** The text without these secrets, whatever they are part of, and without the query of any URL. */
export function withoutSecrets(text: string, ...secrets: readonly string[]): string {
  let safe = text;
  for (const secret of secrets) {
    if (secret === "") continue;
    safe = safe.replaceAll(secret, "<token>").replaceAll(encodeURIComponent(secret), "<token>");
  }
  return safe
    .replace(/\/bot\d+:[\w-]+/g, "/bot<token>")
    .replace(/(\b[a-z][a-z0-9+.-]*:\/\/[^\s'"?]*)\?[^\s'"]*/gi, "$1?<query>");
}

/**
 * An error with its stack, or the message of one that was never thrown here, and what caused it.
 */
export function rawErrorText(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) + causesOf(error) : String(error);
}

/** The message of an error and of its causes, without stacks. */
export function messagesOf(error: unknown): string {
  return error instanceof Error ? `${error.message}${causesOf(error)}` : String(error);
}

function causesOf(error: Error): string {
  return error.cause === undefined ? "" : ` <- ${messagesOf(error.cause)}`;
}
