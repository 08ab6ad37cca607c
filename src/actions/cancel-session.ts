// Cancel a session for the website: the person's own Cancel is in decide-prompt.

import type { Ports } from "../core/ports.ts";
import { type PublicStatus, publicStatus } from "../core/session.ts";
import { type Caller, findSession } from "./caller.ts";

/**
 * Ends a session that has not ended, and answers with the status it has then: `cancelled`, or the
 * terminal status that came first. Delivers no code.
 */
export async function cancelSession(
  ports: Ports,
  call: { caller: Caller; sessionId: string },
): Promise<PublicStatus> {
  const found = await findSession(ports, call.caller, call.sessionId);
  const cancelled = await ports.store.sessions.cancel(found.projectId, found.id);
  if (cancelled !== null) return "cancelled";
  return publicStatus((await findSession(ports, call.caller, call.sessionId)).status);
}
