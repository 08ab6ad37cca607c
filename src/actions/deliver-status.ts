// Deliver a session's status to one reader, and the code to its one recipient.

import { type Grant, type Reader, recipientOf } from "../core/grant.ts";
import type { Ports } from "../core/ports.ts";
import { type PublicStatus, publicStatus, type Session } from "../core/session.ts";
import { TapinError } from "../errors.ts";
import { type Caller, findPending, type ReadSession, readSession } from "./caller.ts";

/** What one reader is told. */
export interface SessionView {
  readonly status: PublicStatus;
  /** Only with `completed`, and only for the recipient. */
  readonly code: string | null;
  readonly opened: boolean;
  readonly sequence: number;
}

/**
 * The session's status for this reader. The first reader of a completed session becomes the code's
 * recipient; every other one is told `expired`. With `reader: null` nothing is delivered (HEAD).
 * That a session is pending may come from memory; every other status the database decides.
 */
export async function deliverStatus(
  ports: Ports,
  { caller, sessionId, reader }: { caller: Caller; sessionId: string; reader: Reader | null },
): Promise<SessionView> {
  const pending = await findPending(ports, caller, sessionId);
  if (pending !== null) {
    const { opened, sequence } = pending;
    return { status: "pending", code: null, opened, sequence };
  }
  return await viewFor(ports, await readSession(ports, caller, { sessionId, reader }), reader);
}

/**
 * What this reader is told of a session that was just read, without its grant when the reader was
 * not to have the code yet.
 */
export async function viewFor(
  ports: Pick<Ports, "store" | "secrets">,
  { session, grant }: ReadSession,
  reader: Reader | null,
): Promise<SessionView> {
  const { opened, sequence } = session;
  const status = publicStatus(session.status);
  if (status !== "completed" || reader === null) return { status, code: null, opened, sequence };
  const given = grant === undefined ? await deliver(ports, session, reader) : grant;
  if (given === null) return { status: "expired", code: null, opened, sequence };
  const code = ports.secrets.codeMatching(given.id, given.codeHash);
  if (code === null) {
    throw new TapinError("INTERNAL", { cause: "no key of TAPIN_SECRET made this grant's code" });
  }
  return { status, code, opened, sequence };
}

async function deliver(
  { store }: Pick<Ports, "store">,
  { projectId, id }: Session,
  reader: Reader,
): Promise<Grant | null> {
  return await store.grants.deliver(projectId, id, recipientOf(reader));
}
