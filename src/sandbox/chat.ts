// What every pretend messenger shows of itself to people: a person, a chat, and why a wish of a
// person is refused. How a messenger talks to its bot is not here; that lives in the messenger's
// own folder.

/** A pretend person, as the messenger knows them. */
export interface SandboxUser {
  /** The messenger's user id: decimal digits, above 0 and below 2^53. */
  readonly id: string;
  /** First name, 1-64 characters. */
  readonly firstName: string;
  /** Last name; absent when the person has none. */
  readonly lastName?: string;
  /** Username without `@`; absent when the person has none. */
  readonly username?: string;
  /** Language of the app (BCP 47), such as `ru`; absent when the app does not tell. */
  readonly lang?: string;
}

/** A button under a message. */
export interface ChatButton {
  /** What it says. */
  readonly label: string;
  /** Where it leads; absent when the bot handles the tap. */
  readonly url?: string;
}

/** One bubble of a chat. */
export interface ChatMessage {
  /** The messenger's id of the message. */
  readonly messageId: string;
  /** Who wrote it. */
  readonly from: "bot" | "user";
  /** What it says, as plain text. */
  readonly text: string;
  /** The buttons under it, row by row. */
  readonly buttons: readonly ChatButton[];
}

/** A person's chat with a bot. */
export interface Chat {
  /** The messages, oldest first. */
  readonly messages: readonly ChatMessage[];
}

/**
 * A wish of a pretend person that cannot be met. `not_found`: no such bot, person, message or
 * button; `invalid`: the request itself is wrong, and `field` names the part of it (`user.id`,
 * `text`). The message is a sentence that may be shown.
 */
export class SandboxError extends Error {
  override readonly name = "SandboxError";
  readonly kind: "not_found" | "invalid";
  readonly field?: string;

  constructor(kind: "not_found" | "invalid", message: string, field?: string) {
    super(message);
    this.kind = kind;
    if (field !== undefined) this.field = field;
  }
}
