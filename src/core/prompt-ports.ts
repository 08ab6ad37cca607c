// The ports of prompts: what is stored of them, and who may edit their messages. src/store
// implements the table; what a prompt is and shows is in prompt.ts.

import type { MessageRef, Prompt, PromptStatus, StalePrompt } from "./prompt.ts";
import type { Account, Channel } from "./subscriber.ts";

/** A prompt to create. */
export interface PromptDraft {
  readonly token: string;
  readonly sessionId: string | null;
  readonly channel: Channel;
  readonly userId: string;
  readonly lang: string;
  /** The bot that shows it, as in UpdateTable: only that one can edit the message later. */
  readonly bot: string;
  /** Seconds its buttons work. */
  readonly ttlSeconds: number;
}

/** A bot that can edit its prompts' messages. */
export interface SettlingBot {
  /** As in PromptDraft. */
  readonly bot: string;
  /** True for a bot that was taken away or replaced: it answers nobody any more. */
  readonly hasLeft: boolean;
}

/** How a bot's prompts are settled. */
export interface Settler extends SettlingBot {
  /**
   * Edits a prompt's message to what became of it; false when that failed and is worth another try.
   */
  settle(prompt: StalePrompt): Promise<boolean>;
}

/** Prompts. */
export interface PromptTable {
  /**
   * Makes the person's one live prompt for the project; an older live one becomes `replaced` (T11).
   */
  create(projectId: string, draft: PromptDraft): Promise<void>;
  /**
   * Not scoped: the button's token is all that a tap carries. `live` only while its time is not
   * over.
   */
  find(token: string): Promise<Prompt | null>;
  /** Notes where the prompt is shown, and that it is to be settled there. Not scoped, as above. */
  setShown(token: string, shown: MessageRef): Promise<void>;
  /** live -> approved, with its grant; false when it was not live or its time was over. */
  approve(projectId: string, token: string, grantId: string): Promise<boolean>;
  /** live -> status; false when it was not live. */
  close(projectId: string, token: string, status: PromptStatus): Promise<boolean>;
  /**
   * Cancels by this person for this project within `seconds`: for the cool-down against prompt
   * bombing (T11).
   */
  countCancelled(projectId: string, account: Account, seconds: number): Promise<number>;
  /**
   * Up to `limit` prompts of these bots whose message shows buttons that no longer work: taken for
   * settling, each with the status it has now (`expired`, `cancelled`, `replaced`, `used`). A live
   * prompt is taken when its time is over, its session has ended, or its bot has left and answers
   * no tap; an approved one when its code is used or expired; a replaced one at once. One that is
   * not settled after 60 s is handed out again, until it is purged. Only prompts with a known
   * message. Across projects: for the sweeper.
   */
  takeStale(bots: readonly SettlingBot[], limit: number): Promise<readonly StalePrompt[]>;
  /** The prompt's message needs no more editing: it is never taken again. Not scoped, as above. */
  setSettled(token: string): Promise<void>;
}
