// The composition root: wires the rooms together. main.ts starts it, tests do too.

import { randomBytes } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import type { Logger } from "pino";
import { decidePrompt } from "./actions/decide-prompt.ts";
import { openLink } from "./actions/open-link.ts";
import { createTelegramBot, type TelegramBot } from "./channels/telegram.ts";
import type { Config } from "./config.ts";
import type { BotHandlers, Bots, Ports } from "./core/ports.ts";
import { createSecrets, randomText, randomUuid, SECRET_LENGTH } from "./core/secret.ts";
import { ensureDemoProject } from "./demo-project.ts";
import { type Keyring, openKeyring } from "./keyring.ts";
import { createDemo } from "./sandbox/demo/demo.ts";
import { createSandbox, type Sandbox } from "./sandbox/sandbox.ts";
import type { PlainRoute } from "./server/front.ts";
import { createServer, type Server } from "./server/server.ts";
import { openStore } from "./store/open.ts";
import { startSweeper } from "./sweeper.ts";

/** A running Tapin. */
export interface Gateway {
  /** As browsers and messengers reach it. */
  readonly publicUrl: string;
  /** As this machine reaches it. */
  readonly localUrl: string;
  /** Token of AdminService; null = off. */
  readonly adminToken: string | null;
  /** The demo website's API key; null when the sandbox is off. */
  readonly demoApiKey: string | null;
  /** Stops accepting, lets calls finish, ends streams with `unavailable`; within `graceMs` and two seconds. */
  stop(graceMs?: number): Promise<void>;
}

/** Milliseconds calls may take to finish when the process stops. */
export const STOP_GRACE_MS = 7000;

/** Milliseconds the bots and the sweeper may take before the server stops without waiting for them. */
const WORKERS_HEAD_START_MS = 500;

/** Milliseconds until a query that hangs no longer keeps the process. */
const STORAGE_CLOSE_MS = 1500;

const POLL_LEASE_SECONDS = 15;
const GENERATED_SECRET_LENGTH = 48;

/** Addresses, known once the server listens. */
interface Addresses {
  publicUrl: string;
  localUrl: string;
}

/** Starts everything. Rejects with a sentence when a setting, the database or a bot token does not work. */
export async function startGateway(config: Config, log: Logger): Promise<Gateway> {
  const stops: (() => Promise<void> | void)[] = [];
  const stopAll = async () => {
    await inTurn(stops.splice(0).reverse());
  };
  try {
    return await assemble(config, log, stops);
  } catch (error) {
    await stopAll();
    throw error;
  }
}

async function assemble(
  config: Config,
  log: Logger,
  stops: (() => Promise<void> | void)[],
): Promise<Gateway> {
  const keyring = openKeyring(config.dataDir);
  const { secret, adminToken } = await readSecrets(config, keyring);
  const storage = await openStore({
    databaseUrl: config.databaseUrl,
    dataDir: config.dataDir,
    onError: (what, err) => log.warn({ event: "store_error", err }, what),
  });
  stops.push(() => storage.close());
  const addresses: Addresses = { publicUrl: "", localUrl: "" };
  const sandbox = config.sandbox ? createSandbox({ publicUrl: () => addresses.publicUrl }) : null;
  const bots = createBots(config, sandbox, addresses);
  const ports: Ports = {
    store: storage.store,
    changes: storage.changes,
    secrets: createSecrets(secret),
    random: (count) => randomBytes(count),
    bots,
    settings: {
      sessionTtlSeconds: config.sessionTtlSeconds,
      codeTtlSeconds: config.codeTtlSeconds,
    },
  };
  const website: Website = { handle: null };
  const server = createServer({
    ports,
    adminToken,
    requestsPerMinute: config.requestsPerMinute,
    sandbox,
    routes: sandbox === null ? [] : sandboxRoutes(sandbox, website),
    isReady: (timeoutMs) => checkReady(ports, bots, timeoutMs),
    log,
  });
  let graceMs = STOP_GRACE_MS;
  stops.push(() => server.stop(graceMs));
  Object.assign(addresses, await listen(server, config));
  const demoApiKey =
    sandbox === null ? null : await ensureDemoProject(ports, keyring, addresses.publicUrl);
  if (demoApiKey !== null)
    website.handle = createDemo({ ...demoUrls(addresses), apiKey: demoApiKey }).handle;
  if (sandbox !== null) stops.push(() => sandbox.close());
  stops.push(await startWorkers(ports, bots, { config, sandbox, addresses, log }));
  return {
    ...addresses,
    adminToken,
    demoApiKey,
    async stop(grace = STOP_GRACE_MS) {
      graceMs = grace;
      const [closeStorage, stopServer, ...others] = stops.splice(0);
      const workers = inTurn(others.reverse());
      // The sandbox's bot needs the server to end well; but a sweep or a tap that waits for the database may not
      // keep the port and the streams open.
      await atMost(WORKERS_HEAD_START_MS, workers);
      await stopServer?.();
      await atMost(STORAGE_CLOSE_MS, workers.then(closeStorage));
    },
  };
}

async function inTurn(steps: readonly (() => Promise<void> | void)[]): Promise<void> {
  for (const step of steps) await step();
}

async function atMost(timeoutMs: number, work: Promise<void>): Promise<void> {
  const over = new AbortController();
  const timeout = pause(timeoutMs, undefined, { signal: over.signal }).catch(() => {});
  await Promise.race([work, timeout]).finally(() => over.abort());
}

async function readSecrets(
  config: Config,
  keyring: Keyring,
): Promise<{ secret: readonly string[]; adminToken: string | null }> {
  const make = (length: number) => () => randomText((count) => randomBytes(count), length);
  const secret = config.secrets ?? [
    await keyring.readOrMake("secret", make(GENERATED_SECRET_LENGTH)),
  ];
  if (config.adminToken !== null || config.databaseUrl !== null) {
    return { secret, adminToken: config.adminToken };
  }
  const adminToken = await keyring.readOrMake(
    "admin-token",
    () => `tapin_admin_${make(SECRET_LENGTH)()}`,
  );
  return { secret, adminToken };
}

async function listen(server: Server, config: Config): Promise<Addresses> {
  const { host, port: wanted } = config;
  const port = await server.listen(wanted, host).catch((cause: NodeJS.ErrnoException) => {
    throw new Error(`Tapin cannot listen on ${host}:${wanted}: ${whyNot(cause)}.`, { cause });
  });
  const anywhere = config.host === "0.0.0.0" || config.host === "::";
  const hostOf = (name: string) => (name.includes(":") ? `[${name}]` : name);
  const localUrl = `http://${anywhere ? "127.0.0.1" : hostOf(config.host)}:${port}`;
  return { localUrl, publicUrl: config.publicUrl ?? localUrl };
}

function whyNot({ code = "", message }: NodeJS.ErrnoException): string {
  const notHere = "this machine does not have the address; check TAPIN_HOST";
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: "the port is in use; stop what uses it, or choose another one (TAPIN_PORT)",
    EACCES: "this user may not use the port; choose one above 1023 (TAPIN_PORT)",
    EADDRNOTAVAIL: notHere,
    EINVAL: notHere, // as Deno says it
    ENOTFOUND: "the host name is unknown; check TAPIN_HOST",
  };
  return reasons[code] ?? message;
}

// === Bots ===

/** The bots of this process, filled in once they are made. */
interface RunningBots extends Bots {
  telegram: TelegramBot | null;
}

function createBots(config: Config, sandbox: Sandbox | null, addresses: Addresses): RunningBots {
  const pretend = sandbox !== null && config.telegram === null;
  const bots: RunningBots = {
    telegram: null,
    urlOf(channel) {
      const username = channel === "telegram" ? (bots.telegram?.username ?? null) : null;
      if (username === null) return null;
      return pretend
        ? `${addresses.publicUrl}/sandbox/telegram/${username}`
        : `https://t.me/${username}`;
    },
  };
  return bots;
}

interface WorkerParts {
  readonly config: Config;
  readonly sandbox: Sandbox | null;
  readonly addresses: Addresses;
  readonly log: Logger;
}

/** Starts the bots and the sweeper; the answer stops them. */
async function startWorkers(
  ports: Ports,
  bots: RunningBots,
  { config, sandbox, addresses, log }: WorkerParts,
): Promise<() => Promise<void>> {
  const holder = randomUuid(ports.random);
  const account =
    config.telegram ??
    (sandbox && {
      token: sandbox.telegram.token,
      apiUrl: `${addresses.localUrl}/sandbox/telegram-api`,
    });
  if (account) {
    const { leases } = ports.store;
    const name = `poll:telegram:${account.token.split(":", 1)[0]}`;
    bots.telegram = createTelegramBot({
      ...account,
      handlers: botHandlers(ports),
      lease: {
        acquire: () => leases.acquire(name, holder, POLL_LEASE_SECONDS),
        release: () => leases.release(name, holder),
        ttlSeconds: POLL_LEASE_SECONDS,
      },
      log: log.child({ channel: "telegram" }),
    });
    await bots.telegram.start();
  }
  const { telegram } = bots;
  const settlers = telegram === null ? {} : { telegram: telegram.settle };
  const stopSweeper = startSweeper({ ports, holder, settlers, log });
  return async () => {
    await Promise.all([stopSweeper(), telegram?.stop()]);
  };
}

/** What the bots report, as verbs. */
function botHandlers(ports: Ports): BotHandlers {
  const { prompts, subscribers } = ports.store;
  return {
    start: (person, payload) => openLink(ports, person, payload),
    tap: (person, data) => decidePrompt(ports, person, data),
    shown: (token, message) => prompts.setShown(token, message),
    async stop(person) {
      await subscribers.unsubscribe(person);
      return { kind: "stopped" };
    },
    async setReachable(person, reachable) {
      await subscribers.setReachable(person, reachable);
    },
  };
}

async function checkReady(ports: Ports, bots: RunningBots, timeoutMs: number): Promise<void> {
  await ports.store.ping(timeoutMs);
  if (bots.telegram !== null && bots.telegram.username === null) {
    throw new Error("the Telegram bot has not answered yet");
  }
}

// === Sandbox ===

/** The demo website needs an API key, which needs the server's address: it is mounted before it is there. */
interface Website {
  handle: ReturnType<typeof createDemo>["handle"] | null;
}

function sandboxRoutes(sandbox: Sandbox, website: Website): readonly PlainRoute[] {
  const pretend: PlainRoute["handle"] = ({ req, res }) => sandbox.handle(req, res);
  const demo: PlainRoute["handle"] = async ({ req, res }) => {
    await website.handle?.(req, res);
  };
  return [
    { path: "/sandbox", handle: pretend },
    { path: "/sandbox/*", handle: pretend },
    { path: "/demo", handle: demo },
    { path: "/demo/*", handle: demo },
    {
      path: "/",
      handle({ res }) {
        res.statusCode = 302;
        res.setHeader("location", "/demo");
        res.end();
      },
    },
  ];
}

function demoUrls(addresses: Addresses) {
  return { apiUrl: () => addresses.localUrl, publicUrl: () => addresses.publicUrl };
}
