// The ports of bots: what the rules ask about them, what they report, and what is stored of them.
// src/fleet implements Bots and BotHandlers, src/store the tables; ports.ts has everything else.

import type { Avatar } from "./avatar.ts";
import type { MessageRef, Screen } from "./prompt.ts";
import type { Channel, Person, Subscriber } from "./subscriber.ts";

/** The bots of this process: its own, and those that projects brought. */
export interface Bots {
  /**
   * Address of the project's bot without a query, such as `https://t.me/YourBot`. Null = no bot
   * there that could answer: a bot whose token is refused, or cannot be read, is none. This Tapin's
   * own does not stand in for it.
   */
  urlOf(channel: Channel, projectId: string): string | null;
  /**
   * Asks the messenger whose token this is; null = it is refused. Throws UNAVAILABLE when it cannot
   * be asked.
   */
  identify(channel: Channel, token: string): Promise<BotAccount | null>;
  /**
   * Whether this Tapin itself uses the account. Throws UNAVAILABLE while the messenger has not told
   * which it uses.
   */
  isDefault(channel: Channel, messengerBotId: string): Promise<boolean>;
  /**
   * The picture of a person, from the bot through which the project reaches them; null when they
   * have none that the bot may see, or when their messenger has addresses for everybody. Throws
   * UNAVAILABLE when it is not known within `timeoutMs`.
   */
  avatar(
    person: Pick<Subscriber, "projectId" | "channel" | "userId">,
    timeoutMs: number,
  ): Promise<Avatar | null>;
  /** Asks every bot's messenger how the bot is doing. Never rejects. */
  inspect(): Promise<readonly BotFinding[]>;
}

/** How a bot is doing. */
export interface BotFinding {
  readonly channel: Channel;
  /** Null when its messenger never told. */
  readonly username: string | null;
  /** What is wrong and what to do, a sentence each. Without tokens and secrets. */
  readonly problems: readonly string[];
}

/** A bot account, as its messenger names it. */
export interface BotAccount {
  readonly messengerBotId: string;
  readonly username: string;
}

/** The bot through which a person reaches us. */
export interface BotIdentity {
  /** `<channel>:<the messenger's bot id>`. */
  readonly name: string;
  /** The project that brought it; null for this Tapin's own, which speaks for all others. */
  readonly projectId: string | null;
}

/**
 * What is known of an update: `fresh` = never seen, `unfinished` = noted, not handled, and now in
 * this process's hand, `elsewhere` = in the hand of another process that lives, `done` = handled.
 */
export type UpdateState = "fresh" | "unfinished" | "elsewhere" | "done";

/** An update that was noted and never handled to its end. */
export interface UnfinishedUpdate {
  readonly key: string;
  /** What the update says, as the channel read it: without secrets of the bot. */
  readonly payload: unknown;
}

/** An update to note. */
export interface UpdateNote extends UnfinishedUpdate {
  readonly bot: string;
  /**
   * Process that has it in hand from then on, unless another one has that is not gone (see
   * ProcessTable).
   */
  readonly holder: string;
}

/** A tap to note, that may log somebody in. */
export interface TapNote extends UpdateNote {
  readonly login: LoginTap;
}

/** A tap on Login or on a number, and the grant that would come of it. */
export interface LoginTap {
  readonly person: Person;
  /** The prompt's token. */
  readonly token: string;
  /** The number that was tapped; null = Login. */
  readonly choice: string | null;
  /** UUID. */
  readonly grantId: string;
  readonly codeHash: string;
  readonly codeTtlSeconds: number;
}

/** What a tap came to that was noted. */
export interface NotedTap {
  readonly state: UpdateState;
  /**
   * The login, when the tap was decided as it was noted; null = it is still to be decided, by
   * whoever handles it.
   */
  readonly login: NotedLogin | null;
}

/** A login that was approved as its tap was noted: what the person is shown of it. */
export interface NotedLogin {
  readonly projectName: string;
  /** Where the person lands, without the code; null when neither session nor project says so. */
  readonly landingUrl: string | null;
  readonly state: string | null;
  /** False for a static link. */
  readonly fromSession: boolean;
  /** Whether the person may still be asked to subscribe. */
  readonly asks: boolean;
  /** Language for this person: what they chose, or what the messenger tells. */
  readonly lang: string;
}

/**
 * Updates of messengers, so that none is handled twice or lost. Not of a project: they belong to a
 * bot, named `<channel>:<the messenger's bot id>`.
 */
export interface UpdateTable {
  /**
   * Notes the update, if it is not noted yet, and tells what was known of it before. One statement.
   */
  note(bot: string, note: Omit<UpdateNote, "bot">): Promise<UpdateState>;
  /**
   * The same for a tap that may log somebody in. A fresh one is decided in the same statement, as
   * the one transaction of a Login would: session, subscriber, grant and prompt together, or none
   * of them. It is not when anything stands in the way, also when a row is in somebody else's hand
   * just now. Not scoped: the button's token tells the project.
   */
  noteTap(bot: string, tap: Omit<TapNote, "bot">): Promise<NotedTap>;
  /** The update is handled; its payload is forgotten. */
  finish(bot: string, key: string): Promise<void>;
  /**
   * Up to `limit` updates that are not handled and nobody has in hand: their process is gone. They
   * are in the hand of `holder` then, so that no other process takes them too. At most
   * `maxAgeSeconds` old. What a process that lives has had in hand for `olderThanSeconds` is taken
   * as well.
   */
  takeUnfinished(
    bot: string,
    take: { holder: string; olderThanSeconds: number; maxAgeSeconds: number; limit: number },
  ): Promise<readonly UnfinishedUpdate[]>;
  /**
   * Where polling goes on, as the messenger named it; null when it never was asked, or keeps it
   * itself.
   */
  markerOf(bot: string): Promise<string | null>;
  /** Polling goes on from here, in whichever process. */
  keepMarker(bot: string, marker: string): Promise<void>;
  /** Deletes up to `limit` of those noted more than `hours` ago. For the sweeper. The count. */
  purge(hours: number, limit: number): Promise<number>;
}

/** A project's own bot. */
export interface ProjectBot {
  readonly projectId: string;
  readonly channel: Channel;
  /** The messenger's id of the bot account. */
  readonly messengerBotId: string;
  readonly username: string;
  /** AES-256-GCM sealed; only the gateway opens it. */
  readonly sealedToken: string;
  /** Changes with every `set`: a bot with another revision must be started anew. */
  readonly revision: string;
}

/** Bots that projects brought. Every change notifies `tapin_bots` on every process. */
export interface BotTable {
  /**
   * Makes or replaces the project's bot on this channel. Null when another project has this bot
   * account.
   */
  set(
    projectId: string,
    bot: Omit<ProjectBot, "projectId" | "revision">,
  ): Promise<ProjectBot | null>;
  /** True when there was one. */
  remove(projectId: string, channel: Channel): Promise<boolean>;
  find(projectId: string, channel: Channel): Promise<ProjectBot | null>;
  /** All of them. Across projects: the process runs them all. */
  list(): Promise<readonly ProjectBot[]>;
}

/** A screen, and the language it is to be in. */
export interface Spoken {
  readonly screen: Screen;
  readonly lang: string;
}

/** What is known of a tap that was noted. */
export interface TapState {
  readonly state: UpdateState;
  /** What to show, when it was decided as it was noted; null = ask `tap`. */
  readonly spoken: Spoken | null;
}

/** What a channel reports to the gateway, and the gateway answers. */
export interface BotHandlers {
  /** The person opened a deep link (`payload` is the text after `start=`). */
  start(person: Person, payload: string): Promise<Screen>;
  /** The person tapped a button that carried `data`. */
  tap(person: Person, data: string): Promise<Screen>;
  /** A prompt is on the person's screen now. */
  shown(token: string, message: MessageRef): Promise<void>;
  /** The person typed `/stop`. */
  stop(person: Person): Promise<Screen>;
  /** The person chose the language of the bot. */
  chooseLang(person: Person, lang: string): Promise<Screen>;
  /** Language for this person: what they chose, or what the messenger tells. */
  langOf(person: Person): Promise<string>;
  /** Before an update is handled: notes it, and tells whether it was handled before. */
  note(update: UnfinishedUpdate): Promise<UpdateState>;
  /**
   * As `note`, for a tap: one on Login may be decided at once, and is then not to be asked about by
   * `tap`.
   */
  noteTap(update: UnfinishedUpdate, person: Person, data: string): Promise<TapState>;
  /** An update is handled to its end. */
  finish(key: string): Promise<void>;
  /** Updates a dead process left unhandled: to be handled now. */
  takeUnfinished(): Promise<readonly UnfinishedUpdate[]>;
  /**
   * Where polling goes on: what `keepMarker` was told last, by whichever process; null = at the
   * beginning.
   */
  marker(): Promise<string | null>;
  /** Everything before this marker of the messenger is noted. */
  keepMarker(marker: string): Promise<void>;
  /** The person blocked (false) or unblocked (true) the bot. */
  setReachable(person: Person, reachable: boolean): Promise<void>;
}

/** One bot's webhook. */
export interface Webhook {
  /** Header that carries the secret, in lower case. */
  readonly secretHeader: string;
  readonly secret: string;
  /** Notes the update; rejects when it could not be noted and must be delivered again. */
  receive(update: unknown): Promise<void>;
}
