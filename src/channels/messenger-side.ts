// What a messenger adds to a bot: its calls, its errors and its updates, in the words of the shared
// parts.

import type { Avatar } from "../core/avatar.ts";
import type { BotAccount } from "../core/bot-ports.ts";
import type { Channel } from "../core/subscriber.ts";
import type { KeyedEvent } from "./channel-event.ts";
import type { ConversationParts, Messenger } from "./conversation.ts";
import type { ErrorReader } from "./failure.ts";
import type { Inbox, InboxParts } from "./inbox.ts";
import type { WebhookCalls } from "./webhook-registration.ts";

/** What a messenger adds to a bot. */
export interface MessengerSide {
  readonly channel: Channel;
  /** The messenger's name, for the log. */
  readonly name: string;
  readonly errors: ErrorReader;
  readonly messenger: Messenger;
  readonly webhooks: WebhookCalls;
  /** Reads an update; null when there is nothing to do. May throw when it is no update. */
  readonly read: (update: unknown, username: string | null) => KeyedEvent | null;
  /** See ConversationParts. */
  readonly completePerson?: NonNullable<ConversationParts["completePerson"]>;
  /** See InboxParts. */
  readonly knownPerson?: NonNullable<InboxParts["knownPerson"]>;
  /**
   * Reads a person's picture, where only the bot can; null when there is none. May reject with
   * secrets.
   */
  readonly readAvatar?: (userId: string, signal: AbortSignal) => Promise<Avatar | null>;
  /** Asks who the bot is. */
  askAccount(signal: AbortSignal): Promise<BotAccount>;
  /**
   * The sentence for a failure at the start that only the operator can put right; null for any
   * other failure.
   */
  fatal(error: unknown): string | null;
  /** Sets what the menu of the chat offers. */
  setCommands(signal: AbortSignal): Promise<void>;
  /** Polls until the signal is aborted. Must not reject. */
  poll(inbox: Inbox, signal: AbortSignal): Promise<void>;
}
