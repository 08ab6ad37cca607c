// Starts the process: environment in, gateway up, signals, exit code. Runs unchanged on Node and on Deno.

import process from "node:process";
import { bannerOf } from "./banner.ts";
import { type Config, ConfigError, parseConfig } from "./config.ts";
import { type Gateway, startGateway } from "./gateway.ts";
import { createLog } from "./log.ts";

/** Milliseconds until a stop that does not come to an end is cut short (contract section 6: 10 s). */
const STOP_LIMIT_MS = 9500;

const write = (text: string) => {
  process.stdout.write(text);
};

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
  const secrets = [...(config.secrets ?? []), config.adminToken, config.telegram?.token];
  const log = createLog({
    level: config.logLevel,
    secrets: secrets.filter((secret) => typeof secret === "string"),
    write,
  });
  log.info({
    event: "starting",
    database: config.databaseUrl === null ? "embedded" : "postgresql",
  });
  const gateway = await startGateway(config, log);
  // Before anybody is told that it is ready: a signal that nobody handles ends the process without a stop.
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.once(signal, () => {
      log.info({ event: "stopping", signal }, "Tapin is stopping");
      void stop(gateway);
    });
  }
  log.info({ event: "ready", url: gateway.publicUrl }, "Tapin is ready");
  if (config.databaseUrl === null && config.logLevel !== "silent") write(bannerOf(gateway));
}

async function stop(gateway: Gateway): Promise<void> {
  setTimeout(() => process.exit(1), STOP_LIMIT_MS).unref();
  await gateway.stop();
  process.exit(0);
}

try {
  await start(readConfig());
} catch (error) {
  process.stderr.write(`Tapin cannot start: ${error instanceof Error ? error.message : error}\n`);
  process.exit(1);
}
