// The stage of a story: the whole service on PostgreSQL with the pretend Telegram, projects made
// through AdminService, and the database itself for what no caller may do, such as turning back a
// clock.

import { randomBytes } from "node:crypto";
import type { SubscriptionPolicy } from "../../src/core/project.ts";
import type { Channel } from "../../src/core/subscriber.ts";
import { CLIENTS } from "./clients.ts";
import type { ContractClient, CreatedSession, DialectName } from "./contract-client.ts";
import { type Bubble, makePerson, type Person, type PersonInput } from "./person.ts";
import { queryOnce, startPostgres, type TestPostgres } from "./postgres.ts";
import { restFetch } from "./rest-client.ts";
import { startTapin, type Tapin, type TapinOptions } from "./tapin.ts";

/** What a project is made of; the rest is as AdminService has it. */
export interface ProjectInput {
  readonly slug?: string;
  readonly name?: string;
  readonly callback_url?: string | null;
  readonly origin_url?: string | null;
  readonly redirect_uris?: readonly string[];
  readonly match_code?: "optional" | "required";
  readonly subscription?: SubscriptionPolicy;
}

/** A project and a key of it. */
export interface StoryProject {
  readonly slug: string;
  readonly keyId: string;
  readonly apiKey: string;
  /** A client that speaks for the project; closed with the stage. REST unless told otherwise. */
  client(dialect?: DialectName): ContractClient;
}

/** A running stage. */
export interface Stage {
  readonly tapin: Tapin;
  readonly url: string;
  readonly databaseUrl: string;
  /** Calls AdminService, of this service unless told otherwise; rejects on a refusal. */
  admin(method: string, path: string, body?: object, at?: string): Promise<Record<string, unknown>>;
  /** Makes a project, with the callback URL https://shop.example/login unless told otherwise. */
  project(input?: ProjectInput): Promise<StoryProject>;
  /** A person nobody has met. */
  person(who?: PersonInput): Person;
  /** A client with these credentials; closed with the stage. */
  client(dialect: DialectName, bearer: string | null): ContractClient;
  /** A REST client with this key at another process; closed with the stage. */
  clientAt(url: string, apiKey: string): ContractClient;
  /** Runs one statement in the database. */
  query(text: string, values?: readonly unknown[]): Promise<readonly Record<string, unknown>[]>;
  stop(): Promise<void>;
}

/**
 * Opens the session's link in this messenger. In a running dialog MAX tells a bot nothing of it:
 * there the person sends the text that stands for the link too.
 */
export async function openIn(
  channel: Channel,
  person: Person,
  { telegramLink, maxLink }: CreatedSession,
): Promise<Bubble> {
  if (channel === "telegram") return await person.open(telegramLink);
  const isRunning = (await person.chat().catch(() => [])).length > 0;
  const opened = await person.open(maxLink);
  const payload = new URL(maxLink ?? "").searchParams.get("start");
  return isRunning ? await person.type(`/start ${payload}`) : opened;
}

/** Starts the service on an empty database. */
export async function startStage({ env, ...options }: TapinOptions = {}): Promise<Stage> {
  const postgres = await startPostgres();
  const databaseUrl = await postgres.createDatabase();
  const settings = { TAPIN_DATABASE_URL: databaseUrl, TAPIN_SANDBOX: "on", ...env };
  const tapin = await startTapin({ ...options, env: settings });
  return stageOf({ tapin, databaseUrl, postgres });
}

function stageOf(parts: { tapin: Tapin; databaseUrl: string; postgres: TestPostgres }): Stage {
  const { tapin, databaseUrl, postgres } = parts;
  const { url } = tapin;
  const clients: ContractClient[] = [];
  const kept = (made: ContractClient) => {
    clients.push(made);
    return made;
  };
  const client: Stage["client"] = (dialect, bearer) => kept(CLIENTS[dialect](url, bearer));
  const admin: Stage["admin"] = async (method, path, body, at = url) => {
    const call = { method, bearer: tapin.adminToken, ...(body && { body }) };
    const response = await restFetch(`${at}/v1/admin/${path}`, call);
    const answer = (await response.json()) as Record<string, unknown>;
    if (!response.ok) throw new Error(`admin: ${JSON.stringify(answer)}`);
    return answer;
  };
  return {
    tapin,
    url,
    databaseUrl,
    client,
    clientAt: (at, apiKey) => kept(CLIENTS.REST(at, apiKey)),
    admin,
    person: (who) => makePerson(url, who),
    query: (text, values) => queryOnce(databaseUrl, text, values),
    async project(input = {}) {
      const slug = input.slug ?? `shop-${randomBytes(4).toString("hex")}`;
      const callback_url = "https://shop.example/login";
      await admin("POST", "projects", { slug, name: "Corner Shop", callback_url, ...input });
      const key = await admin("POST", `projects/${slug}/keys`, { name: "story" });
      const apiKey = String(key.api_key);
      return {
        slug,
        keyId: String(key.key_id),
        apiKey,
        client: (dialect = "REST") => client(dialect, apiKey),
      };
    },
    async stop() {
      for (const made of clients) made.close();
      await tapin.end();
      await postgres.stop();
    },
  };
}
