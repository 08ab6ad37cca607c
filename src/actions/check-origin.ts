// Check the browser origin of a caller with a watch token: only the project's own pages may watch
// (T16).

import type { Ports } from "../core/ports.ts";
import { TapinError } from "../errors.ts";
import { type Caller, findPending, findSession } from "./caller.ts";

/**
 * Fails with `forbidden` when a browser page of another origin than the project's uses a session's
 * watch token. `origin` is null for callers that are no cross-origin page.
 */
export async function checkOrigin(
  ports: Pick<Ports, "store" | "secrets">,
  call: { caller: Caller; sessionId: string; origin: string | null },
): Promise<void> {
  if (call.origin === null || call.caller.kind !== "watch_token") return;
  const { caller, sessionId } = call;
  const { projectId } =
    (await findPending(ports, caller, sessionId)) ?? (await findSession(ports, caller, sessionId));
  const project = await ports.store.projects.findRecent(projectId);
  if (project?.originUrl?.toLowerCase() !== call.origin.toLowerCase()) {
    throw new TapinError("FORBIDDEN", {
      sentence: "Pages of this origin may not use the project's sessions.",
    });
  }
}
