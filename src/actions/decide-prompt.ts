// Decide a prompt: the person tapped Login, a number, or Cancel. The database decides in one transaction;
// whatever becomes of the message afterwards, the decision stands.

import type { Ports, Store } from "../core/ports.ts";
import { landingUrl, type Project } from "../core/project.ts";
import { type Decision, type Prompt, parseButtonData, type Screen } from "../core/prompt.ts";
import { randomUuid, sha256Hex } from "../core/secret.ts";
import type { Session } from "../core/session.ts";
import type { Person } from "../core/subscriber.ts";

/** What to show after a tap. Data that is forged, stale or another person's has no effect (T12, T13). */
export async function decidePrompt(ports: Ports, person: Person, data: string): Promise<Screen> {
  const tapped = parseButtonData(data);
  const prompt = tapped && (await ports.store.prompts.find(tapped.token));
  if (!tapped || !prompt || prompt.channel !== person.channel || prompt.userId !== person.userId) {
    return { kind: "stale" };
  }
  if (prompt.status === "live") {
    const screen = await decideLive(ports, { person, prompt, decision: tapped.decision });
    if (screen !== null) return screen;
  }
  // Decided before, or by another tap just now: tell what became of it.
  return await screenOfDecided(ports, tapped.token);
}

/** What the end of a session looks like to a person who comes too late. */
export function screenOfEnded(session: Session | null): Screen {
  switch (session?.status) {
    case "completed":
    case "verified":
      return { kind: "used" };
    case "cancelled":
      return { kind: "cancelled" };
    case "pending":
    case "opened":
      return { kind: "taken" };
    default:
      return { kind: "expired" };
  }
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

async function approve(
  ports: Ports,
  { person, prompt }: LiveDecision,
  session: Session | null,
): Promise<Screen | null> {
  const project = await ports.store.projects.find(prompt.projectId);
  if (project === null) return { kind: "expired" };
  const grantId = randomUuid(ports.random);
  try {
    await ports.store.transaction((store) =>
      approveIn(store, ports, { person, prompt, session, grantId }),
    );
  } catch (error) {
    if (error instanceof Lost) return null;
    throw error;
  }
  return confirmedScreen(project, session, ports.secrets.codeOf(grantId));
}

interface Approval {
  readonly person: Person;
  readonly prompt: Prompt;
  readonly session: Session | null;
  readonly grantId: string;
}

async function approveIn(store: Store, ports: Ports, approval: Approval): Promise<void> {
  const { person, prompt, session, grantId } = approval;
  const { projectId, channel, userId } = prompt;
  if (session !== null) {
    const owner = { channel, userId };
    if ((await store.sessions.approve(projectId, session.id, owner)) === null) throw new Lost();
  }
  const subscriber = await store.subscribers.upsert(projectId, person);
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
}

async function cancel(
  ports: Ports,
  { prompt }: LiveDecision,
  kind: "cancelled" | "mismatched",
): Promise<Screen | null> {
  const { projectId, sessionId, channel, userId, token } = prompt;
  const done = await ports.store.transaction(async (store) => {
    if (sessionId !== null) {
      const owner = { channel, userId };
      const session = await store.sessions.cancel(projectId, sessionId, owner);
      if (session === null) return false;
    }
    return await store.prompts.close(projectId, token, kind);
  });
  return done ? { kind } : null;
}

/** What to show for a prompt that is decided: the same screen again after a double tap (T7). */
async function screenOfDecided(ports: Ports, token: string): Promise<Screen> {
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
  return confirmedScreen(project, session, code);
}

function confirmedScreen(project: Project, session: Session | null, code: string): Screen {
  const base = session?.redirectUri ?? project.callbackUrl;
  const state = session?.state ?? null;
  return {
    kind: "confirmed",
    projectName: project.name,
    url: base === null ? null : landingUrl(base, { code, state }),
    fromSession: session !== null,
  };
}
