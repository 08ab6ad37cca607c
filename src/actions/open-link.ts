// Open a deep link: the person pressed START. Shows a prompt; never logs anyone in by itself (T2).

import { browserName } from "../core/browser.ts";
import { parsePayload } from "../core/deep-link.ts";
import type { Ports } from "../core/ports.ts";
import { displayHost, type Project } from "../core/project.ts";
import {
  matchChoices,
  PROMPT_TOKEN_LENGTH,
  type PromptScreen,
  type Screen,
} from "../core/prompt.ts";
import { randomText } from "../core/secret.ts";
import type { Session } from "../core/session.ts";
import type { Person } from "../core/subscriber.ts";
import { screenOfEnded } from "./decide-prompt.ts";

/** What to show the person who opened a link with this payload. */
export async function openLink(ports: Ports, person: Person, payload: string): Promise<Screen> {
  const parsed = parsePayload(payload);
  if (parsed === null) return { kind: "help" };
  return parsed.kind === "session"
    ? await openSession(ports, person, parsed.sessionId)
    : await openStaticLink(ports, person, parsed.slug);
}

/** A session's link: the first account that opens it owns the session (T12). */
async function openSession(ports: Ports, person: Person, sessionId: string): Promise<Screen> {
  const { channel, userId } = person;
  const session = await ports.store.sessions.open(sessionId, { channel, userId });
  if (session === null) return screenOfEnded(await ports.store.sessions.findAny(sessionId));
  const project = await ports.store.projects.find(session.projectId);
  if (project === null) return { kind: "expired" };
  return await showPrompt(ports, person, { project, session });
}

/** A static link has no browser to return to: without a callback URL nobody could use the code. */
async function openStaticLink(ports: Ports, person: Person, slug: string): Promise<Screen> {
  const project = await ports.store.projects.findBySlug(slug);
  if (project === null || project.callbackUrl === null) return { kind: "off" };
  return await showPrompt(ports, person, { project, session: null });
}

async function showPrompt(
  ports: Ports,
  person: Person,
  { project, session }: { project: Project; session: Session | null },
): Promise<PromptScreen> {
  const token = randomText(ports.random, PROMPT_TOKEN_LENGTH);
  await ports.store.prompts.create(project.id, {
    token,
    sessionId: session?.id ?? null,
    channel: person.channel,
    userId: person.userId,
    lang: person.lang,
    ttlSeconds:
      session === null ? ports.settings.sessionTtlSeconds : Math.ceil(session.remainingMs / 1000),
  });
  const matchCode = session?.matchCode ?? null;
  return {
    kind: "prompt",
    token,
    projectName: project.name,
    host: displayHost(project, session?.redirectUri),
    ageSeconds: session?.ageSeconds ?? null,
    browser: browserName(session?.client.userAgent ?? null),
    ip: session?.client.ip ?? null,
    choices: matchCode === null ? null : matchChoices(matchCode, ports.random),
  };
}
