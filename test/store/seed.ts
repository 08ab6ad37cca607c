// Rows to start from, made through the store itself: a project, a session, a person, a login.

import { randomBytes, randomUUID } from "node:crypto";
import type { BotTable } from "../../src/core/bot-ports.ts";
import type { Store } from "../../src/core/ports.ts";
import type { Project, ProjectDraft } from "../../src/core/project.ts";
import type { PromptDraft, SettlingBot } from "../../src/core/prompt-ports.ts";
import { randomText, sha256Hex } from "../../src/core/secret.ts";
import type { Session } from "../../src/core/session.ts";
import type { GrantDraft, SessionDraft } from "../../src/core/session-ports.ts";
import type { Person, Subscriber } from "../../src/core/subscriber.ts";

/** Random text of `[A-Za-z0-9]`. */
export function text(length: number): string {
  return randomText(randomBytes, length);
}

/** A project draft with a slug of its own. */
export function projectDraft(change: Partial<ProjectDraft> = {}): ProjectDraft {
  return {
    slug: `p-${text(10).toLowerCase()}`,
    name: "Shop",
    callbackUrl: "https://shop.example.com/callback",
    originUrl: "https://shop.example.com",
    redirectUris: [],
    matchCodeRequired: false,
    subscription: "automatic",
    ...change,
  };
}

/** A project of its own for one test. */
export async function addProject(
  store: Store,
  change: Partial<ProjectDraft> = {},
): Promise<Project> {
  const project = await store.projects.create(projectDraft(change));
  if (project === null) throw new Error("the slug is taken");
  return project;
}

/** An API key of the project. */
export async function addKey(
  store: Store,
  project: Project,
): Promise<{ id: string; keyHash: string }> {
  const keyHash = sha256Hex(text(32));
  const { id } = await store.apiKeys.create(project.id, { name: "k", hint: "hint", hash: keyHash });
  return { id, keyHash };
}

/** A session draft that lives 300 s. */
export function sessionDraft(change: Partial<SessionDraft> = {}): SessionDraft {
  return {
    id: text(16),
    state: null,
    redirectUri: null,
    codeChallenge: null,
    matchCode: null,
    client: { ip: null, userAgent: null },
    ttlSeconds: 300,
    ...change,
  };
}

/** A pending session. */
export function addSession(
  store: Store,
  project: Project,
  change: Partial<SessionDraft> = {},
): Promise<Session> {
  return store.sessions.create(project.id, sessionDraft(change));
}

/** A person with a messenger account of their own. */
export function person(change: Partial<Person> = {}): Person {
  return {
    channel: "telegram",
    userId: String(randomBytes(6).readUIntBE(0, 6)),
    firstName: "John",
    lastName: "Doe",
    username: "johndoe",
    avatarUrl: null,
    lang: "ru",
    ...change,
  };
}

/** A grant with its code. */
export async function addGrant(
  store: Store,
  project: Project,
  change: Partial<GrantDraft> & { subscriberId: string },
): Promise<{ id: string; code: string; codeHash: string }> {
  const code = text(43);
  const grant = {
    id: randomUUID(),
    sessionId: null,
    codeHash: sha256Hex(code),
    codeChallenge: null,
    state: null,
    ttlSeconds: 300,
    ...change,
  };
  await store.grants.create(project.id, grant);
  return { id: grant.id, code, codeHash: grant.codeHash };
}

/** A completed login. */
export interface Login {
  readonly project: Project;
  readonly session: Session;
  readonly who: Person;
  readonly subscriber: Subscriber;
  readonly grant: { id: string; code: string; codeHash: string };
}

/** A session that a person opened and approved, with its grant. */
export async function addLogin(
  store: Store,
  change: Partial<GrantDraft> & { project?: Project } = {},
): Promise<Login> {
  const { project = await addProject(store), ...grantChange } = change;
  const who = person();
  const { id } = await addSession(store, project);
  await store.sessions.open(id, who);
  const session = await store.sessions.approve(project.id, id, who);
  if (session === null) throw new Error("the session was not approved");
  const subscriber = await store.subscribers.upsert(project.id, who, true);
  const grant = await addGrant(store, project, {
    sessionId: id,
    subscriberId: subscriber.id,
    ...grantChange,
  });
  return { project, session, who, subscriber, grant };
}

/** A prompt that lives 300 s. */
export function promptDraft(who: Person, change: Partial<PromptDraft> = {}): PromptDraft {
  return {
    token: text(22),
    sessionId: null,
    channel: who.channel,
    userId: who.userId,
    lang: who.lang,
    bot: `${who.channel}:1`,
    ttlSeconds: 300,
    ...change,
  };
}

/** The bot of {@link promptDraft}, or this one, as one that runs. */
export function settlingBot(bot = "telegram:1"): SettlingBot {
  return { bot, hasLeft: false };
}

/** A bot account of its own, as a project brings it. */
export function botDraft(change: Partial<BotDraft> = {}): BotDraft {
  return {
    channel: "telegram",
    messengerBotId: String(randomBytes(6).readUIntBE(0, 6)),
    username: "ShopBot",
    sealedToken: "sealed",
    ...change,
  };
}

type BotDraft = Parameters<BotTable["set"]>[1];
