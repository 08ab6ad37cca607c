// What this process has read lately and may answer again without asking: projects by key, id and
// origin, and sessions that wait for their person. Whatever changes is forgotten at once
// (change-feed.ts); what is left is believed only while the feed is fresh: while it is known to
// have told every change up to a moment ago.

import { LRUCache } from "lru-cache";
import type { Project } from "../core/project.ts";
import { isEnded, type Session } from "../core/session.ts";
import type { PendingSession } from "../core/session-ports.ts";

/**
 * Milliseconds after which no process answers from memory what a committed change has made untrue.
 */
export const BELIEF_MS = 700;

/** Most projects, keys and origins that are kept, of each. */
const PROJECT_LIMIT = 1_000;

/** Most sessions that are kept, at about 200 bytes each. */
const SESSION_LIMIT = 50_000;

/**
 * A session is not answered from memory in its last milliseconds: the database decides when it is
 * over.
 */
const EXPIRY_MARGIN_MS = 1_000;

/** Says whether the feed has told every change that was committed up to {@link BELIEF_MS} ago. */
export type IsFresh = () => boolean;

interface Reading<V> {
  /** `performance.now()` before it was asked for. */
  readonly began: number;
  /** Its promise until it is there. */
  readonly answer: Promise<V | null> | V;
}

/** Answers that are given again. What is not there, and what failed, is not kept. */
export class RecentReads<V extends object | true> {
  readonly #found = new LRUCache<string, Reading<V>>({ max: PROJECT_LIMIT });
  /** Apart, or whoever asks for what is not there would push out what is. */
  readonly #asked = new Map<string, Reading<V>>();
  readonly #isFresh: IsFresh;

  constructor(isFresh: IsFresh) {
    this.#isFresh = isFresh;
  }

  /**
   * The kept answer, if it can be believed; otherwise that of `ask`, which callers of the same
   * moment share.
   */
  read(key: string, ask: () => Promise<V | null>): Promise<V | null> | V {
    const found = this.#found.get(key);
    if (found !== undefined && this.#isBelieved(found)) return found.answer;
    const asked = this.#asked.get(key);
    if (asked !== undefined && this.#isBelieved(asked)) return asked.answer;
    const began = performance.now();
    const answer = ask();
    const reading: Reading<V> = { began, answer };
    this.#asked.set(key, reading);
    const settle = (found: V | null) => {
      if (this.#asked.get(key) !== reading) return;
      this.#asked.delete(key);
      if (found === null) this.#found.delete(key);
      else this.#found.set(key, { ...reading, answer: found });
    };
    answer.then(settle, () => settle(null));
    return answer;
  }

  /** Forgets everything, also what is being read: a change may have come in between. */
  clear(): void {
    this.#found.clear();
    this.#asked.clear();
  }

  #isBelieved({ began }: Reading<V>): boolean {
    return this.#isFresh() || performance.now() - began <= BELIEF_MS;
  }
}

interface KnownSession extends PendingSession {
  /** `performance.now()` from which it is not answered any more. */
  readonly until: number;
}

/** Stands where a session is being read. */
const UNREAD: KnownSession = {
  projectId: "",
  opened: false,
  sequence: 0,
  until: Number.NEGATIVE_INFINITY,
};

/** Everything that is remembered. */
export class RecentRows {
  /** By the hash of an API key. */
  readonly keys: RecentReads<Project>;
  /** By id. */
  readonly projects: RecentReads<Project>;
  /** Browser origins in lower case, of any project. */
  readonly origins: RecentReads<true>;
  readonly #sessions = new LRUCache<string, KnownSession>({ max: SESSION_LIMIT });
  readonly #isFresh: IsFresh;

  constructor(isFresh: IsFresh) {
    this.#isFresh = isFresh;
    this.keys = new RecentReads(isFresh);
    this.projects = new RecentReads(isFresh);
    this.origins = new RecentReads(isFresh);
  }

  /** The session, when it is known that it has not ended. */
  pendingSession(sessionId: string): PendingSession | null {
    const known = this.#sessions.get(sessionId);
    if (known === undefined || performance.now() >= known.until) return null;
    return this.#isFresh() ? known : null;
  }

  /** Reads a session, and remembers it unless it has ended or changed meanwhile. */
  async readSession(
    sessionId: string,
    read: () => Promise<Session | null>,
  ): Promise<Session | null> {
    const began = performance.now();
    const place = this.#placeOf(sessionId);
    let session: Session | null = null;
    try {
      session = await read();
      return session;
    } finally {
      if (session !== null && isEnded(session.status)) this.forgetSession(sessionId);
      // A change takes the place away: then this answer may be from before it.
      else if (place === this.#sessions.peek(sessionId) && place.until === UNREAD.until) {
        if (session === null) this.#sessions.delete(sessionId);
        else this.#remember(session, began);
      }
    }
  }

  /** The session has changed. */
  forgetSession(sessionId: string): void {
    this.#sessions.delete(sessionId);
  }

  /**
   * A project or one of its keys has changed: rare enough to forget all of them, and what hangs on
   * them.
   */
  forgetProjects(): void {
    this.keys.clear();
    this.projects.clear();
    this.origins.clear();
    this.#sessions.clear();
  }

  /** What is known, or the place for what is being read, which all readers of the moment share. */
  #placeOf(sessionId: string): KnownSession {
    const known = this.#sessions.get(sessionId);
    if (known !== undefined) return known;
    const place = { ...UNREAD };
    this.#sessions.set(sessionId, place);
    return place;
  }

  #remember({ id, projectId, opened, sequence, remainingMs }: Session, began: number): void {
    // Counted from before the question, by which time the session had at least as long to live.
    const until = began + remainingMs - EXPIRY_MARGIN_MS;
    this.#sessions.set(id, { projectId, opened, sequence, until });
  }
}
