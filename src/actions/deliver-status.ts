// Deliver a session's status to one reader, and the code to its one recipient.

import { type Reader, recipientOf } from "../core/grant.ts";
import type { Ports } from "../core/ports.ts";
import { type PublicStatus, publicStatus, type Session } from "../core/session.ts";
import { TapinError } from "../errors.ts";
import { type Caller, findPending, findSession } from "./caller.ts";

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
  call: { caller: Caller; sessionId: string; reader: Reader | null },
): Promise<SessionView> {
  const pending = await findPending(ports, call.caller, call.sessionId);
  if (pending !== null) {
    const { opened, sequence } = pending;
    return { status: "pending", code: null, opened, sequence };
  }
  const session = await findSession(ports, call.caller, call.sessionId);
  return await viewFor(ports, session, call.reader);
}

/** What this reader is told of a session that was just read. */
export async function viewFor(
  ports: Pick<Ports, "store" | "secrets">,
  session: Session,
  reader: Reader | null,
): Promise<SessionView> {
  const { opened, sequence } = session;
  const status = publicStatus(session.status);
  if (status !== "completed" || reader === null) return { status, code: null, opened, sequence };
  const recipient = recipientOf(reader);
  const grant = await ports.store.grants.deliver(session.projectId, session.id, recipient);
  if (grant === null) return { status: "expired", code: null, opened, sequence };
  const code = ports.secrets.codeMatching(grant.id, grant.codeHash);
  if (code === null) {
    throw new TapinError("INTERNAL", { cause: "no key of TAPIN_SECRET made this grant's code" });
  }
  return { status, code, opened, sequence };
}
