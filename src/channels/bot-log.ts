// The log a channel writes to: the few methods of it a channel needs, so that channels know no
// logger. What goes in is already free of tokens and codes (telegram-errors.ts).

/** Writes one line each: fields first, then a sentence. */
export interface BotLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
