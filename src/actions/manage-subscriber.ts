// Manage subscribers: delete one, for the operator (T25).

import type { Ports } from "../core/ports.ts";
import { TapinError } from "../errors.ts";
import { getProject } from "./manage-project.ts";

/**
 * Deletes what is known of the person in this project. Other projects' rows of the same person
 * stay, and the next login makes a new subscriber. Fails with `project_not_found` or `not_found`.
 */
export async function deleteSubscriber(
  ports: Pick<Ports, "store">,
  slug: string,
  subscriberId: string,
): Promise<void> {
  const project = await getProject(ports, slug);
  if (!(await ports.store.subscribers.delete(project.id, subscriberId))) {
    throw new TapinError("NOT_FOUND");
  }
}
