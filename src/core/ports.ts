// The ports: what the rules and verbs need from the outside, as interfaces. src/store implements
// Store and ChangeFeed; the gateway hands in the rest. Every Store method takes the project id
// first, or its comment says why not. Transitions are conditional: a method that moves something
// returns null when the row was not in a state that allows it. Time is the database's.

import type { Bots, BotTable, UpdateTable } from "./bot-ports.ts";
import type { Observer } from "./observer.ts";
import type { Project, ProjectChange, ProjectDraft } from "./project.ts";
import type { PromptTable } from "./prompt-ports.ts";
import type { RandomBytes, Secrets } from "./secret.ts";
import type { GrantTable, SessionTable } from "./session-ports.ts";
import type { Account, Person, Subscriber } from "./subscriber.ts";

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
  /**
   * Address under which Tapin serves pictures of people, with a slash at the end; null = it serves
   * none.
   */
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
  /**
   * Runs the work in one transaction; rolled back when it throws. Nested calls join the outer one.
   */
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
  /**
   * Whether any project has this origin (compared in lower case), or had it 700 ms ago: decides
   * CORS preflights.
   */
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
   * True when the project has such a key; revoking again changes nothing. A text that is no UUID:
   * false. Once it answers, no process takes the key any more.
   */
  revoke(projectId: string, keyId: string): Promise<boolean>;
  /**
   * The project of a key that is not revoked, or was not 700 ms ago: at once when that is known.
   * Not scoped: the key is what tells the project.
   */
  findProject(keyHash: string): Promise<Project | null> | Project | null;
  /**
   * Notes the use, at most once a minute for each key; null = it was noted lately. Not scoped, as
   * above.
   */
  touch(keyHash: string): Promise<void> | null;
}

/**
 * The projects a bot speaks for: one project's own bot, or the process's bot for all projects
 * without one.
 */
export type BotScope = { readonly projectId: string } | { readonly projectId: null };

/** Subscribers. */
export interface SubscriberTable {
  /**
   * Makes or updates the person's row for the project, reachable again. `subscribe` null leaves a
   * known person's subscription as it is (a new person has none).
   */
  upsert(projectId: string, person: Person, subscribe: boolean | null): Promise<Subscriber>;
  find(projectId: string, subscriberId: string): Promise<Subscriber | null>;
  /**
   * Deletes the person's row and whatever names the person in the project; sessions they have
   * opened lose what is known of them, and those that have not ended are cancelled. False when
   * there is no such row.
   */
  delete(projectId: string, subscriberId: string): Promise<boolean>;
  /** `/stop`: ends the person's subscriptions with the projects of this bot. The count. */
  unsubscribe(account: Account, scope: BotScope): Promise<number>;
  /** The person blocked or unblocked the bot: for the projects of this bot. The count. */
  setReachable(account: Account, reachable: boolean, scope: BotScope): Promise<number>;
  /**
   * `/lang`: the language the person chose, over what the messenger tells; null = none. Across
   * projects.
   */
  setLang(account: Account, lang: string): Promise<void>;
  langOf(account: Account): Promise<string | null>;
}

/** Answers kept for repeated calls with the same `Idempotency-Key`. */
export interface IdempotencyTable {
  /**
   * Claims the key inside a transaction: `fresh` = do the work and `save` the result in the same
   * transaction; `repeat` = this is the result of before; `conflict` = the key was used with
   * another body. A simultaneous second caller waits for the first. A key is forgotten after
   * `ttlSeconds`.
   */
  claim(
    projectId: string,
    claim: { operation: string; keyHash: string; bodyHash: string; ttlSeconds: number },
  ): Promise<{ kind: "fresh" } | { kind: "repeat"; result: unknown } | { kind: "conflict" }>;
  save(
    projectId: string,
    saved: { operation: string; keyHash: string; result: unknown },
  ): Promise<void>;
  /**
   * Deletes up to `limit` that are older than `seconds`; the count. Across projects: for the
   * sweeper.
   */
  purge(seconds: number, limit: number): Promise<number>;
}

/**
 * Leases for work that only one process may do at a time. Not of a project: they belong to the
 * process.
 */
export interface LeaseTable {
  /** Takes or renews the lease for `ttlSeconds`; false when another holder has it. */
  acquire(name: string, holder: string, ttlSeconds: number): Promise<boolean>;
  /** Gives the lease back, if this holder has it. */
  release(name: string, holder: string): Promise<void>;
}

/** Which processes live. Not of a project. */
export interface ProcessTable {
  /**
   * This process lives. To be said once a second: after 6 s of silence others take up the updates
   * it has in hand (see UpdateTable), as long as one was heard at least every 3 s meanwhile.
   */
  hear(id: string): Promise<void>;
  /** Deletes those not heard for `hours`. For the sweeper. The count. */
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
 * What the processes count together, of projects and of addresses, under keys that tell nothing.
 * Across projects: a process adds up all it has counted.
 */
export interface BudgetTable {
  /**
   * Adds these counts, by key, and answers the sums. A count begins anew `windowSeconds` after its
   * first addition.
   */
  add(counts: ReadonlyMap<string, number>, windowSeconds: number): Promise<readonly BudgetCount[]>;
  /** Deletes counts whose time is over; how many. */
  purge(): Promise<number>;
}

/** Wakes watchers. A notification only wakes; the row decides. */
export interface ChangeFeed {
  /**
   * Follows one session, whichever process changes it, and with `projectId` also that project and
   * its API keys. Close it, or it leaks. Neither tells the other of a change that was committed
   * before.
   */
  follow(sessionId: string, ear: SessionEar, projectId?: string): SessionFollower;
  /**
   * Calls back after every change of a project's bot, and after a reconnect. The answer ends it.
   */
  onBotsChanged(listener: () => void): () => void;
  /**
   * Whether every change that was committed 700 ms ago has been told: what was read since its
   * follower was opened, and of which nothing was told, was so until then. False = nobody knows.
   */
  isFresh(): boolean;
}

/**
 * What is told: the session changed; the project did, and the session may have (so it is at a
 * reconnect of the feed, as if all that is followed had changed); the time that was set is over.
 */
export type SessionNews = "changed" | "project" | "timeout";

/** Whom news are told, at once and one at a time. Must neither throw nor wait. */
export interface SessionEar {
  hear(news: SessionNews): void;
}

/** One watcher's place in the feed. */
export interface SessionFollower {
  /**
   * Tells `timeout` once, in so many milliseconds or up to 250 ms later, in place of what was set
   * before.
   */
  wakeIn(timeoutMs: number): void;
  /** Nothing is told any more. */
  close(): void;
}
