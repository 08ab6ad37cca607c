// Who waits for which session or project in this process, and who for the bots of projects. A notification only wakes,
// and makes forget: what has changed is read from the row. Where notifications come from is the business of postgres.ts and
// pglite.ts.

import type { ChangeFeed, SessionFollower } from "../core/ports.ts";
import { RecentRows } from "./recent-rows.ts";

/** What is told: the session changed, or the project did and the session may have. */
type News = "changed" | "project";

type Outcome = News | "timeout" | "aborted";

/** Longest delay a timer takes; a longer one would fire at once. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** Followers by what they follow. */
type Followers = Map<string, Set<Follower>>;

/** The followers of all sessions, and the listeners for bots. Each must be closed, or it stays. */
export class ChangeHub implements ChangeFeed {
  readonly #followers: Followers = new Map();
  readonly #ofProjects: Followers = new Map();
  readonly #botListeners = new Set<() => void>();
  readonly #rows: RecentRows;

  /** `rows` forgets what changes before anybody is woken. Default: nothing is remembered. */
  constructor(rows = new RecentRows(() => false)) {
    this.#rows = rows;
  }

  /** Followers that are not closed: 0 once nobody watches. */
  get size(): number {
    let size = 0;
    for (const followers of this.#followers.values()) size += followers.size;
    return size;
  }

  /** Hears the session from now on: follow first, then read the row, and no change is missed. */
  follow(sessionId: string, projectId?: string): SessionFollower {
    const forget = () => {
      leave(this.#followers, sessionId, follower);
      if (projectId !== undefined) leave(this.#ofProjects, projectId, follower);
    };
    const follower = new Follower(projectId === undefined ? "changed" : "project", forget);
    join(this.#followers, sessionId, follower);
    if (projectId !== undefined) join(this.#ofProjects, projectId, follower);
    return follower;
  }

  /** Calls back from now on: listen first, then read the rows. A listener must not throw. */
  onBotsChanged(listener: () => void): () => void {
    // The same function may listen twice, and each of the two ends on its own.
    const entry = () => listener();
    this.#botListeners.add(entry);
    return () => this.#botListeners.delete(entry);
  }

  /** Tells the listeners that a project's bot changed. */
  wakeBots(): void {
    for (const listener of [...this.#botListeners]) listener();
  }

  /** Wakes whoever follows this session. */
  wake(sessionId: string): void {
    this.#rows.forgetSession(sessionId);
    for (const follower of this.#followers.get(sessionId) ?? []) follower.wake("changed");
  }

  /** Wakes whoever follows this project: it, or one of its API keys, has changed. */
  wakeProject(projectId: string): void {
    this.#rows.forgetProjects();
    for (const follower of this.#ofProjects.get(projectId) ?? []) follower.wake("project");
  }

  /** Wakes whoever follows one of these sessions: what a notification carries, ids with commas. */
  wakeEach(sessionIds: string): void {
    for (const sessionId of sessionIds.split(",")) this.wake(sessionId);
  }

  /** Wakes everyone: notifications may have been missed. */
  wakeAll(): void {
    this.#rows.forgetProjects();
    for (const followers of this.#followers.values()) {
      for (const follower of followers) follower.wakeForAll();
    }
    this.wakeBots();
  }

  /** Ends every wait as aborted and forgets the followers and listeners. */
  close(): void {
    this.#botListeners.clear();
    for (const followers of [...this.#followers.values()]) {
      for (const follower of [...followers]) follower.close();
    }
  }
}

function join(followers: Followers, id: string, follower: Follower): void {
  const known = followers.get(id);
  if (known === undefined) followers.set(id, new Set([follower]));
  else known.add(follower);
}

function leave(followers: Followers, id: string, follower: Follower): void {
  const known = followers.get(id);
  if (known?.delete(follower) && known.size === 0) followers.delete(id);
}

class Follower implements SessionFollower {
  readonly #allNews: News;
  readonly #forget: () => void;
  readonly #waiters = new Set<(outcome: Outcome) => void>();
  #missed: News | null = null;
  #closed = false;

  /** `allNews` says that anything it follows may have changed. */
  constructor(allNews: News, forget: () => void) {
    this.#allNews = allNews;
    this.#forget = forget;
  }

  next(timeoutMs: number, signal: AbortSignal): Promise<Outcome> {
    if (this.#closed || signal.aborted) return Promise.resolve("aborted");
    const missed = this.#missed;
    this.#missed = null;
    if (missed !== null) return Promise.resolve(missed);
    return new Promise((resolve) => {
      const settle = (outcome: Outcome) => {
        clearTimeout(timer);
        signal.removeEventListener("abort", abort);
        this.#waiters.delete(settle);
        resolve(outcome);
      };
      const abort = () => settle("aborted");
      const timer = setTimeout(() => settle("timeout"), Math.min(timeoutMs, MAX_TIMEOUT_MS));
      signal.addEventListener("abort", abort);
      this.#waiters.add(settle);
    });
  }

  wake(news: News): void {
    if (this.#waiters.size > 0) this.#settle(news);
    // News of the project says that of the session too.
    else if (this.#missed !== "project") this.#missed = news;
  }

  wakeForAll(): void {
    this.wake(this.#allNews);
  }

  close(): void {
    this.#closed = true;
    this.#forget();
    this.#settle("aborted");
  }

  #settle(outcome: Outcome): void {
    for (const settle of [...this.#waiters]) settle(outcome);
  }
}
