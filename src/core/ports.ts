// The ports: what the rules and verbs need from the outside, as interfaces. src/store implements Store and
// ChangeFeed; the gateway hands in the rest. Every Store method takes the project id first, or its comment
// says why not. Transitions are conditional: a method that moves something returns null when the row was
// not in a state that allows it. Time is the database's.

import type { Bots, BotTable, UpdateTable } from "./bot-ports.ts";
import type { Grant } from "./grant.ts";
import type { Observer } from "./observer.ts";
import type { Project, ProjectChange, ProjectDraft } from "./project.ts";
import type { PromptTable } from "./prompt-ports.ts";
import type { RandomBytes, Secrets } from "./secret.ts";
import type { Session } from "./session.ts";
import type { Account, Channel, Person, Subscriber } from "./subscriber.ts";

/** Everything a verb may use. */
export interface Ports {
  readonly store: Store;
  readonly changes: ChangeFeed;
  readonly secrets: Secrets;
  readonly random: RandomBytes;
  readonly bots: Bots;
  readonly observer: Observer;
  readonly settings: Settings;
}

/** Settings that rules depend on. */
export interface Settings {
  /** Seconds a session lives, 60-1800. */
  readonly sessionTtlSeconds: number;
  /** Seconds a code lives, 30-600. */
  readonly codeTtlSeconds: number;
  /** Address under which Tapin serves pictures of people, with a slash at the end; null = it serves none. */
  readonly avatarsUrl: string | null;
}

/** Storage. All methods throw `TapinError("UNAVAILABLE")` when the database cannot be reached. */
export interface Store {
  readonly projects: ProjectTable;
  readonly apiKeys: ApiKeyTable;
  readonly sessions: SessionTable;
  readonly grants: GrantTable;
  readonly subscribers: SubscriberTable;
  readonly prompts: PromptTable;
  readonly idempotency: IdempotencyTable;
  readonly leases: LeaseTable;
  readonly processes: ProcessTable;
  readonly budgets: BudgetTable;
  readonly updates: UpdateTable;
  readonly bots: BotTable;
  /** Runs the work in one transaction; rolled back when it throws. Nested calls join the outer one. */
  transaction<T>(work: (store: Store) => Promise<T>): Promise<T>;
  /** Throws when the database does not answer within `timeoutMs`. */
  ping(timeoutMs: number): Promise<void>;
  /** What time it is by the database's clock. */
  clock(): Promise<Date>;
}

/** Projects. Not scoped: these methods are how a project is found. */
export interface ProjectTable {
  /** Null when the slug is taken. */
  create(draft: ProjectDraft): Promise<Project | null>;
  findBySlug(slug: string): Promise<Project | null>;
  find(projectId: string): Promise<Project | null>;
  /** As `find`, but may answer from memory what was so a moment ago: at most 700 ms. */
  findRecent(projectId: string): Promise<Project | null>;
  /** Up to `limit` projects with a slug above `afterSlug`, by slug. */
  list(page: { afterSlug: string; limit: number }): Promise<readonly Project[]>;
  /** Changes only the fields that are there; null when there is no such project. */
  update(projectId: string, change: ProjectChange): Promise<Project | null>;
  /** Whether any project has this origin (compared in lower case), or had it 700 ms ago: decides CORS preflights. */
  isOrigin(origin: string): Promise<boolean>;
}

/** What may be shown of an API key. */
export interface ApiKeyInfo {
  readonly id: string;
  readonly name: string;
  /** Last four characters of the key. */
  readonly hint: string;
  readonly createdAt: Date;
  readonly lastUsedAt: Date | null;
  readonly revokedAt: Date | null;
}

/** API keys: only hashes are stored. */
export interface ApiKeyTable {
  create(projectId: string, key: { name: string; hint: string; hash: string }): Promise<ApiKeyInfo>;
  /** Oldest first, revoked ones included. */
  list(projectId: string): Promise<readonly ApiKeyInfo[]>;
  /**
   * True when the project has such a key; revoking again changes nothing. A text that is no UUID: false. Once it
   * answers, no process takes the key any more.
   */
  revoke(projectId: string, keyId: string): Promise<boolean>;
  /**
   * The project of a key that is not revoked, or was not 700 ms ago. Not scoped: the key is what tells the project.
   */
  findProject(keyHash: string): Promise<Project | null>;
  /** Notes the use, at most once a minute for each key. Not scoped, as above. */
  touch(keyHash: string): Promise<void>;
}

/** A session to create. */
export type SessionDraft = Pick<
  Session,
  "id" | "state" | "redirectUri" | "codeChallenge" | "matchCode" | "client" | "ttlSeconds"
>;

/** What is known without asking of a session that has not ended. */
export type PendingSession = Pick<Session, "projectId" | "opened" | "sequence">;

/** Sessions. Every change raises `sequence` and wakes the session's watchers, on every process. */
export interface SessionTable {
  create(projectId: string, draft: SessionDraft): Promise<Session>;
  /** Null when the project has no such session. */
  find(projectId: string, sessionId: string): Promise<Session | null>;
  /** The session, whatever its project. Not scoped: for callers whose watch token or deep link names it. */
  findAny(sessionId: string): Promise<Session | null>;
  /**
   * What this process knows of the session without asking the database, if that is that it has not ended, or had not
   * 700 ms ago; null = ask. Never when this process has told anybody of its end. Not scoped: the answer says whose it is.
   */
  findPending(sessionId: string): Promise<PendingSession | null>;
  /**
   * pending -> opened, owned by this account. Answers the session as it then is when this account owns it
   * (also when it did before), null otherwise: taken, ended or missing. Not scoped: a deep link names it.
   */
  open(sessionId: string, owner: { channel: Channel; userId: string }): Promise<Session | null>;
  /** opened -> completed, if this account owns it and its time is not over. */
  approve(
    projectId: string,
    sessionId: string,
    owner: { channel: Channel; userId: string },
  ): Promise<Session | null>;
  /** pending, opened -> cancelled. With `owner`, only if this account owns it. */
  cancel(
    projectId: string,
    sessionId: string,
    owner?: { channel: Channel; userId: string },
  ): Promise<Session | null>;
  /** pending, opened -> expired for up to `limit` sessions whose time is over; the count. Across projects: a worker. */
  expire(limit: number): Promise<number>;
  /** Deletes up to `limit` sessions that ended more than `hours` ago, with their grants and prompts. Across projects: a worker. */
  purge(hours: number, limit: number): Promise<number>;
}

/** A grant to create. */
export interface GrantDraft {
  /** UUID. */
  readonly id: string;
  readonly sessionId: string | null;
  readonly subscriberId: string;
  readonly codeHash: string;
  readonly codeChallenge: string | null;
  readonly state: string | null;
  readonly ttlSeconds: number;
}

/** Who signed in, as VerifyCode answers it. */
export interface VerifiedProfile {
  readonly subscriberId: string;
  readonly channel: Channel;
  readonly firstName: string;
  readonly username: string | null;
  readonly avatarUrl: string | null;
  readonly lang: string;
  readonly tags: readonly string[];
  readonly state: string | null;
}

/** A session, and its grant for whoever asked. */
export interface DeliveredSession {
  readonly session: Session;
  /** Null = this recipient gets no code. */
  readonly grant: Grant | null;
}

/** Grants. */
export interface GrantTable {
  create(projectId: string, draft: GrantDraft): Promise<void>;
  /**
   * The session's grant for this recipient: claims it when nobody has it yet. Null when it is another
   * recipient's, or its code is used or expired. One statement (contract: one code, one recipient).
   */
  deliver(projectId: string, sessionId: string, recipient: string): Promise<Grant | null>;
  /**
   * The session, as `find` of sessions (or `findAny` with `null`, for callers whose watch token names it), and
   * if it is completed what `deliver` gives this recipient. One statement.
   */
  read(
    projectId: string | null,
    sessionId: string,
    recipient: string,
  ): Promise<DeliveredSession | null>;
  /** The grant, if its code is neither used nor expired. For showing the button again. */
  findLive(projectId: string, grantId: string): Promise<Grant | null>;
  /**
   * Id of the subscriber whom this code stands for, while it is neither used nor expired; null otherwise. Uses
   * nothing and looks at no verifier: not for an answer.
   */
  subscriberOfLive(projectId: string, codeHash: string): Promise<string | null>;
  /**
   * Uses the code: of any number of simultaneous calls exactly one gets the profile. The challenge must be
   * the one given at create (null when none was). The session becomes `verified`. Null: not valid.
   */
  verify(
    projectId: string,
    codeHash: string,
    challenge: string | null,
  ): Promise<VerifiedProfile | null>;
  /** Counts a wrong verifier; at `limit` the code is burnt (T3). Nothing happens for a code that is not live. */
  countWrongVerifier(projectId: string, codeHash: string, limit: number): Promise<void>;
  /** Deletes grants of static links that ended more than `hours` ago. Across projects: a worker. */
  purge(hours: number, limit: number): Promise<number>;
}

/** The projects a bot speaks for: one project's own bot, or the process's bot for all projects without one. */
export type BotScope = { readonly projectId: string } | { readonly projectId: null };

/** Subscribers. */
export interface SubscriberTable {
  /**
   * Makes or updates the person's row for the project, reachable again. `subscribe` null leaves a known
   * person's subscription as it is (a new person has none).
   */
  upsert(projectId: string, person: Person, subscribe: boolean | null): Promise<Subscriber>;
  find(projectId: string, subscriberId: string): Promise<Subscriber | null>;
  /**
   * Deletes the person's row and whatever names the person in the project; sessions they have opened lose
   * what is known of them, and those that have not ended are cancelled. False when there is no such row.
   */
  delete(projectId: string, subscriberId: string): Promise<boolean>;
  /** `/stop`: ends the person's subscriptions with the projects of this bot. The count. */
  unsubscribe(account: Account, scope: BotScope): Promise<number>;
  /** The person blocked or unblocked the bot: for the projects of this bot. The count. */
  setReachable(account: Account, reachable: boolean, scope: BotScope): Promise<number>;
  /** `/lang`: the language the person chose, over what the messenger tells; null = none. Across projects. */
  setLang(account: Account, lang: string): Promise<void>;
  langOf(account: Account): Promise<string | null>;
}

/** Answers kept for repeated calls with the same `Idempotency-Key`. */
export interface IdempotencyTable {
  /**
   * Claims the key inside a transaction: `fresh` = do the work and `save` the result in the same
   * transaction; `repeat` = this is the result of before; `conflict` = the key was used with another body.
   * A simultaneous second caller waits for the first. A key is forgotten after `ttlSeconds`.
   */
  claim(
    projectId: string,
    claim: { operation: string; keyHash: string; bodyHash: string; ttlSeconds: number },
  ): Promise<{ kind: "fresh" } | { kind: "repeat"; result: unknown } | { kind: "conflict" }>;
  save(
    projectId: string,
    saved: { operation: string; keyHash: string; result: unknown },
  ): Promise<void>;
  /** Deletes up to `limit` that are older than `seconds`; the count. Across projects: a worker. */
  purge(seconds: number, limit: number): Promise<number>;
}

/** Leases for work that only one process may do at a time. Not of a project: they belong to the process. */
export interface LeaseTable {
  /** Takes or renews the lease for `ttlSeconds`; false when another holder has it. */
  acquire(name: string, holder: string, ttlSeconds: number): Promise<boolean>;
  /** Gives the lease back, if this holder has it. */
  release(name: string, holder: string): Promise<void>;
}

/** Which processes live. Not of a project. */
export interface ProcessTable {
  /**
   * This process lives. To be said once a second: after 6 s of silence others take up the updates it has in hand
   * (see UpdateTable), as long as one was heard at least every 3 s meanwhile.
   */
  hear(id: string): Promise<void>;
  /** Deletes those not heard for `hours`. A worker. The count. */
  purge(hours: number): Promise<number>;
}

/** What all processes have counted under a key. */
export interface BudgetCount {
  readonly key: string;
  readonly used: number;
  /** Milliseconds until the count begins anew, at least 1. */
  readonly remainingMs: number;
}

/**
 * What the processes count together, of projects and of addresses, under keys that tell nothing. Across projects: a
 * process adds up all it has counted.
 */
export interface BudgetTable {
  /**
   * Adds these counts, by key, and answers the sums. A count begins anew `windowSeconds` after its first
   * addition.
   */
  add(counts: ReadonlyMap<string, number>, windowSeconds: number): Promise<readonly BudgetCount[]>;
  /** Deletes counts whose time is over; how many. */
  purge(): Promise<number>;
}

/** Wakes watchers. A notification only wakes; the row decides. */
export interface ChangeFeed {
  /**
   * Follows one session, whichever process changes it, and with `projectId` also that project and its API keys. Close
   * it, or it leaks.
   */
  follow(sessionId: string, projectId?: string): SessionFollower;
  /** Calls back after every change of a project's bot, and after a reconnect. The answer ends it. */
  onBotsChanged(listener: () => void): () => void;
}

/** One watcher's ear. Changes between two waits are not lost. */
export interface SessionFollower {
  /**
   * Resolves at the next change of the session (`changed`), of the project (`project`: the session may have changed
   * too), at a reconnect of the feed as if all that is followed had changed, after `timeoutMs`, or when aborted.
   */
  next(
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<"changed" | "project" | "timeout" | "aborted">;
  close(): void;
}
