// Who waits for which session or project in this process, and who for the bots of projects. A
// notification only wakes, and makes forget: what has changed is read from the row. Where
// notifications come from is the business of postgres.ts and pglite.ts.

import type { ChangeFeed, SessionEar, SessionFollower } from "../core/ports.ts";
import { RecentRows } from "./recent-rows.ts";
import { type Timed, TimerWheel } from "./timer-wheel.ts";

/**
 * Followers by what they follow; one alone, which nearly every session has, without a set around
 * it.
 */
type Followers = Map<string, Follower | Set<Follower>>;

/** The followers of all sessions, and the listeners for bots. Each must be closed, or it stays. */
export class ChangeHub implements ChangeFeed {
  readonly #followers: Followers = new Map();
  readonly #ofProjects: Followers = new Map();
  readonly #botListeners = new Set<() => void>();
  readonly #rows: RecentRows;
  readonly #wheel = new TimerWheel<Follower>((follower) => follower.ear.hear("timeout"));
  /** Whether every change that was committed 700 ms ago has been told. */
  readonly isFresh: () => boolean;
  #size = 0;

  /**
   * `rows` forgets what changes before anybody is woken. Default: nothing is remembered, and
   * nothing known.
   */
  constructor(rows?: RecentRows, isFresh: () => boolean = () => false) {
    this.#rows = rows ?? new RecentRows(isFresh);
    this.isFresh = isFresh;
  }

  /** Followers that are not closed: 0 once nobody watches. */
  get size(): number {
    return this.#size;
  }

  /** Hears the session from now on: follow first, then read the row, and no change is missed. */
  follow(sessionId: string, ear: SessionEar, projectId?: string): SessionFollower {
    const follower = new Follower(this, { sessionId, ear, projectId });
    this.#size += 1;
    join(this.#followers, sessionId, follower);
    if (projectId !== undefined) join(this.#ofProjects, projectId, follower);
    return follower;
  }

  /** For a follower of this hub: sets its time. */
  wakeIn(follower: Follower, timeoutMs: number): void {
    this.#wheel.set(follower, timeoutMs);
  }

  /** For a follower of this hub that is closed: forgets it. */
  forget(follower: Follower): void {
    const { sessionId, projectId } = follower;
    this.#size -= 1;
    this.#wheel.delete(follower);
    leave(this.#followers, sessionId, follower);
    if (projectId !== undefined) leave(this.#ofProjects, projectId, follower);
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
    for (const follower of followersOf(this.#followers, sessionId)) follower.ear.hear("changed");
  }

  /** Wakes whoever follows this project: it, or one of its API keys, has changed. */
  wakeProject(projectId: string): void {
    this.#rows.forgetProjects();
    for (const follower of followersOf(this.#ofProjects, projectId)) follower.ear.hear("project");
  }

  /** Wakes whoever follows one of these sessions: what a notification carries, ids with commas. */
  wakeEach(sessionIds: string): void {
    for (const sessionId of sessionIds.split(",")) this.wake(sessionId);
  }

  /** Wakes everyone: notifications may have been missed. */
  wakeAll(): void {
    this.#rows.forgetProjects();
    for (const { ear, projectId } of this.#all()) {
      ear.hear(projectId === undefined ? "changed" : "project");
    }
    this.wakeBots();
  }

  /** Tells nobody anything any more, and forgets the followers and listeners. */
  close(): void {
    this.#botListeners.clear();
    for (const follower of this.#all()) follower.close();
  }

  #all(): readonly Follower[] {
    return [...this.#followers.keys()].flatMap((id) => followersOf(this.#followers, id));
  }
}

function join(followers: Followers, id: string, follower: Follower): void {
  const known = followers.get(id);
  if (known === undefined) followers.set(id, follower);
  else if (known instanceof Set) known.add(follower);
  else followers.set(id, new Set([known, follower]));
}

function leave(followers: Followers, id: string, follower: Follower): void {
  const known = followers.get(id);
  if (known instanceof Set) known.delete(follower);
  if (known === follower || (known instanceof Set && known.size === 0)) followers.delete(id);
}

/** As they are now: who is told may leave, and others with it. */
function followersOf(followers: Followers, id: string): readonly Follower[] {
  const known = followers.get(id);
  if (known === undefined) return [];
  return known instanceof Set ? [...known] : [known];
}

class Follower implements SessionFollower, Timed {
  readonly #hub: ChangeHub;
  readonly sessionId: string;
  readonly projectId: string | undefined;
  ear: SessionEar;
  dueTick = 0;

  constructor(
    hub: ChangeHub,
    { sessionId, ear, projectId }: Pick<Follower, "sessionId" | "ear" | "projectId">,
  ) {
    this.#hub = hub;
    this.sessionId = sessionId;
    this.ear = ear;
    this.projectId = projectId;
  }

  wakeIn(timeoutMs: number): void {
    if (this.ear !== DEAF) this.#hub.wakeIn(this, timeoutMs);
  }

  close(): void {
    if (this.ear === DEAF) return;
    this.ear = DEAF;
    this.#hub.forget(this);
  }
}

const DEAF: SessionEar = { hear: () => {} };
