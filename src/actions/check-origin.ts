// Check the browser origin of a caller with a watch token: only the project's own pages may watch
// (T16).

import type { Ports } from "../core/ports.ts";
import { TapinError } from "../errors.ts";
import { type Caller, findPending, findSession } from "./caller.ts";

/**
 * Fails with `forbidden` when a browser page of another origin than the project's uses a session's
 * watch token; at once when there is nothing to check. `origin` is null for callers that are no
 * cross-origin page.
 */
export function checkOrigin(
  ports: Pick<Ports, "store" | "secrets">,
  { caller, sessionId, origin }: { caller: Caller; sessionId: string; origin: string | null },
): Promise<void> | undefined {
  if (origin === null || caller.kind !== "watch_token") return;
  return checkPage(ports, { caller, sessionId, origin });
}

async function checkPage(
  ports: Pick<Ports, "store" | "secrets">,
  { caller, sessionId, origin }: { caller: Caller; sessionId: string; origin: string },
): Promise<void> {
  const { projectId } =
    (await findPending(ports, caller, sessionId)) ?? (await findSession(ports, caller, sessionId));
  const project = await ports.store.projects.findRecent(projectId);
  if (project?.originUrl?.toLowerCase() !== origin.toLowerCase()) {
    throw new TapinError("FORBIDDEN", {
      sentence: "Pages of this origin may not use the project's sessions.",
    });
  }
}
