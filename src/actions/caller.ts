// Who calls: what authentication found out, and how it turns into the one session the caller may
// touch.

import { type Grant, type Reader, recipientOf } from "../core/grant.ts";
import type { Ports } from "../core/ports.ts";
import type { Session } from "../core/session.ts";
import type { PendingSession } from "../core/session-ports.ts";
import { TapinError } from "../errors.ts";
import type { LiveKey } from "./authenticate.ts";

/** A caller of AuthService. A watch token is judged when the session it must belong to is known. */
export type Caller =
  | ({ readonly kind: "api_key" } & LiveKey)
  | { readonly kind: "watch_token"; readonly token: string };

/**
 * The session, if this caller may touch it. A watch token of another session is `unauthorized`
 * whether the session exists or not; another project's session is `session_not_found` like a
 * missing one (T1).
 */
export async function findSession(
  ports: Pick<Ports, "store" | "secrets">,
  caller: Caller,
  sessionId: string,
): Promise<Session> {
  checkWatchToken(ports, caller, sessionId);
  const session =
    caller.kind === "api_key"
      ? await ports.store.sessions.find(caller.project.id, sessionId)
      : await ports.store.sessions.findAny(sessionId);
  if (session === null) throw new TapinError("SESSION_NOT_FOUND");
  return session;
}

/** A session that was just read. */
export interface ReadSession {
  readonly session: Session;
  /** The reader's grant, null = it gets no code; absent when no reader was given. */
  readonly grant?: Grant | null;
}

/**
 * The same, and if it is completed its grant: this reader becomes the code's recipient when nobody
 * is yet.
 */
export async function readSession(
  ports: Pick<Ports, "store" | "secrets">,
  caller: Caller,
  { sessionId, reader }: { sessionId: string; reader: Reader | null },
): Promise<ReadSession> {
  if (reader === null) return { session: await findSession(ports, caller, sessionId) };
  checkWatchToken(ports, caller, sessionId);
  const projectId = caller.kind === "api_key" ? caller.project.id : null;
  const read = await ports.store.grants.read(projectId, sessionId, recipientOf(reader));
  if (read === null) throw new TapinError("SESSION_NOT_FOUND");
  return read;
}

/**
 * The same from memory, while it is known without asking the database that the session has not
 * ended; null = ask `findSession`, which also says whether the session is there and the caller's.
 */
export async function findPending(
  ports: Pick<Ports, "store" | "secrets">,
  caller: Caller,
  sessionId: string,
): Promise<PendingSession | null> {
  checkWatchToken(ports, caller, sessionId);
  const session = await ports.store.sessions.findPending(sessionId);
  const isForeign = caller.kind === "api_key" && session?.projectId !== caller.project.id;
  return isForeign ? null : session;
}

function checkWatchToken(
  { secrets }: Pick<Ports, "secrets">,
  caller: Caller,
  sessionId: string,
): void {
  if (caller.kind === "watch_token" && !secrets.isWatchToken(sessionId, caller.token)) {
    throw new TapinError("UNAUTHORIZED");
  }
}
