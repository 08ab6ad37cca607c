// Manage projects: create, get, list and update them, for the operator.

import type { Ports } from "../core/ports.ts";
import {
  isSlug,
  landingUrlProblem,
  originUrlProblem,
  type Project,
  type ProjectChange,
  type ProjectDraft,
  REDIRECT_URI_LIMIT,
} from "../core/project.ts";
import { cleanName } from "../core/subscriber.ts";
import { TapinError, type Violation } from "../errors.ts";

type Stored = Pick<Ports, "store">;

/** Creates a project. Fails with `validation_failed`, or `conflict` when the slug is taken. */
export async function createProject({ store }: Stored, draft: ProjectDraft): Promise<Project> {
  const slug = isSlug(draft.slug) ? [] : [{ field: "slug", message: "must be 1-59 of a-z 0-9 -" }];
  refuse([...slug, ...problemsOf(draft)]);
  const project = await store.projects.create(draft);
  if (project === null) {
    throw new TapinError("CONFLICT", { sentence: `The slug ${draft.slug} is taken.` });
  }
  return project;
}

/** The project with this slug. Fails with `project_not_found`. */
export async function getProject({ store }: Stored, slug: string): Promise<Project> {
  const project = await store.projects.findBySlug(slug);
  if (project === null) throw new TapinError("PROJECT_NOT_FOUND");
  return project;
}

/** Projects a page when the caller does not say. */
export const DEFAULT_PAGE_SIZE = 50;

/** One page of projects by slug; `nextPageToken` is empty on the last. */
export async function listProjects(
  { store }: Stored,
  page: { pageSize: number; pageToken: string },
): Promise<{ projects: readonly Project[]; nextPageToken: string }> {
  const size = page.pageSize || DEFAULT_PAGE_SIZE;
  const found = await store.projects.list({
    afterSlug: slugOfToken(page.pageToken),
    limit: size + 1,
  });
  const projects = found.slice(0, size);
  const last = projects.at(-1);
  const more = found.length > size && last !== undefined;
  return { projects, nextPageToken: more ? Buffer.from(last.slug).toString("base64url") : "" };
}

/** Changes the fields that are there. Fails with `validation_failed` or `project_not_found`. */
export async function updateProject(
  { store }: Stored,
  slug: string,
  change: ProjectChange,
): Promise<Project> {
  const project = await getProject({ store }, slug);
  refuse(problemsOf(change));
  const updated = await store.projects.update(project.id, change);
  if (updated === null) throw new TapinError("PROJECT_NOT_FOUND");
  return updated;
}

function slugOfToken(token: string): string {
  const slug = Buffer.from(token, "base64url").toString();
  if (token === "" || isSlug(slug)) return slug;
  throw new TapinError("VALIDATION_FAILED", {
    violations: [{ field: "page_token", message: "must be a next_page_token of this list" }],
  });
}

function refuse(violations: readonly Violation[]): void {
  if (violations.length > 0) throw new TapinError("VALIDATION_FAILED", { violations });
}

function problemsOf(change: ProjectChange): readonly Violation[] {
  const found: Violation[] = [];
  const note = (field: string, message: string | null) => {
    if (message !== null) found.push({ field, message });
  };
  if (change.name !== undefined && cleanName(change.name) !== change.name) {
    note("name", "must be 1-64 plain characters without control characters or outer spaces");
  }
  if (change.name === "") note("name", "must not be empty");
  if (typeof change.callbackUrl === "string")
    note("callback_url", landingUrlProblem(change.callbackUrl));
  if (typeof change.originUrl === "string") note("origin_url", originUrlProblem(change.originUrl));
  const uris = change.redirectUris ?? [];
  uris.forEach((uri, index) => {
    note(`redirect_uris[${index}]`, landingUrlProblem(uri));
  });
  if (uris.length > REDIRECT_URI_LIMIT)
    note("redirect_uris", `must be at most ${REDIRECT_URI_LIMIT}`);
  return found;
}
