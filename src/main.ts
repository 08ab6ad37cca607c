// Starts the process: environment in, gateway up, signals, exit code. Runs unchanged on Node and on
// Deno. All of weight is imported late: the embedded database opens, in its thread, while the rest
// is loaded.

import process from "node:process";
import type { Logger } from "pino";
import { type Config, ConfigError, parseConfig } from "./config.ts";
import type { Gateway } from "./gateway.ts";
import type { Embedded } from "./store/embedded.ts";
import type { Worker } from "./worker.ts";

/**
 * Milliseconds until a stop that does not come to an end is cut short (contract section 6: 10 s).
 */
const STOP_LIMIT_MS = 9500;

/**
 * Milliseconds after which a second signal is meant: a terminal and npm may both send the first
 * one.
 */
const IMPATIENT_MS = 1000;

/** What a process that serves is besides its settings. */
interface Setting {
  readonly embedded: Embedded | null;
  readonly worker: Worker | null;
  /** Writes to standard output, in turn with the log. */
  write(text: string): void;
}

function readConfig(): Config {
  try {
    return parseConfig(process.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const list = error.problems.map((problem) => `  - ${problem}`).join("\n");
    process.stderr.write(`Tapin cannot start:\n${list}\n`);
    process.exit(1);
  }
}

async function start(config: Config): Promise<void> {
  // The parent of workers takes the port itself.
  if (config.workers === 1) await (await import("./port.ts")).checkPort(config);
  const embedded = config.databaseUrl === null ? await openEarly(config.dataDir) : null;
  const together = config.workers === 1 ? null : await import("./worker.ts");
  const { createLog, Lines } = await import("./log.ts");
  const lines = new Lines(process.stdout);
  // What was logged last is not lost with the process.
  process.once("exit", () => lines.flush());
  const { write } = lines;
  const log = createLog({ level: config.logLevel, secrets: secretsOf(config), write });
  watchProcess(log);
  if (together === null) await serve(config, log, { embedded, worker: null, write });
  else await serveTogether(config, log, { worker: together.thisWorker(), write });
}

/** As a worker, or with null as the parent of the workers, which loads nothing of the service. */
async function serveTogether(
  config: Config,
  log: Logger,
  { worker, write }: Pick<Setting, "worker" | "write">,
): Promise<void> {
  if (worker === null) await (await import("./workers.ts")).startWorkers(config, log);
  else await serve(config, log.child({ worker: worker.number }), { embedded: null, worker, write });
}

async function serve(
  config: Config,
  log: Logger,
  { embedded, worker, write }: Setting,
): Promise<void> {
  if (worker === null) {
    const database = config.databaseUrl === null ? "embedded" : "postgresql";
    log.info({ event: "starting", database });
  }
  const { startGateway } = await import("./gateway.ts");
  const gateway = await startGateway(config, log, {
    embedded,
    crew: worker?.crew ?? null,
    socket: worker?.socket ?? null,
  });
  // Before anybody is told that it is ready: a signal that nobody handles ends the process without
  // a stop.
  const stopNow = stopOnSignals(gateway, log);
  if (embedded !== null) endWithout(embedded, log);
  if (worker !== null) {
    worker.ready(gateway.publicUrl, () => stopNow("the parent's end"));
    return;
  }
  log.info({ event: "ready", url: gateway.publicUrl }, "Tapin is ready");
  if (config.databaseUrl !== null || config.logLevel === "silent") return;
  const { bannerOf } = await import("./banner.ts");
  write(bannerOf(gateway));
}

async function openEarly(dataDir: string): Promise<Embedded> {
  const { openEmbedded } = await import("./store/embedded.ts");
  return openEmbedded(dataDir);
}

/**
 * Whoever started the process may start it anew; without its database it would refuse everything
 * for ever.
 */
function endWithout(embedded: Embedded, log: Logger): void {
  void embedded.lost.then((err) => {
    log.fatal({ event: "database_lost", err }, "the embedded database has ended");
    process.exit(1);
  });
}

/** The settings no log line may show. */
function secretsOf(config: Config): readonly string[] {
  const { secrets, adminToken, metricsToken, telegram, max } = config;
  const all = [...(secrets ?? []), adminToken, metricsToken, telegram?.token, max?.token];
  return all.filter((secret) => typeof secret === "string");
}

/**
 * The last line of defence: what nobody caught is logged without secrets, and ends no stream of
 * others.
 */
function watchProcess(log: Logger): void {
  process.on("unhandledRejection", (err) => {
    log.error({ event: "unhandled_rejection", err }, "a failure that nobody handled");
  });
  process.on("uncaughtException", (err) => {
    log.error({ event: "uncaught_exception", err }, "an error that nobody caught");
  });
  // Whoever read the log has gone (`| head`): that is no reason to end the service.
  process.stdout.on("error", () => {});
}

/** What it answers stops the process at once, for the reason given. */
function stopOnSignals(gateway: Gateway, log: Logger): (signal: string) => void {
  let since: number | null = null;
  const begin = (signal: string) => {
    if (since !== null) {
      if (performance.now() - since > IMPATIENT_MS) process.exit(1);
      return;
    }
    since = performance.now();
    log.info({ event: "stopping", signal }, "Tapin is stopping");
    void stop(gateway, log);
  };
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => begin(signal));
  return begin;
}

async function stop(gateway: Gateway, log: Logger): Promise<void> {
  setTimeout(() => process.exit(1), STOP_LIMIT_MS).unref();
  try {
    await gateway.stop();
    process.exit(0);
  } catch (err) {
    log.error({ event: "stop_failed", err }, "Tapin did not stop well");
    process.exit(1);
  }
}

try {
  await start(readConfig());
} catch (error) {
  process.stderr.write(`Tapin cannot start: ${error instanceof Error ? error.message : error}\n`);
  process.exit(1);
}
