// The composition root: wires the rooms together. main.ts starts it, tests do too.

import { randomBytes } from "node:crypto";
import type { Logger } from "pino";
import { waitAtMost } from "./channels/pause.ts";
import type { Config } from "./config.ts";
import { NO_OBSERVER } from "./core/observer.ts";
import type { Ports } from "./core/ports.ts";
import { ADMIN_TOKEN_PREFIX, randomText, randomUuid, SECRET_LENGTH } from "./core/secret.ts";
import { ensureDemoProject } from "./demo-project.ts";
import { createFleet } from "./fleet/fleet.ts";
import { type Keyring, openKeyring } from "./keyring.ts";
import { type Addresses, accessTo, openWebsite, sandboxRoutes } from "./mount-sandbox.ts";
import { type Late, openStorage, portsOf } from "./open-ports.ts";
import { cannotListen } from "./port.ts";
import { createSandbox, type Sandbox } from "./sandbox/sandbox.ts";
import type { OpenSocket } from "./server/listener.ts";
import type { Crew, Metrics } from "./server/metrics.ts";
import { compileRules, createServer, type Server } from "./server/server.ts";
import { readCertificate, watchTlsFiles } from "./server/tls-files.ts";
import { WEBHOOK_PREFIX, webhookRoute } from "./server/webhook.ts";
import type { Embedded } from "./store/embedded.ts";
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
  /**
   * Stops accepting, lets calls finish, ends streams with `unavailable`; within `graceMs` and two
   * seconds.
   */
  stop(graceMs?: number): Promise<void>;
}

/** Milliseconds calls may take to finish when the process stops. */
export const STOP_GRACE_MS = 7000;

/**
 * Milliseconds the bots and the sweeper may take before the server stops without waiting for them.
 */
const CHORES_HEAD_START_MS = 500;

/** Milliseconds until a query that hangs no longer keeps the process. */
const STORAGE_CLOSE_MS = 1500;

const GENERATED_SECRET_LENGTH = 48;

type Stop = () => Promise<void> | void;

/** What has been started and must be stopped again. */
interface Running {
  storage: Stop;
  server: (graceMs: number) => Promise<void>;
  /** In the order in which they were started. */
  readonly chores: Stop[];
}

/** What a gateway may find there already. */
export interface Given {
  /** The embedded database, where somebody has begun to open it. Default: it is opened now. */
  readonly embedded?: Embedded | null;
  /** The workers that serve the port together with this process. Default: it is alone. */
  readonly crew?: Crew | null;
  /** The socket to accept from. Default: one is opened at the address of the settings. */
  readonly socket?: OpenSocket | null;
}

/**
 * Starts everything. Rejects with a sentence when a setting, the database or a bot token does not
 * work.
 */
export async function startGateway(
  config: Config,
  log: Logger,
  { embedded = null, crew = null, socket = null }: Given = {},
): Promise<Gateway> {
  const running: Running = {
    storage: async () => await embedded?.close(),
    server: async () => {},
    chores: [],
  };
  let stopped: Promise<void> | null = null;
  const stop = (graceMs = STOP_GRACE_MS) => {
    stopped ??= stopAll(running, { graceMs, log });
    return stopped;
  };
  try {
    return { ...(await assemble(config, { log, embedded, crew, socket, running })), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

// The sandbox's bots need the server to end well; but a sweep or a tap that waits for the database
// may not keep the port and the streams open.
async function stopAll(
  { storage, server, chores }: Running,
  { graceMs, log }: { graceMs: number; log: Logger },
): Promise<void> {
  const ended = inTurn(chores.splice(0).reverse(), log);
  await waitAtMost(ended, CHORES_HEAD_START_MS);
  await inTurn([() => server(graceMs)], log);
  const closed = ended.then(() => inTurn([storage], log));
  await waitAtMost(closed, STORAGE_CLOSE_MS);
}

/** One step that fails keeps none of the others from being taken. */
async function inTurn(steps: readonly Stop[], log: Logger): Promise<void> {
  for (const step of steps) {
    try {
      await step();
    } catch (err) {
      log.warn({ event: "stop_step_failed", err }, "a part did not stop well");
    }
  }
}

async function assemble(
  config: Config,
  { log, embedded, crew, socket, running }: Required<Given> & { log: Logger; running: Running },
): Promise<Omit<Gateway, "stop">> {
  const keyring = openKeyring(config.dataDir);
  const { secret, adminToken } = await readSecrets(config, keyring);
  const late: Late = {
    addresses: { publicUrl: "", localUrl: "" },
    website: { handle: null },
    fleet: null,
    storage: null,
  };
  const metrics = await openMetrics(config, late, crew);
  const observer = metrics?.observer ?? NO_OBSERVER;
  const opening = openStorage(config, { embedded, observer, log });
  // Meanwhile: it takes a while, and needs no database.
  const validate = compileRules();
  const storage = await opening;
  late.storage = storage;
  running.storage = () => storage.close();
  const ports = portsOf(config, { storage, secret, late, observer });
  const { addresses, website } = late;
  const sandbox = config.sandbox ? openSandbox(addresses) : null;
  if (sandbox !== null) running.chores.push(() => sandbox.close());
  const certificate = config.tls && (await readCertificate(config.tls));
  const server = createServer({
    ports,
    validate,
    certificate,
    adminToken,
    limits: config.limits,
    sizes: config.sizes,
    // The embedded database has this one process.
    budgets: config.databaseUrl === null ? null : ports.store.budgets,
    trustedProxies: config.trustedProxies,
    sandbox,
    publicUrl: () => addresses.publicUrl,
    avatars: config.avatars,
    routes: [
      webhookRoute((name) => late.fleet?.webhook(name) ?? null),
      ...(sandbox === null ? [] : sandboxRoutes(sandbox, website)),
    ],
    isReady: (timeoutMs) => checkReady(ports, late, timeoutMs),
    metrics,
    log,
  });
  running.server = (graceMs) => server.stop(graceMs);
  if (config.tls !== null && certificate !== null) {
    const renew = server.renew.bind(server);
    running.chores.push(watchTlsFiles(config.tls, certificate, { renew, log }));
  }
  Object.assign(addresses, await listen(server, config, socket));
  const demo = sandbox === null ? null : ensureDemoProject(ports, keyring, addresses.publicUrl);
  const started = startChores({ config, ports, late, sandbox, log, running });
  // Neither is left to itself when the other fails.
  await Promise.allSettled([demo, started]);
  const demoApiKey = await demo;
  if (demoApiKey !== null) openWebsite(website, addresses, demoApiKey);
  await started;
  return { ...addresses, adminToken, demoApiKey };
}

/** Null = nobody reads them: nothing is counted. */
async function openMetrics(
  { metricsToken: token }: Config,
  late: Late,
  crew: Crew | null,
): Promise<(Metrics & { readonly token: string }) | null> {
  if (token === null) return null;
  const { createMetrics } = await import("./server/metrics.ts");
  const sources = {
    watchers: () => late.storage?.changes.size ?? 0,
    pool: () => late.storage?.pool() ?? null,
  };
  return { ...createMetrics(sources, crew), token };
}

/** Over webhooks, the pretend messengers deliver to this very port: over http. */
function openSandbox(addresses: Addresses): Sandbox {
  return createSandbox({
    publicUrl: () => addresses.publicUrl,
    maxRules: { webhookUrls: "any" },
  });
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
    () => ADMIN_TOKEN_PREFIX + make(SECRET_LENGTH)(),
  );
  return { secret, adminToken };
}

async function listen(
  server: Server,
  config: Config,
  socket: OpenSocket | null,
): Promise<Addresses> {
  const listening = server.listen(socket ?? config.port, config.host);
  const port = await listening.catch((cause) => Promise.reject(cannotListen(config, cause)));
  // Messengers refuse `localhost` in a button.
  const anywhere = ["0.0.0.0", "::", "localhost"].includes(config.host);
  const hostOf = (name: string) => (name.includes(":") ? `[${name}]` : name);
  const scheme = config.tls === null ? "http" : "https";
  const localUrl = `${scheme}://${anywhere ? "127.0.0.1" : hostOf(config.host)}:${port}`;
  return { localUrl, publicUrl: config.publicUrl ?? localUrl };
}

interface ChoreParts {
  readonly config: Config;
  readonly ports: Ports;
  readonly late: Late;
  readonly sandbox: Sandbox | null;
  readonly log: Logger;
  readonly running: Running;
}

/** Starts the bots and the sweeper. */
async function startChores(parts: ChoreParts): Promise<void> {
  const { config, ports, late, sandbox, log, running } = parts;
  const holder = randomUuid(ports.random);
  const reach = { sandbox, addresses: late.addresses };
  const fleet = createFleet({
    ports,
    access: {
      telegram: accessTo("telegram", config, reach),
      max: accessTo("max", config, reach),
    },
    updates: config.updates,
    webhookBase: late.addresses.publicUrl + WEBHOOK_PREFIX,
    holder,
    log,
  });
  late.fleet = fleet;
  running.chores.push(() => fleet.stop());
  await fleet.start();
  running.chores.push(startSweeper({ ports, holder, settlers: fleet.settlers, log }));
}

async function checkReady(ports: Ports, { fleet }: Late, timeoutMs: number): Promise<void> {
  await ports.store.ping(timeoutMs);
  if (fleet === null || !fleet.isReady()) throw new Error("a messenger has not answered yet");
}
