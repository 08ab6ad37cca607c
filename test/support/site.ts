// A website on a running service, for tests that do not care which database is behind it: its
// project is made through AdminService, so it works embedded and on PostgreSQL. The stage of the
// stories is in story-stage.ts.

import { randomBytes } from "node:crypto";
import { awaitAnswer } from "./await-condition.ts";
import { CLIENTS } from "./clients.ts";
import type { ContractClient, CreatedSession, SessionInput } from "./contract-client.ts";
import { type Bubble, codeOf, labelsOf, makePerson, type Person, type Who } from "./person.ts";
import { startPostgres } from "./postgres.ts";
import { restFetch } from "./rest-client.ts";
import { makeDataDir, type Tapin } from "./tapin.ts";

/** A website: its project's key, and a client of either kind at the process it was made on. */
export interface Site {
  readonly slug: string;
  readonly apiKey: string;
  readonly rest: ContractClient;
  readonly grpc: ContractClient;
  /** Clients of the same website at another process. */
  at(other: Pick<Tapin, "url">): Pick<Site, "rest" | "grpc">;
  /** Lets go of connections. */
  close(): void;
}

/** Makes a project with the callback URL https://shop.example/login and a key of it. */
export async function makeSite(tapin: Pick<Tapin, "url" | "adminToken">): Promise<Site> {
  const slug = `shop-${randomBytes(4).toString("hex")}`;
  const admin = async (path: string, body: object): Promise<Record<string, unknown>> => {
    const call = { method: "POST", bearer: tapin.adminToken, body };
    const response = await restFetch(`${tapin.url}/v1/admin/${path}`, call);
    if (!response.ok) throw new Error(`admin: ${await response.text()}`);
    return (await response.json()) as Record<string, unknown>;
  };
  await admin("projects", { slug, name: "Shop", callback_url: "https://shop.example/login" });
  const apiKey = String((await admin(`projects/${slug}/keys`, { name: "test" })).api_key);
  return siteOf(slug, apiKey, tapin.url);
}

/** The same website at a service that was started again. */
export function siteOf(slug: string, apiKey: string, url: string): Site {
  const made: ContractClient[] = [];
  const at: Site["at"] = (other) => {
    const clients = {
      rest: CLIENTS.REST(other.url, apiKey),
      grpc: CLIENTS.gRPC(other.url, apiKey),
    };
    made.push(clients.rest, clients.grpc);
    return clients;
  };
  return {
    slug,
    apiKey,
    ...at({ url }),
    at,
    close() {
      for (const client of made) client.close();
    },
  };
}

/** A login that is confirmed and not verified. */
export interface Login {
  readonly session: CreatedSession;
  readonly person: Person;
  /** The message that says so. */
  readonly bubble: Bubble;
  readonly code: string;
}

/** Creates a session, opens its link and taps Login. */
export async function confirmLogin(
  tapin: Pick<Tapin, "url">,
  site: Pick<Site, "rest">,
  { who, input }: { readonly who?: Partial<Who>; readonly input?: SessionInput } = {},
): Promise<Login> {
  const session = await site.rest.createSession(input);
  const person = makePerson(tapin.url, who);
  const { message_id } = await openPrompt(person, session.telegramLink);
  await person.tap("Login", message_id);
  const bubble = await settledBubble(person, message_id);
  return { session, person, bubble, code: codeOf(bubble) };
}

/**
 * Opens the link and waits for the message that asks for the login. The sandbox's own wait for the
 * bot ends after 2 s, which a slow machine may need longer than.
 */
export async function openPrompt(
  person: Person,
  link: string | null,
  timeoutMs?: number,
): Promise<Bubble> {
  await person.open(link);
  const look = async () => {
    const bubble = (await person.chat()).at(-1);
    return bubble !== undefined && labelsOf(bubble).includes("Login") ? bubble : null;
  };
  return await awaitAnswer("the bot asks for the login", look, timeoutMs);
}

/** The message once its Login button is gone. */
export async function settledBubble(person: Person, messageId: string): Promise<Bubble> {
  return await awaitAnswer("the message says what became of the login", async () => {
    const bubble = await person.bubble(messageId);
    return labelsOf(bubble).includes("Login") ? null : bubble;
  });
}

/** A place for data that outlives a process. */
export interface TestStorage {
  /** Settings of a service that keeps its data there, with the sandbox on. */
  readonly env: Readonly<Record<string, string>>;
  /** URL of the database; null when it is embedded. */
  readonly databaseUrl: string | null;
  remove(): Promise<void>;
}

/** Both kinds of storage: `makeStorage` makes an empty one. */
export const STORAGES: readonly { name: string; makeStorage(): Promise<TestStorage> }[] = [
  {
    name: "embedded PGlite",
    async makeStorage() {
      const { path, remove } = await makeDataDir();
      return { env: { TAPIN_DATA_DIR: path }, databaseUrl: null, remove };
    },
  },
  { name: "PostgreSQL", makeStorage: makePostgresStorage },
];

/** An empty PostgreSQL database. */
export async function makePostgresStorage(): Promise<TestStorage & { databaseUrl: string }> {
  const server = await startPostgres();
  const databaseUrl = await server.createDatabase();
  const env = { TAPIN_DATABASE_URL: databaseUrl, TAPIN_SANDBOX: "on" };
  return { env, databaseUrl, remove: () => server.stop() };
}
