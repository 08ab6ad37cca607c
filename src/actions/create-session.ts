// Create a session: the beginning of one sign-in attempt.

import type { Ports } from "../core/ports.ts";
import type { Project } from "../core/project.ts";
import { randomMatchCode, randomText } from "../core/secret.ts";
import {
  type ClientInfo,
  POLL_INTERVAL_SECONDS,
  SESSION_ID_LENGTH,
  type Session,
} from "../core/session.ts";
import { TapinError } from "../errors.ts";
import { type Links, linksFor } from "./get-link.ts";
import { type IdempotencyKey, once } from "./idempotency.ts";

/** What the website asks for. */
export interface CreateSessionInput {
  readonly state: string | null;
  readonly redirectUri: string | null;
  readonly codeChallenge: string | null;
  readonly matchCode: boolean;
  readonly client: ClientInfo;
}

/** What the website's page needs. */
export interface CreatedSession {
  readonly session: Session;
  readonly links: Links;
  readonly watchToken: string;
  readonly pollIntervalSeconds: number;
}

/** Creates a session. Fails with `redirect_uri_invalid` or `conflict` (idempotency key). */
export async function createSession(
  ports: Ports,
  project: Project,
  input: CreateSessionInput,
  idempotency: IdempotencyKey | null,
): Promise<CreatedSession> {
  if (input.redirectUri !== null && !project.redirectUris.includes(input.redirectUri)) {
    throw new TapinError("REDIRECT_URI_INVALID");
  }
  const withMatchCode = input.matchCode || project.matchCodeRequired;
  const call = { projectId: project.id, operation: "create_session", idempotency };
  let fresh: Session | null = null;
  const made = await once(ports.store, call, async (store) => {
    fresh = await store.sessions.create(project.id, {
      ...input,
      id: randomText(ports.random, SESSION_ID_LENGTH),
      matchCode: withMatchCode ? randomMatchCode(ports.random) : null,
      ttlSeconds: ports.settings.sessionTtlSeconds,
    });
    return { sessionId: fresh.id };
  });
  // Made by this call, or by the one that this one repeats.
  const session = fresh ?? (await ports.store.sessions.find(project.id, made.sessionId));
  if (session === null) throw new TapinError("SESSION_NOT_FOUND");
  return {
    session,
    links: linksFor(ports.bots, project.id, { kind: "session", sessionId: session.id }),
    watchToken: ports.secrets.watchTokenOf(session.id),
    pollIntervalSeconds: POLL_INTERVAL_SECONDS,
  };
}
