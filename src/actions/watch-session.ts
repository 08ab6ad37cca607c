// Watch a session: its status at once, then at every change, and a heartbeat in between. A watch is
// a plain object that is called back, so that tens of thousands cost little; what is told to many
// is the same object for all of them.

import { type Reader, recipientOf } from "../core/grant.ts";
import type { Ports, SessionEar, SessionFollower, SessionNews } from "../core/ports.ts";
import { isEnded, type Session } from "../core/session.ts";
import { TapinError } from "../errors.ts";
import { type Caller, findSession, readSession } from "./caller.ts";
import { type SessionView, viewFor } from "./deliver-status.ts";

/** Longest silence of a watcher, in milliseconds (contract: a heartbeat at least every 15 s). */
export const HEARTBEAT_MS = 14_000;

// The database's clock decides about expiry; asking a moment later saves a second look.
const EXPIRY_SLACK_MS = 20;

/** Views that are kept for all who are told the same. */
const MOST_VIEWS = 1000;

/** What a watcher asks for, and how it is told. */
export interface Watch {
  readonly caller: Caller;
  readonly sessionId: string;
  /** Null = deliver nothing (HEAD). */
  readonly reader: Reader | null;
  /** Longest silence; default {@link HEARTBEAT_MS}. */
  readonly heartbeatMs?: number;
  /**
   * Called once, when the session is known and before anything is told of it: throws to refuse the
   * watcher. The answer is called when the watch is over.
   */
  enter(session: Session): () => void;
  /** The session's status; `isBeat` = said before, to break the silence. */
  tell(view: SessionView, isBeat: boolean): void;
  /**
   * The last call: null after a terminal status, otherwise why it failed. After `stop` only a
   * failure is told.
   */
  end(failure: unknown): void;
}

/** A watch that has begun. */
export interface RunningWatch {
  /** Nothing but a late failure is told any more. */
  stop(): void;
}

/**
 * Tells the session's status now, at every change, and again as a heartbeat; ends after a terminal
 * one. For a watcher that resumes and has seen the present status, the first message is a
 * heartbeat: it says at once that the stream stands. Fails with `unauthorized` when the caller's
 * key is revoked.
 */
export type WatchSession = (watch: Watch) => RunningWatch;

type WatchPorts = Pick<Ports, "store" | "secrets" | "changes" | "observer">;

/** Makes the verb: the watches of a process share what they read in the same moment. */
export function createWatchSession(ports: WatchPorts): WatchSession {
  const looks = new Looks(ports);
  return (watch) => {
    const running = new Watcher(looks, watch);
    running.begin();
    return running;
  };
}

/** What a look at the row finds. */
interface Seen {
  readonly session: Session;
  readonly view: SessionView;
}

/** Looks at rows. */
class Looks {
  readonly ports: WatchPorts;
  readonly #ofMoment = new Map<string, Promise<Seen>>();
  readonly #views = new Map<string, SessionView>();

  constructor(ports: WatchPorts) {
    this.ports = ports;
  }

  /**
   * Watchers that a change has woken share one read, unless each of them would be another recipient
   * of the code.
   */
  read({ caller, sessionId, reader }: Watch): Promise<Seen> {
    const projectId = caller.kind === "api_key" ? caller.project.id : "";
    const key = `${projectId} ${sessionId} ${reader === null ? "" : recipientOf(reader)}`;
    const known = this.#ofMoment.get(key);
    if (known !== undefined) return known;
    const asked = this.#read({ caller, sessionId, reader });
    this.#ofMoment.set(key, asked);
    queueMicrotask(() => this.#ofMoment.delete(key));
    return asked;
  }

  async #read(given: Pick<Watch, "caller" | "sessionId" | "reader">): Promise<Seen> {
    const { caller, sessionId, reader } = given;
    const read = await readSession(this.ports, caller, { sessionId, reader });
    return { session: read.session, view: this.share(await viewFor(this.ports, read, reader)) };
  }

  /** The same object for all who are told the same, unless it carries a code. */
  share(view: SessionView): SessionView {
    if (view.code !== null) return view;
    const key = `${view.status} ${view.opened} ${view.sequence}`;
    const known = this.#views.get(key);
    if (known !== undefined) return known;
    if (this.#views.size >= MOST_VIEWS) this.#views.clear();
    this.#views.set(key, view);
    return view;
  }
}

class Watcher implements RunningWatch, SessionEar {
  readonly #looks: Looks;
  readonly #watch: Watch;
  readonly #follower: SessionFollower;
  #leave: (() => void) | null = null;
  /** What was told last; null = nothing yet. */
  #told: SessionView | null = null;
  /** `performance.now()` by which something must be told again. */
  #beatAt = 0;
  /** `performance.now()` by which the row must be looked at again. */
  #expiresAt = 0;
  #isLooking = false;
  /** What came while it was looking. */
  #missed: SessionNews | null = null;
  #isOver = false;

  constructor(looks: Looks, watch: Watch) {
    this.#looks = looks;
    this.#watch = watch;
    const { caller, sessionId } = watch;
    const projectId = caller.kind === "api_key" ? caller.project.id : undefined;
    this.#follower = looks.ports.changes.follow(sessionId, this, projectId);
  }

  begin(): void {
    // The key may have been revoked after it was checked and before its project was followed.
    void this.#look("project");
  }

  hear(news: SessionNews): void {
    try {
      if (news !== "timeout") this.#lookSoon(news);
      else if (this.#told !== null) this.#onTime(this.#told);
    } catch (error) {
      // Others are told after this one.
      this.stop();
      this.#watch.end(error);
    }
  }

  stop(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#follower.close();
    this.#leave?.();
  }

  #onTime(told: SessionView): void {
    const now = performance.now();
    // Said at once, whether or not the database answers: it breaks the silence.
    if (now >= this.#beatAt) this.#tell(told, true);
    // While the feed is fresh, what nothing was told of has not changed.
    if (now >= this.#expiresAt || !this.#looks.ports.changes.isFresh()) this.#lookSoon("timeout");
    this.#setTime();
  }

  #lookSoon(news: SessionNews): void {
    if (this.#isOver) return;
    if (!this.#isLooking) void this.#look(news);
    // News of the project asks for the key, and says that of the session too. When the time is
    // over, a look is under way.
    else if (news !== "timeout" && this.#missed !== "project") this.#missed = news;
  }

  async #look(news: SessionNews): Promise<void> {
    this.#isLooking = true;
    try {
      const seen = await this.#see(news).finally(() => {
        this.#isLooking = false;
      });
      if (this.#isOver) return;
      this.#take(seen, news);
    } catch (error) {
      this.stop();
      this.#watch.end(error);
    }
    const missed = this.#missed;
    this.#missed = null;
    if (missed !== null) this.#lookSoon(missed);
  }

  async #see(news: SessionNews): Promise<Seen> {
    const { ports } = this.#looks;
    const { caller, sessionId, reader } = this.#watch;
    if (news !== "changed") await confirmKey(ports, caller);
    if (this.#leave !== null) return await this.#looks.read(this.#watch);
    // Whoever may still be refused must not become the code's recipient.
    const session = await findSession(ports, caller, sessionId);
    if (this.#isOver) throw new TapinError("CANCELED");
    this.#leave = this.#watch.enter(session);
    const view = await viewFor(ports, { session }, reader);
    return { session, view: this.#looks.share(view) };
  }

  #take({ session, view }: Seen, news: SessionNews): void {
    const ended = isEnded(session.status);
    this.#expiresAt = performance.now() + session.remainingMs + EXPIRY_SLACK_MS;
    if (ended || view.sequence !== this.#told?.sequence) {
      if (news === "changed") noteDelivery(this.#looks.ports, session);
      this.#tell(view, false);
    }
    if (this.#isOver) return;
    if (ended) {
      this.stop();
      this.#watch.end(null);
    } else this.#setTime();
  }

  #tell(view: SessionView, isBeat: boolean): void {
    this.#told = view;
    this.#beatAt = performance.now() + (this.#watch.heartbeatMs ?? HEARTBEAT_MS);
    this.#watch.tell(view, isBeat);
  }

  #setTime(): void {
    // A look under way sets the time anew: before that, nothing more can be done about the expiry.
    const at = this.#isLooking ? this.#beatAt : Math.min(this.#beatAt, this.#expiresAt);
    this.#follower.wakeIn(Math.max(0, at - performance.now()));
  }
}

async function confirmKey({ store }: Pick<Ports, "store">, caller: Caller): Promise<void> {
  if (caller.kind !== "api_key") return;
  if ((await store.apiKeys.findProject(caller.keyHash)) === null) {
    throw new TapinError("UNAUTHORIZED");
  }
}

function noteDelivery({ observer }: Pick<Ports, "observer">, { status, endedMs }: Session): void {
  if (isEnded(status) && endedMs !== null) observer.delivered(endedMs / 1000);
}
