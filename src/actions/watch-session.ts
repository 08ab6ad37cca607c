// Watch a session: its status at once, then at every change, and a heartbeat in between.

import type { Reader } from "../core/grant.ts";
import type { Ports, SessionFollower } from "../core/ports.ts";
import { isEnded, type Session } from "../core/session.ts";
import { TapinError } from "../errors.ts";
import { type Caller, type ReadSession, readSession } from "./caller.ts";
import { type SessionView, viewFor } from "./deliver-status.ts";

/** Longest silence of a watcher, in milliseconds (contract: a heartbeat at least every 15 s). */
export const HEARTBEAT_MS = 14_000;

// The database's clock decides about expiry; asking a moment later saves a second look.
const EXPIRY_SLACK_MS = 20;

/** What a watcher asks for. */
export interface Watch {
  readonly caller: Caller;
  readonly sessionId: string;
  /** Null = deliver nothing (HEAD). */
  readonly reader: Reader | null;
  readonly signal: AbortSignal;
  /**
   * Called once, when the session is known and before anything is told of it: throws to refuse the watcher.
   * The answer is called when the watcher leaves; on abort that is `enter`'s own business.
   */
  enter(session: Session): () => void;
  /** Longest silence; default {@link HEARTBEAT_MS}. */
  readonly heartbeatMs?: number;
}

/**
 * Yields the session's status now, at every change, and again as a heartbeat; ends after a terminal one or
 * when the signal aborts. For a watcher that resumes and has seen the present status, the first message is a
 * heartbeat: it says at once that the stream stands. Fails with `unauthorized` when the caller's key is revoked.
 */
export async function* watchSession(
  ports: Pick<Ports, "store" | "secrets" | "changes" | "observer">,
  watch: Watch,
): AsyncGenerator<SessionView, void, undefined> {
  const { signal, sessionId, caller } = watch;
  const projectId = caller.kind === "api_key" ? caller.project.id : undefined;
  const follower = ports.changes.follow(sessionId, projectId);
  // A reader that stalls and then vanishes leaves this generator parked at a yield, where no `finally`
  // ever runs: only the signal tells.
  const onAbort = () => follower.close();
  signal.addEventListener("abort", onAbort, { once: true });
  let leave: (() => void) | undefined;
  try {
    let seen = 0;
    let news: News = null;
    while (!signal.aborted) {
      const read = await look(ports, watch, { news, isIn: leave !== undefined });
      const { session } = read;
      leave ??= watch.enter(session);
      const ended = isEnded(session.status);
      // News of the project begins the silence anew, so it is a heartbeat too.
      const heartbeat = news === "timeout" || news === "project";
      if (ended || heartbeat || session.sequence !== seen) {
        const view = await viewFor(ports, read, watch.reader);
        if (news === "changed") noteDelivery(ports, session);
        yield view;
      }
      if (ended) return;
      seen = session.sequence;
      const silence = Math.min(
        watch.heartbeatMs ?? HEARTBEAT_MS,
        session.remainingMs + EXPIRY_SLACK_MS,
      );
      news = await follower.next(silence, signal);
    }
  } finally {
    // Node keeps a combined signal for as long as it has a listener.
    signal.removeEventListener("abort", onAbort);
    follower.close();
    leave?.();
  }
}

type News = Awaited<ReturnType<SessionFollower["next"]>> | null;

async function look(
  ports: Pick<Ports, "store" | "secrets">,
  { caller, sessionId, reader }: Watch,
  { news, isIn }: { news: News; isIn: boolean },
): Promise<ReadSession> {
  // At first too: the key may have been revoked after it was checked and before its project was followed.
  if (news !== "changed") await confirmKey(ports, caller);
  // Whoever may still be refused must not become the code's recipient.
  return await readSession(ports, caller, { sessionId, reader: isIn ? reader : null });
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
