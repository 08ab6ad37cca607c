// Open a deep link: the person pressed START. Shows a prompt; never logs anyone in by itself (T2).

import type { BotIdentity } from "../core/bot-ports.ts";
import { browserName } from "../core/browser.ts";
import { parsePayload } from "../core/deep-link.ts";
import type { Ports } from "../core/ports.ts";
import { displayHost, type Project } from "../core/project.ts";
import {
  matchChoices,
  PROMPT_TOKEN_LENGTH,
  type PromptScreen,
  type Screen,
  screenOfEnded,
} from "../core/prompt.ts";
import { randomText, repeatableBytes } from "../core/secret.ts";
import type { Session } from "../core/session.ts";
import type { Person } from "../core/subscriber.ts";

/** Cancels within {@link COOLDOWN_SECONDS} after which a person is left alone for a while (T11). */
export const COOLDOWN_CANCELS = 3;

/** Seconds a cancelled prompt counts towards the cool-down. */
export const COOLDOWN_SECONDS = 600;

/** Somebody who presses START in a bot. */
export interface Visitor {
  readonly person: Person;
  readonly bot: BotIdentity;
}

/** What to show the person who opened a link with this payload. */
export async function openLink(ports: Ports, visitor: Visitor, payload: string): Promise<Screen> {
  const parsed = parsePayload(payload);
  if (parsed === null) return { kind: "help" };
  return parsed.kind === "session"
    ? await openSession(ports, visitor, parsed.sessionId)
    : await openStaticLink(ports, visitor, parsed.slug);
}

/** A session's link: the first account that opens it owns the session (T12). */
async function openSession(ports: Ports, visitor: Visitor, sessionId: string): Promise<Screen> {
  const found = await ports.store.sessions.findAny(sessionId);
  if (found === null || !speaksFor(visitor.bot, found.projectId)) return { kind: "expired" };
  if (await isTired(ports, visitor.person, found.projectId)) return { kind: "cooldown" };
  const { channel, userId } = visitor.person;
  const session = await ports.store.sessions.open(sessionId, { channel, userId });
  if (session === null) return screenOfEnded(await ports.store.sessions.findAny(sessionId));
  const project = await ports.store.projects.find(session.projectId);
  if (project === null) return { kind: "expired" };
  return await showPrompt(ports, visitor, { project, session });
}

/** A static link has no browser to return to: without a callback URL nobody could use the code. */
async function openStaticLink(ports: Ports, visitor: Visitor, slug: string): Promise<Screen> {
  const project = await ports.store.projects.findBySlug(slug);
  if (project === null || !speaksFor(visitor.bot, project.id)) return { kind: "off" };
  if (project.callbackUrl === null) return { kind: "off" };
  if (await isTired(ports, visitor.person, project.id)) return { kind: "cooldown" };
  return await showPrompt(ports, visitor, { project, session: null });
}

/** A project's own bot speaks for that project only. */
function speaksFor(bot: BotIdentity, projectId: string): boolean {
  return bot.projectId === null || bot.projectId === projectId;
}

/**
 * Whether the person has cancelled so often that they are probably being bombed with prompts (T11).
 */
async function isTired(ports: Ports, person: Person, projectId: string): Promise<boolean> {
  const { channel, userId } = person;
  const account = { channel, userId };
  const count = await ports.store.prompts.countCancelled(projectId, account, COOLDOWN_SECONDS);
  return count >= COOLDOWN_CANCELS;
}

async function showPrompt(
  ports: Ports,
  { person, bot }: Visitor,
  { project, session }: { project: Project; session: Session | null },
): Promise<PromptScreen> {
  const token = randomText(ports.random, PROMPT_TOKEN_LENGTH);
  await ports.store.prompts.create(project.id, {
    token,
    sessionId: session?.id ?? null,
    channel: person.channel,
    userId: person.userId,
    lang: person.lang,
    bot: bot.name,
    ttlSeconds:
      session === null ? ports.settings.sessionTtlSeconds : Math.ceil(session.remainingMs / 1000),
  });
  return {
    kind: "prompt",
    token,
    projectName: project.name,
    host: displayHost(project, session?.redirectUri),
    ageSeconds: session?.ageSeconds ?? null,
    browser: browserName(session?.client.userAgent ?? null),
    ip: session?.client.ip ?? null,
    subscribes: project.subscription === "automatic",
    choices: session && choicesOf(ports, session),
  };
}

/**
 * The numbers to choose from, the same in every prompt of the session; null without a match code.
 */
function choicesOf({ secrets }: Ports, { id, matchCode }: Session): readonly string[] | null {
  if (matchCode === null) return null;
  return matchChoices(matchCode, repeatableBytes(secrets.derive(`match|${id}`)));
}
