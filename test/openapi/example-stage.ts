// What must be there before an example of the document can be carried out: projects, sessions,
// people who log in. The values that examples share are replaced by the real ones.

import { randomBytes, randomInt } from "node:crypto";
import { EXAMPLE } from "../../scripts/openapi/scenario.ts";
import { awaitCondition } from "../support/await-condition.ts";
import { type BotApi, startBotApi } from "../support/bot-api.ts";
import { codeOf, makePerson, type Person } from "../support/person.ts";
import { restFetch } from "../support/rest-client.ts";
import { type Runtime, startTapin, type Tapin } from "../support/tapin.ts";

/** What is ready for one example. */
export interface Ready {
  readonly url: string;
  /** Text in the example -> the text that stands for it here. */
  readonly live: Readonly<Record<string, string>>;
  /** Values of the environment for commands, and credentials by security scheme. */
  readonly apiKey: string;
  readonly watchToken: string;
  readonly adminToken: string;
  /**
   * What happens while a stream arrives: each step once its text is there, in order. Empty for
   * other answers.
   */
  readonly steps: readonly Step[];
}

/** Something that happens once a text has arrived. */
export interface Step {
  readonly after: RegExp;
  act(): Promise<unknown>;
}

/** Two services: one with the sandbox, and one with a bot that is not the sandbox's. */
export interface ExampleStage {
  /** Gets ready for an example, named `operationId/example`. */
  prepare(name: string): Promise<Ready>;
  stop(): Promise<void>;
}

/** The messenger's ids in the examples. */
const USER_ID = "4711";
const MESSAGE_IDS = ["1001", "1002", "1003", "1004"];

/** Starts both services. */
export async function startExampleStage(runtime: Runtime): Promise<ExampleStage> {
  const api = await startBotApi(["YourBot", "MyShopLoginBot"]);
  const [sandbox, bare] = await Promise.all([
    startTapin({ runtime }),
    startTapin({ runtime, env: api.env }),
  ]);
  for (const slug of [EXAMPLE.slug, "our-shop"]) await createProject(bare, slug);
  return {
    prepare: (name) => prepare(name, { sandbox, bare, api }),
    async stop() {
      await Promise.all([sandbox.end(), bare.end()]);
      await api.close();
    },
  };
}

interface Services {
  readonly sandbox: Tapin;
  readonly bare: Tapin;
  readonly api: BotApi;
}

async function prepare(name: string, services: Services): Promise<Ready> {
  const [operation = ""] = name.split("/");
  // These tell of everything there is, so nothing may be added before.
  if (["listProjects", "diagnose"].includes(operation)) return bareReady(services.bare, {});
  if (operation.startsWith("create") && operation.endsWith("Project")) {
    return await prepareCreateProject(name, services.bare);
  }
  if (operation === "deleteSubscriber") return await prepareSubscriber(services.sandbox);
  return operation in ADMIN
    ? await prepareAdmin(name, services)
    : await prepareSession(name, services.sandbox);
}

const ADMIN: Readonly<Record<string, true>> = {
  getProject: true,
  updateProject: true,
  createApiKey: true,
  listApiKeys: true,
  revokeApiKey: true,
  setBot: true,
  listBots: true,
  removeBot: true,
};

function bareReady(tapin: Tapin, live: Readonly<Record<string, string>>): Ready {
  const { url, adminToken } = tapin;
  const addresses = { [EXAMPLE.publicUrl]: url };
  return {
    url,
    adminToken,
    apiKey: "",
    watchToken: "",
    steps: [],
    live: { ...addresses, ...live },
  };
}

async function prepareCreateProject(name: string, tapin: Tapin): Promise<Ready> {
  const slug = freshSlug();
  if (name.endsWith("/conflict")) await createProject(tapin, slug);
  return bareReady(tapin, { [EXAMPLE.slug]: slug, "corner-shop": freshSlug() });
}

async function prepareAdmin(name: string, { bare, api }: Services): Promise<Ready> {
  // One project may have a bot at a time.
  const isOfBots = /^\w+Bots?\//.test(name);
  const slug = isOfBots ? EXAMPLE.slug : freshSlug();
  if (!isOfBots) await createProject(bare, slug);
  const live: Record<string, string> = { [EXAMPLE.slug]: slug };
  const bots = `projects/${slug}/bots/telegram`;
  const { token } = api.bot(1);
  live["123456:the-token-BotFather-gave"] = token;
  live["123456:mistyped"] = `${token}-refused`;
  const own = { bearer: bare.adminToken, method: "DELETE" };
  if (isOfBots) await restFetch(`${bare.url}/v1/admin/${bots}`, own);
  if (/^(listBots\/bots|removeBot\/removed)$/.test(name)) await admin(bare, "PUT", bots, { token });
  if (name.startsWith("listApiKeys/")) await makeTwoKeys(bare, slug);
  if (name === "revokeApiKey/revoked") {
    const { key_id } = await admin(bare, "POST", `projects/${slug}/keys`, { name: "web server" });
    live[EXAMPLE.keyId] = String(key_id);
  }
  return bareReady(bare, live);
}

/** A person who has logged in once. */
async function prepareSubscriber(tapin: Tapin): Promise<Ready> {
  const slug = freshSlug();
  await createProject(tapin, slug);
  const key = await admin(tapin, "POST", `projects/${slug}/keys`, { name: "examples" });
  const site = siteOf(tapin, String(key.api_key));
  const { telegram_link = "" } = await site.create({});
  const code = codeOf(await makePerson(tapin.url).logIn(telegram_link));
  const { subscriber_id = "" } = await site.post("verify", { code }, "verify-1");
  return bareReady(tapin, { [EXAMPLE.slug]: slug, [EXAMPLE.subscriberId]: subscriber_id });
}

/** One that is in use, and one that was revoked. */
async function makeTwoKeys(tapin: Tapin, slug: string): Promise<void> {
  const path = `projects/${slug}/keys`;
  const used = await admin(tapin, "POST", path, { name: "web server" });
  await restFetch(`${tapin.url}/v1/auth/link`, { bearer: String(used.api_key) });
  const revoked = await admin(tapin, "POST", path, { name: "old server" });
  await admin(tapin, "DELETE", `${path}/${revoked.key_id}`);
  await awaitCondition("the key was seen in use", async () => {
    const { keys } = (await admin(tapin, "GET", path)) as { keys: { last_used_at: unknown }[] };
    return keys[0]?.last_used_at !== null;
  });
}

async function prepareSession(name: string, tapin: Tapin): Promise<Ready> {
  const slug = freshSlug();
  await createProject(tapin, slug);
  const key = await admin(tapin, "POST", `projects/${slug}/keys`, { name: "examples" });
  const apiKey = String(key.api_key);
  const site = siteOf(tapin, apiKey);
  const isPkce = name === "verifyCode/pkce";
  const session = await site.create(isPkce ? { code_challenge: CHALLENGE } : { state: STATE });
  const userId = String(randomInt(1000, 2 ** 47));
  const person = makePerson(tapin.url, {
    id: userId,
    first_name: "John",
    ...(!isPkce && { username: "johndoe" }),
  });
  const logIn = () => person.logIn(session.telegram_link ?? "");
  const live: Record<string, string> = {
    [EXAMPLE.publicUrl]: tapin.url,
    [EXAMPLE.telegramBot]: `${tapin.url}/sandbox/telegram/TapinDemoBot`,
    [EXAMPLE.maxBot]: `${tapin.url}/sandbox/max/id770001_bot`,
    [EXAMPLE.slug]: slug,
    [EXAMPLE.sessionId]: String(session.session_id),
    [`"${USER_ID}"`]: `"${userId}"`,
    [`/${USER_ID}`]: `/${userId}`,
  };
  const told = await bringAbout(name, { site, session, person, logIn });
  return {
    url: tapin.url,
    adminToken: tapin.adminToken,
    apiKey,
    watchToken: String(session.watch_token),
    live: { ...live, ...told },
    steps: name.startsWith("watchSession/") ? loginSteps(name, person, session) : [],
  };
}

function loginSteps(
  name: string,
  person: Person,
  { telegram_link = "" }: Readonly<Record<string, string>>,
): readonly Step[] {
  const open = { after: /"opened":false/, act: () => person.open(telegram_link) };
  const tap = { after: /"opened":true/, act: () => person.tap("Login") };
  return name === "watchSession/session_not_found"
    ? []
    : [open, tap].slice(/resumed$/.test(name) ? 1 : 0);
}

const STATE = "browser_session_abc";
const CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/** Examples that begin when a person has logged in. */
const WITH_CODE = new Set(["getSessionStatus/completed", "verifyCode/profile", "verifyCode/pkce"]);

interface SessionScene {
  readonly site: ReturnType<typeof siteOf>;
  readonly session: Readonly<Record<string, string>>;
  readonly person: Person;
  logIn(): ReturnType<Person["logIn"]>;
}

/** Brings about what the example is about; the further texts it stands for. */
async function bringAbout(
  name: string,
  { site, session, person, logIn }: SessionScene,
): Promise<Readonly<Record<string, string>>> {
  const { session_id = "", telegram_link = "" } = session;
  if (WITH_CODE.has(name)) return { [EXAMPLE.code]: codeOf(await logIn()) };
  if (name === "deleteSubscriber/deleted") {
    const profile = await site.post("verify", { code: codeOf(await logIn()) });
    return { [EXAMPLE.subscriberId]: String(profile.subscriber_id) };
  }
  const path = `session/${session_id}`;
  const scenes: Readonly<Record<string, () => Promise<unknown>>> = {
    "createSession/conflict": () => site.post("session", { state: "first" }, "login-4711"),
    "getSessionStatus/expired": async () => {
      await logIn();
      await site.send("GET", `${path}/status`);
    },
    "getSessionStatus/cancelled": () => site.send("DELETE", path),
    "watchSession/resumed": () => person.open(telegram_link),
    "verifyCode/conflict": () => site.post("verify", { code: "another" }, "verify-4711"),
  };
  await scenes[name]?.();
  const sandboxed = /^(tapButton|sendText|setBlocked|getChat)\//.test(name);
  if (!sandboxed) return {};
  await person.open(telegram_link);
  const first = Number((await person.chat())[0]?.message_id);
  return Object.fromEntries(MESSAGE_IDS.map((id, index) => [id, String(first + index)]));
}

function siteOf({ url }: Tapin, bearer: string) {
  const send = async (method: string, path: string, body?: object, key?: string) => {
    const headers = key === undefined ? {} : { "idempotency-key": key };
    const call = { method, bearer, headers, ...(body && { body }) };
    const response = await restFetch(`${url}/v1/auth/${path}`, call);
    return (await response.json()) as Readonly<Record<string, string>>;
  };
  return {
    send: (method: string, path: string) => send(method, path),
    post: (path: string, body: object, key?: string) => send("POST", path, body, key),
    create: (body: object) => send("POST", "session", body),
  };
}

async function createProject(tapin: Tapin, slug: string): Promise<void> {
  const name = slug === "our-shop" ? "Our Shop" : "My Shop";
  await admin(tapin, "POST", "projects", {
    slug,
    name,
    callback_url: "https://shop.example.com/callback",
    origin_url: "https://shop.example.com",
    redirect_uris: ["https://shop.example.com/app/callback"],
  });
}

async function admin(
  { url, adminToken }: Tapin,
  method: string,
  path: string,
  body?: object,
): Promise<Readonly<Record<string, unknown>>> {
  const call = { method, bearer: adminToken, ...(body && { body }) };
  const response = await restFetch(`${url}/v1/admin/${path}`, call);
  const answer = (await response.json()) as Readonly<Record<string, unknown>>;
  if (!response.ok) throw new Error(`${method} ${path}: ${JSON.stringify(answer)}`);
  return answer;
}

const freshSlug = () => `shop-${randomBytes(5).toString("hex")}`;
