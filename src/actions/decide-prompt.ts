// Decide a prompt: the person tapped Login, a number, or Cancel. The database decides in one
// transaction; whatever becomes of the message afterwards, the decision stands.

import type { Ports, Store } from "../core/ports.ts";
import type { Project } from "../core/project.ts";
import {
  confirmedScreen,
  type Decision,
  type Prompt,
  parseButtonData,
  type Screen,
  screenOfEnded,
} from "../core/prompt.ts";
import { randomUuid, sha256Hex } from "../core/secret.ts";
import type { Session } from "../core/session.ts";
import type { Person, Subscriber } from "../core/subscriber.ts";

/**
 * What to show after a tap. Data that is forged, stale or another person's has no effect (T12,
 * T13).
 */
export async function decidePrompt(ports: Ports, person: Person, data: string): Promise<Screen> {
  const tapped = parseButtonData(data);
  const prompt = tapped && (await ports.store.prompts.find(tapped.token));
  if (!tapped || !prompt || prompt.channel !== person.channel || prompt.userId !== person.userId) {
    return { kind: "stale" };
  }
  if (tapped.decision.kind === "subscribe") return await subscribe(ports, person, prompt);
  if (prompt.status === "live") {
    const screen = await decideLive(ports, { person, prompt, decision: tapped.decision });
    if (screen !== null) return screen;
  }
  // Decided before, or by another tap just now: tell what became of it.
  return await screenOfDecided(ports, person, tapped.token);
}

/**
 * The person asked for notifications after Login. Only whoever approved was offered this (T22); the
 * offer holds until the prompt is purged, 24 hours after its session ended, unless the project
 * subscribes nobody by then.
 */
async function subscribe(ports: Ports, person: Person, prompt: Prompt): Promise<Screen> {
  const project = await ports.store.projects.find(prompt.projectId);
  if (prompt.grantId === null || project === null || project.subscription === "off") {
    return { kind: "stale" };
  }
  await ports.store.subscribers.upsert(prompt.projectId, person, true);
  const screen = await screenOfDecided(ports, person, prompt.token);
  // "Go to website" is still needed while its code works.
  return screen.kind === "confirmed" ? { ...screen, subscribed: true } : { kind: "subscribed" };
}

interface LiveDecision {
  readonly person: Person;
  readonly prompt: Prompt;
  readonly decision: Decision;
}

/** Carries the decision out; null when another tap or the clock was faster. */
async function decideLive(ports: Ports, live: LiveDecision): Promise<Screen | null> {
  const { prompt, decision } = live;
  const session =
    prompt.sessionId === null
      ? null
      : await ports.store.sessions.find(prompt.projectId, prompt.sessionId);
  if (decision.kind === "cancel") return await cancel(ports, live, "cancelled");
  const matchCode = session?.matchCode ?? null;
  const choice = decision.kind === "match" ? decision.choice : null;
  if (matchCode === null || choice === null) {
    // A button this prompt never had: only a modified client sends it.
    return matchCode === choice ? await approve(ports, live, session) : { kind: "stale" };
  }
  return choice === matchCode
    ? await approve(ports, live, session)
    : await cancel(ports, live, "mismatched");
}

/** Rolls the transaction back without being an error for anybody. */
class Lost extends Error {}

/** The transaction's result; null when it lost against another tap, a newer prompt or the clock. */
async function unlessLost<T>(ports: Ports, work: (store: Store) => Promise<T>): Promise<T | null> {
  try {
    return await ports.store.transaction(work);
  } catch (error) {
    if (error instanceof Lost) return null;
    throw error;
  }
}

async function approve(
  ports: Ports,
  { person, prompt }: LiveDecision,
  session: Session | null,
): Promise<Screen | null> {
  const project = await ports.store.projects.find(prompt.projectId);
  if (project === null) return { kind: "expired" };
  const grantId = randomUuid(ports.random);
  const subscriber = await unlessLost(ports, (store) =>
    approveIn(store, ports, { person, prompt, project, session, grantId }),
  );
  if (subscriber === null) return null;
  const code = ports.secrets.codeOf(grantId);
  return confirmationOf({ prompt, project, session, code, subscriber });
}

interface Approval {
  readonly person: Person;
  readonly prompt: Prompt;
  readonly project: Project;
  readonly session: Session | null;
  readonly grantId: string;
}

async function approveIn(store: Store, ports: Ports, approval: Approval): Promise<Subscriber> {
  const { person, prompt, project, session, grantId } = approval;
  const { projectId, channel, userId } = prompt;
  if (session !== null) {
    const owner = { channel, userId };
    if ((await store.sessions.approve(projectId, session.id, owner)) === null) throw new Lost();
  }
  const subscribes = project.subscription === "automatic" ? true : null;
  const subscriber = await store.subscribers.upsert(projectId, person, subscribes);
  await store.grants.create(projectId, {
    id: grantId,
    sessionId: session?.id ?? null,
    subscriberId: subscriber.id,
    codeHash: sha256Hex(ports.secrets.codeOf(grantId)),
    codeChallenge: session?.codeChallenge ?? null,
    state: session?.state ?? null,
    ttlSeconds: ports.settings.codeTtlSeconds,
  });
  if (!(await store.prompts.approve(projectId, prompt.token, grantId))) throw new Lost();
  return subscriber;
}

async function cancel(
  ports: Ports,
  { prompt }: LiveDecision,
  kind: "cancelled" | "mismatched",
): Promise<Screen | null> {
  const { projectId, sessionId, channel, userId, token } = prompt;
  return await unlessLost(ports, async (store) => {
    if (sessionId !== null) {
      const owner = { channel, userId };
      if ((await store.sessions.cancel(projectId, sessionId, owner)) === null) throw new Lost();
    }
    // A prompt replaced just now must not cancel the session that the newer one asks for.
    if (!(await store.prompts.close(projectId, token, kind))) throw new Lost();
    return { kind };
  });
}

/** What to show for a prompt that is decided: the same screen again after a double tap (T7). */
async function screenOfDecided(ports: Ports, person: Person, token: string): Promise<Screen> {
  const prompt = await ports.store.prompts.find(token);
  if (prompt === null) return { kind: "stale" };
  const { projectId, sessionId, status } = prompt;
  const session = sessionId === null ? null : await ports.store.sessions.find(projectId, sessionId);
  if (status === "live") return screenOfEnded(session);
  if (status !== "approved" || prompt.grantId === null) {
    return { kind: status === "approved" ? "used" : status };
  }
  const project = await ports.store.projects.find(projectId);
  const grant = await ports.store.grants.findLive(projectId, prompt.grantId);
  const code = grant && ports.secrets.codeMatching(grant.id, grant.codeHash);
  if (project === null || code === null) return { kind: "used" };
  const subscriber = await ports.store.subscribers.upsert(projectId, person, null);
  return confirmationOf({ prompt, project, session, code, subscriber });
}

interface Confirmation {
  readonly prompt: Prompt;
  readonly project: Project;
  readonly session: Session | null;
  readonly code: string;
  readonly subscriber: Subscriber;
}

function confirmationOf(confirmation: Confirmation): Screen {
  const { prompt, project, session, code, subscriber } = confirmation;
  const asks = project.subscription === "ask" && !subscriber.subscribed;
  return confirmedScreen({
    projectName: project.name,
    landingUrl: session?.redirectUri ?? project.callbackUrl,
    state: session?.state ?? null,
    code,
    fromSession: session !== null,
    subscribeToken: asks ? prompt.token : null,
  });
}
