// The configuration: settings read from the environment and checked, all problems reported
// together, in sentences. Which settings there are is in settings.ts. Nothing here reads the
// environment by itself: main.ts hands it in.

import { distance } from "fastest-levenshtein";
import { type Network, parseNetwork } from "./core/address.ts";
import { isLoopback, landingUrlProblem } from "./core/project.ts";
import { MIN_SECRET_BYTES } from "./core/secret.ts";
import { createSettingReader, type SettingReader } from "./setting-reader.ts";
import { SETTINGS, type SettingName } from "./settings.ts";

// The test suite's, which a contributor may have exported.
const TEST_DATABASE = "TAPIN_TEST_DATABASE_URL";

type Reader = SettingReader<SettingName>;

/** Log levels, from chatty to mute. */
export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;

/** How to reach a messenger as one bot. */
export interface BotConfig {
  readonly token: string;
  /** Null = the messenger's own. */
  readonly apiUrl: string | null;
  /** File with a certificate authority to trust beside the usual ones; MAX only. */
  readonly caFile: string | null;
}

/** What the process is to do. */
export interface Config {
  readonly host: string;
  readonly port: number;
  /** Processes that serve the port together. */
  readonly workers: number;
  /** Null = `http://host:port`, known once listening. */
  readonly publicUrl: string | null;
  /** Files with certificate and key; null = no TLS. */
  readonly tls: { readonly certFile: string; readonly keyFile: string } | null;
  /** Null = embedded. */
  readonly databaseUrl: string | null;
  readonly dataDir: string | "memory";
  /** Server secrets, the first makes; null = generate. */
  readonly secrets: readonly string[] | null;
  /** Null = generate when embedded, off otherwise. */
  readonly adminToken: string | null;
  readonly telegram: BotConfig | null;
  readonly max: BotConfig | null;
  /** How messengers deliver updates. */
  readonly updates: "polling" | "webhook";
  readonly sandbox: boolean;
  /** Whether Tapin serves pictures of people whose messenger has no public address for them. */
  readonly avatars: boolean;
  readonly sessionTtlSeconds: number;
  readonly codeTtlSeconds: number;
  /** How much callers may do; 0 = no limit. */
  readonly limits: {
    /** For each project. */
    readonly requestsPerMinute: number;
    /** For each address, and for each project with a valid key. */
    readonly failuresPerMinute: number;
    /** For each project and client address. */
    readonly sessionsPerMinute: number;
    readonly watchersPerSession: number;
    readonly watchersPerProject: number;
  };
  /** How large what callers send may be. */
  readonly sizes: {
    /** Body of a REST request, message of an RPC. */
    readonly bodyBytes: number;
    /** Head of a request, its URL included. */
    readonly headBytes: number;
    /** Path and query. */
    readonly urlBytes: number;
    /** Open at once on one HTTP/2 connection. */
    readonly connectionStreams: number;
  };
  /** Proxies whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly Network[];
  /** Null = `/metrics` is off. */
  readonly metricsToken: string | null;
  readonly logLevel: (typeof LOG_LEVELS)[number];
}

/** What is wrong with the settings: every problem, a sentence each. */
export class ConfigError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join("\n"));
    this.name = "ConfigError";
    this.problems = problems;
  }
}

/**
 * Reads the settings. Throws ConfigError with all problems at once. An empty value counts as unset.
 */
export function parseConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const problems = unknownNames(environment);
  const reader = createSettingReader<SettingName>(environment, problems);
  const config = readConfig(reader);
  checkTogether(config, reader);
  if (problems.length > 0) throw new ConfigError(problems);
  return config;
}

function readConfig(reader: Reader): Config {
  const databaseUrl = reader.url("TAPIN_DATABASE_URL", ["postgres:", "postgresql:"]);
  const host = reader.text("TAPIN_HOST") ?? "127.0.0.1";
  const publicUrl =
    reader.url("TAPIN_PUBLIC_URL", ["https:", "http:"])?.replace(/\/+$/, "") ?? null;
  const tls = readTls(reader);
  const telegram = readBot(reader, "TELEGRAM");
  const max = readBot(reader, "MAX");
  const updates = reader.choice("TAPIN_UPDATES", ["auto", "polling", "webhook"]);
  const sandbox = reader.choice("TAPIN_SANDBOX", ["auto", "on", "off"]);
  const loopback = isLoopback(host) || host === "::1";
  return {
    host,
    port: reader.integer("TAPIN_PORT", { fallback: 8080, min: 0, max: 65_535 }),
    workers: reader.integer("TAPIN_WORKERS", { fallback: 1, min: 1, max: 64 }),
    publicUrl,
    tls,
    databaseUrl,
    dataDir: reader.text("TAPIN_DATA_DIR") ?? ".tapin",
    secrets:
      reader
        .text("TAPIN_SECRET")
        ?.split(",")
        .map((secret) => secret.trim()) ?? null,
    adminToken: reader.text("TAPIN_ADMIN_TOKEN"),
    telegram,
    max,
    updates:
      updates === "auto" ? (publicUrl?.startsWith("https://") ? "webhook" : "polling") : updates,
    sandbox:
      sandbox === "on" ||
      (sandbox === "auto" && databaseUrl === null && loopback && !tls && !telegram && !max),
    avatars: reader.choice("TAPIN_AVATARS", ["off", "on"]) === "on",
    sessionTtlSeconds: reader.integer("TAPIN_SESSION_TTL", { fallback: 300, min: 60, max: 1800 }),
    codeTtlSeconds: reader.integer("TAPIN_CODE_TTL", { fallback: 300, min: 30, max: 600 }),
    limits: readLimits(reader),
    sizes: readSizes(reader),
    trustedProxies: readProxies(reader),
    metricsToken: reader.text("TAPIN_METRICS_TOKEN"),
    logLevel: reader.choice("TAPIN_LOG_LEVEL", LOG_LEVELS, "info"),
  };
}

function readLimits({ integer }: Reader): Config["limits"] {
  const limit = (name: SettingName, fallback: number) =>
    integer(name, { fallback, min: 0, max: 1e9 });
  return {
    requestsPerMinute: limit("TAPIN_RATE_LIMIT", 6000),
    failuresPerMinute: limit("TAPIN_FAILURE_LIMIT", 600),
    sessionsPerMinute: limit("TAPIN_SESSION_LIMIT", 30),
    watchersPerSession: limit("TAPIN_SESSION_WATCHERS", 10),
    watchersPerProject: limit("TAPIN_WATCHERS", 10_000),
  };
}

function readSizes({ integer }: Reader): Config["sizes"] {
  return {
    bodyBytes: integer("TAPIN_BODY_BYTES", { fallback: 65_536, min: 4096, max: 1_048_576 }),
    headBytes: integer("TAPIN_HEAD_BYTES", { fallback: 16_384, min: 4096, max: 65_536 }),
    urlBytes: integer("TAPIN_URL_BYTES", { fallback: 8192, min: 1024, max: 32_768 }),
    connectionStreams: integer("TAPIN_CONNECTION_STREAMS", { fallback: 100, min: 10, max: 1000 }),
  };
}

function readProxies({ text, problem }: Reader): readonly Network[] {
  const entries = text("TAPIN_TRUSTED_PROXIES")?.split(",") ?? [];
  const networks = entries.map((entry) => parseNetwork(entry.trim()));
  const wrong = networks.indexOf(null);
  if (wrong >= 0) {
    const entry = entries[wrong]?.trim() || "an empty entry";
    problem(
      "TAPIN_TRUSTED_PROXIES",
      `must be addresses or networks such as 10.0.0.0/8, not ${entry}`,
    );
  }
  return networks.filter((network) => network !== null);
}

function readTls(reader: Reader): Config["tls"] {
  const certFile = reader.text("TAPIN_TLS_CERT");
  const keyFile = reader.text("TAPIN_TLS_KEY");
  if (certFile !== null && keyFile !== null) return { certFile, keyFile };
  if (certFile !== null) reader.problem("TAPIN_TLS_CERT", "is set without TAPIN_TLS_KEY");
  if (keyFile !== null) reader.problem("TAPIN_TLS_KEY", "is set without TAPIN_TLS_CERT");
  return null;
}

function readBot(reader: Reader, messenger: "TELEGRAM" | "MAX"): BotConfig | null {
  const token = reader.text(`TAPIN_${messenger}_TOKEN`);
  const apiUrl = reader.url(`TAPIN_${messenger}_API_URL`, ["https:", "http:"]);
  const caFile = messenger === "MAX" ? reader.text("TAPIN_MAX_CA_FILE") : null;
  return token === null ? null : { token, apiUrl, caFile };
}

/** Rules that look at more than one setting. */
function checkTogether(config: Config, reader: Reader): void {
  checkSecrets(config, reader);
  checkMessengers(config, reader);
  checkSizes(config, reader);
  checkWorkers(config, reader);
  const url = config.publicUrl === null ? null : new URL(config.publicUrl);
  if (url !== null && (url.search || url.hash || url.username || url.password)) {
    reader.problem("TAPIN_PUBLIC_URL", "must have no query, fragment, user name or password");
  }
  if (config.sandbox && config.tls !== null) {
    reader.problem("TAPIN_SANDBOX", "is on, and the pretend messengers need a server without TLS");
  }
  const landing = config.publicUrl === null ? null : landingUrlProblem(config.publicUrl);
  if (config.sandbox && landing !== null) reader.problem("TAPIN_PUBLIC_URL", landing);
}

function checkSizes({ sizes }: Config, { problem }: Reader): void {
  const { urlBytes, headBytes } = sizes;
  if (urlBytes < headBytes) return;
  const why = "the URL is a part of the head";
  problem("TAPIN_URL_BYTES", `is ${urlBytes}, and must be below TAPIN_HEAD_BYTES: ${why}`);
}

function checkWorkers({ workers, databaseUrl, sandbox }: Config, { problem }: Reader): void {
  if (workers === 1) return;
  if (databaseUrl === null) {
    const what = "set TAPIN_DATABASE_URL to a PostgreSQL, or TAPIN_WORKERS to 1";
    problem("TAPIN_WORKERS", `is ${workers}, and the embedded database has one process: ${what}`);
  } else if (sandbox) {
    const what = "set TAPIN_SANDBOX to off, or TAPIN_WORKERS to 1";
    problem(
      "TAPIN_WORKERS",
      `is ${workers}, and the pretend messengers live in one process: ${what}`,
    );
  }
}

function checkSecrets(config: Config, { problem }: Reader): void {
  const weak = config.secrets?.some((secret) => Buffer.byteLength(secret) < MIN_SECRET_BYTES);
  if (weak) problem("TAPIN_SECRET", `must be at least ${MIN_SECRET_BYTES} bytes (each of a list)`);
  if (config.databaseUrl !== null && config.secrets === null) {
    problem(
      "TAPIN_SECRET",
      "is required with TAPIN_DATABASE_URL; make one with: openssl rand -hex 32",
    );
  }
  const tokens = [
    ["TAPIN_ADMIN_TOKEN", config.adminToken],
    ["TAPIN_METRICS_TOKEN", config.metricsToken],
  ] as const;
  for (const [name, token] of tokens) {
    if (token !== null && !/^[A-Za-z0-9._~+/=-]{16,}$/.test(token)) {
      problem(name, "must be at least 16 characters of A-Z a-z 0-9 . _ ~ + / = -");
    }
  }
}

function checkMessengers(config: Config, { problem, text }: Reader): void {
  if (config.telegram !== null && !/^\d+:[A-Za-z0-9_-]+$/.test(config.telegram.token)) {
    problem("TAPIN_TELEGRAM_TOKEN", "must look like 123456:ABC-DEF, as @BotFather shows it");
  }
  if (text("TAPIN_TELEGRAM_API_URL") !== null && config.telegram === null) {
    problem("TAPIN_TELEGRAM_API_URL", "is set without TAPIN_TELEGRAM_TOKEN");
  }
  if (config.max !== null && !/^[!-~]{1,512}$/.test(config.max.token)) {
    problem("TAPIN_MAX_TOKEN", "must be at most 512 printable ASCII characters without spaces");
  }
  for (const name of ["TAPIN_MAX_API_URL", "TAPIN_MAX_CA_FILE"] as const) {
    if (text(name) !== null && config.max === null) problem(name, "is set without TAPIN_MAX_TOKEN");
  }
  // Only a Bot API of one's own, or a pretend one, delivers to plain http.
  const own = config.telegram?.apiUrl ?? config.max?.apiUrl ?? (config.sandbox ? "sandbox" : null);
  if (config.updates === "webhook" && own === null && !config.publicUrl?.startsWith("https://")) {
    problem("TAPIN_UPDATES", "is webhook, which needs an https TAPIN_PUBLIC_URL");
  }
}

function unknownNames(environment: Readonly<Record<string, string | undefined>>): string[] {
  const known: readonly string[] = SETTINGS.map(({ name }) => name);
  return Object.keys(environment)
    .filter((name) => name.startsWith("TAPIN_") && name !== TEST_DATABASE)
    .filter((name) => !known.includes(name))
    .map((name) => `${name} is no setting; the nearest one is ${nearest(name, known)}.`);
}

function nearest(name: string, known: readonly string[]): string {
  return known.reduce((best, candidate) =>
    distance(name, candidate) < distance(name, best) ? candidate : best,
  );
}
