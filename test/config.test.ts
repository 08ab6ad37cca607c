// Settings: what each may be, what they are by default, and that every problem is told at once.

import { describe, expect, it } from "vitest";
import { ConfigError, LOG_LEVELS, parseConfig } from "../src/config.ts";
import { parseNetwork } from "../src/core/address.ts";
import { SETTINGS } from "../src/settings.ts";

const SECRET = "0123456789abcdef0123456789abcdef";
const DATABASE = "postgres://tapin@db.example/tapin";
const POSTGRES = { TAPIN_DATABASE_URL: DATABASE, TAPIN_SECRET: SECRET };

function problemsOf(environment: Record<string, string>): readonly string[] {
  try {
    parseConfig(environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe("parseConfig", () => {
  it("needs nothing: embedded, on loopback, with the sandbox", () => {
    expect(parseConfig({})).toEqual({
      host: "127.0.0.1",
      port: 8080,
      workers: 1,
      publicUrl: null,
      tls: null,
      databaseUrl: null,
      dataDir: ".tapin",
      secrets: null,
      adminToken: null,
      telegram: null,
      max: null,
      updates: "polling",
      sandbox: true,
      avatars: false,
      sessionTtlSeconds: 300,
      codeTtlSeconds: 300,
      limits: {
        requestsPerMinute: 6000,
        failuresPerMinute: 600,
        sessionsPerMinute: 30,
        watchersPerSession: 10,
        watchersPerProject: 10_000,
      },
      sizes: { bodyBytes: 65_536, headBytes: 16_384, urlBytes: 8192, connectionStreams: 100 },
      trustedProxies: [],
      metricsToken: null,
      logLevel: "info",
    });
  });

  it("takes every setting", () => {
    const config = parseConfig({
      TAPIN_HOST: "0.0.0.0",
      TAPIN_PORT: "443",
      TAPIN_WORKERS: "64",
      TAPIN_PUBLIC_URL: "https://login.example.com//",
      TAPIN_DATABASE_URL: DATABASE,
      TAPIN_DATA_DIR: "memory",
      TAPIN_SECRET: `${SECRET}-new, ${SECRET}-old`,
      TAPIN_ADMIN_TOKEN: "admin.token_with~all+of/it=-",
      TAPIN_TELEGRAM_TOKEN: "123456:ABC-DEF_1",
      TAPIN_TELEGRAM_API_URL: "http://127.0.0.1:8081",
      TAPIN_MAX_TOKEN: "max_token-1",
      TAPIN_MAX_API_URL: "http://127.0.0.1:8082",
      TAPIN_MAX_CA_FILE: "/etc/ssl/max.pem",
      TAPIN_TLS_CERT: "/etc/ssl/tapin.pem",
      TAPIN_TLS_KEY: "/etc/ssl/tapin-key.pem",
      TAPIN_UPDATES: "polling",
      TAPIN_SANDBOX: "off",
      TAPIN_AVATARS: "on",
      TAPIN_SESSION_TTL: "60",
      TAPIN_CODE_TTL: "600",
      TAPIN_RATE_LIMIT: "0",
      TAPIN_FAILURE_LIMIT: "1",
      TAPIN_SESSION_LIMIT: "2",
      TAPIN_SESSION_WATCHERS: "3",
      TAPIN_WATCHERS: "4",
      TAPIN_BODY_BYTES: "4096",
      TAPIN_HEAD_BYTES: "65536",
      TAPIN_URL_BYTES: "32768",
      TAPIN_CONNECTION_STREAMS: "10",
      TAPIN_TRUSTED_PROXIES: "127.0.0.1, fd00::/8",
      TAPIN_METRICS_TOKEN: "prometheus.token-1",
      TAPIN_LOG_LEVEL: "silent",
    });
    expect(config).toEqual({
      host: "0.0.0.0",
      port: 443,
      workers: 64,
      publicUrl: "https://login.example.com",
      tls: { certFile: "/etc/ssl/tapin.pem", keyFile: "/etc/ssl/tapin-key.pem" },
      databaseUrl: DATABASE,
      dataDir: "memory",
      secrets: [`${SECRET}-new`, `${SECRET}-old`],
      adminToken: "admin.token_with~all+of/it=-",
      telegram: { token: "123456:ABC-DEF_1", apiUrl: "http://127.0.0.1:8081", caFile: null },
      max: { token: "max_token-1", apiUrl: "http://127.0.0.1:8082", caFile: "/etc/ssl/max.pem" },
      updates: "polling",
      sandbox: false,
      avatars: true,
      sessionTtlSeconds: 60,
      codeTtlSeconds: 600,
      limits: {
        requestsPerMinute: 0,
        failuresPerMinute: 1,
        sessionsPerMinute: 2,
        watchersPerSession: 3,
        watchersPerProject: 4,
      },
      sizes: { bodyBytes: 4096, headBytes: 65_536, urlBytes: 32_768, connectionStreams: 10 },
      trustedProxies: [parseNetwork("127.0.0.1/32"), parseNetwork("fd00::/8")],
      metricsToken: "prometheus.token-1",
      logLevel: "silent",
    });
  });

  it("takes an empty or blank value for unset, and ignores spaces around one", () => {
    expect(parseConfig({ TAPIN_PORT: "", TAPIN_SECRET: "  " })).toEqual(parseConfig({}));
    expect(parseConfig({ TAPIN_PORT: " 1234 " }).port).toBe(1234);
  });

  it.each(LOG_LEVELS)("takes the log level %s", (level) => {
    expect(parseConfig({ TAPIN_LOG_LEVEL: level }).logLevel).toBe(level);
  });
});

describe("parseConfig refuses", () => {
  it.each([
    ["TAPIN_PORT", "70000", "must be a whole number from 0 to 65535, not 70000"],
    ["TAPIN_PORT", "-1", "must be a whole number from 0 to 65535, not -1"],
    ["TAPIN_PORT", "80.5", "must be a whole number"],
    ["TAPIN_PORT", "0x50", "must be a whole number"],
    ["TAPIN_PORT", "http", "must be a whole number"],
    ["TAPIN_WORKERS", "0", "must be a whole number from 1 to 64, not 0"],
    ["TAPIN_WORKERS", "65", "from 1 to 64"],
    ["TAPIN_WORKERS", "auto", "must be a whole number"],
    [
      "TAPIN_WORKERS",
      "2",
      "is 2, and the embedded database has one process: set TAPIN_DATABASE_URL",
    ],
    ["TAPIN_SESSION_TTL", "59", "must be a whole number from 60 to 1800, not 59"],
    ["TAPIN_SESSION_TTL", "1801", "from 60 to 1800"],
    ["TAPIN_CODE_TTL", "29", "from 30 to 600"],
    ["TAPIN_CODE_TTL", "601", "from 30 to 600"],
    ["TAPIN_RATE_LIMIT", "-5", "must be a whole number from 0"],
    ["TAPIN_RATE_LIMIT", "many", "must be a whole number from 0"],
    ["TAPIN_WATCHERS", "many", "must be a whole number from 0"],
    ["TAPIN_BODY_BYTES", "4095", "must be a whole number from 4096 to 1048576, not 4095"],
    ["TAPIN_BODY_BYTES", "1048577", "from 4096 to 1048576"],
    ["TAPIN_BODY_BYTES", "64k", "must be a whole number"],
    ["TAPIN_HEAD_BYTES", "4095", "must be a whole number from 4096 to 65536, not 4095"],
    ["TAPIN_HEAD_BYTES", "65537", "from 4096 to 65536"],
    ["TAPIN_URL_BYTES", "1023", "must be a whole number from 1024 to 32768, not 1023"],
    ["TAPIN_URL_BYTES", "32769", "from 1024 to 32768"],
    ["TAPIN_URL_BYTES", "16384", "is 16384, and must be below TAPIN_HEAD_BYTES"],
    ["TAPIN_CONNECTION_STREAMS", "9", "must be a whole number from 10 to 1000, not 9"],
    ["TAPIN_CONNECTION_STREAMS", "1001", "from 10 to 1000"],
    ["TAPIN_TRUSTED_PROXIES", "proxy.example", "networks such as 10.0.0.0/8, not proxy.example"],
    ["TAPIN_TRUSTED_PROXIES", "10.0.0.1,,", "not an empty entry"],
    ["TAPIN_TRUSTED_PROXIES", "10.0.0.0/33", "not 10.0.0.0/33"],
    ["TAPIN_LOG_LEVEL", "loud", "must be one of trace, debug, info, warn, error, fatal, silent"],
    ["TAPIN_SANDBOX", "yes", "must be one of auto, on, off, not yes"],
    ["TAPIN_AVATARS", "yes", "must be one of off, on, not yes"],
    ["TAPIN_UPDATES", "push", "must be one of auto, polling, webhook, not push"],
    ["TAPIN_PUBLIC_URL", "login.example.com", "must be a URL that starts with https:// or http://"],
    ["TAPIN_PUBLIC_URL", "ftp://login.example.com", "must be a URL that starts with https://"],
    ["TAPIN_PUBLIC_URL", "http://localhost:8080", "must not use localhost"],
    ["TAPIN_DATABASE_URL", "mysql://db/tapin", "must be a URL that starts with postgres://"],
    ["TAPIN_SECRET", "short", "must be at least 32 bytes (each of a list)"],
    ["TAPIN_SECRET", `${SECRET},short`, "must be at least 32 bytes (each of a list)"],
    ["TAPIN_SECRET", `${SECRET},`, "must be at least 32 bytes (each of a list)"],
    ["TAPIN_ADMIN_TOKEN", "short", "must be at least 16 characters"],
    ["TAPIN_ADMIN_TOKEN", "sixteen chars or more, but spaces", "must be at least 16 characters of"],
    ["TAPIN_TELEGRAM_TOKEN", "not-a-token", "must look like 123456:ABC-DEF, as @BotFather"],
    ["TAPIN_TELEGRAM_API_URL", "http://127.0.0.1:1", "is set without TAPIN_TELEGRAM_TOKEN"],
    ["TAPIN_MAX_TOKEN", "with a space", "must be at most 512 printable ASCII characters"],
    ["TAPIN_MAX_TOKEN", "x".repeat(513), "must be at most 512 printable ASCII characters"],
    ["TAPIN_MAX_API_URL", "https://max.example", "is set without TAPIN_MAX_TOKEN"],
    ["TAPIN_TLS_CERT", "/etc/cert.pem", "is set without TAPIN_TLS_KEY"],
    ["TAPIN_TLS_KEY", "/etc/key.pem", "is set without TAPIN_TLS_CERT"],
    ["TAPIN_MAX_CA_FILE", "/etc/ca.pem", "is set without TAPIN_MAX_TOKEN"],
  ])("%s=%s, in one sentence", (name, value, sentence) => {
    const problems = problemsOf({ [name]: value });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(/^TAPIN_[A-Z_]+ .*\.$/);
    expect(problems[0]?.startsWith(`${name} `)).toBe(true);
    expect(problems[0]).toContain(sentence);
  });

  it("PostgreSQL without a secret, and says how to make one", () => {
    expect(problemsOf({ TAPIN_DATABASE_URL: DATABASE })).toEqual([
      "TAPIN_SECRET is required with TAPIN_DATABASE_URL; make one with: openssl rand -hex 32.",
    ]);
  });

  it.each([
    ["TAPIN_PROT", "TAPIN_PORT"],
    ["TAPIN_DATABASE", "TAPIN_DATABASE_URL"],
    ["TAPIN_TELEGRAM_TOKN", "TAPIN_TELEGRAM_TOKEN"],
    ["TAPIN_", "TAPIN_HOST"],
  ])("the unknown name %s, and names %s", (name, nearest) => {
    expect(problemsOf({ [name]: "x" })).toEqual([
      `${name} is no setting; the nearest one is ${nearest}.`,
    ]);
  });

  it("a small head that has no room for the longest URL", () => {
    expect(problemsOf({ TAPIN_HEAD_BYTES: "4096" })).toEqual([
      "TAPIN_URL_BYTES is 8192, and must be below TAPIN_HEAD_BYTES: the URL is a part of the head.",
    ]);
    expect(problemsOf({ TAPIN_HEAD_BYTES: "4096", TAPIN_URL_BYTES: "4095" })).toEqual([]);
  });

  it("several workers with the sandbox, which lives in one process", () => {
    const workers = { ...POSTGRES, TAPIN_WORKERS: "2" };
    expect(problemsOf({ ...workers, TAPIN_SANDBOX: "on" })).toEqual([
      "TAPIN_WORKERS is 2, and the pretend messengers live in one process: set TAPIN_SANDBOX to off, or TAPIN_WORKERS to 1.",
    ]);
    expect(problemsOf(workers)).toEqual([]);
  });

  it("all problems at once", () => {
    const problems = problemsOf({
      TAPIN_PROT: "1",
      TAPIN_PORT: "x",
      TAPIN_DATABASE_URL: DATABASE,
      TAPIN_LOG_LEVEL: "loud",
      TAPIN_ADMIN_TOKEN: "short",
      TAPIN_MAX_TOKEN: "a b",
    });
    expect(problems.map((problem) => problem.split(" ", 1)[0]).sort()).toEqual([
      "TAPIN_ADMIN_TOKEN",
      "TAPIN_LOG_LEVEL",
      "TAPIN_MAX_TOKEN",
      "TAPIN_PORT",
      "TAPIN_PROT",
      "TAPIN_SECRET",
    ]);
  });

  it("without repeating a secret in what it prints", () => {
    const values = { TAPIN_SECRET: "hunter2-secret", TAPIN_ADMIN_TOKEN: "hunter2!" };
    const token = { TAPIN_TELEGRAM_TOKEN: "hunter2:!", TAPIN_DATABASE_URL: "mysql://u:hunter2@d" };
    const max = { TAPIN_MAX_TOKEN: "hunter2 hunter2" };
    expect(problemsOf({ ...values, ...token, ...max }).join("\n")).not.toContain("hunter2");
  });

  it("nothing that is not its own", () => {
    expect(problemsOf({ TAPIN_TEST_DATABASE_URL: "x", PATH: "/bin", tapin_port: "x" })).toEqual([]);
  });
});

describe("TAPIN_SANDBOX", () => {
  const token = { TAPIN_TELEGRAM_TOKEN: "1:x" };
  it.each([
    ["is on when embedded on loopback", {}, true],
    ["is on at localhost", { TAPIN_HOST: "localhost" }, true],
    ["is on at ::1", { TAPIN_HOST: "::1" }, true],
    ["is off on an open address", { TAPIN_HOST: "0.0.0.0" }, false],
    ["is off with PostgreSQL", POSTGRES, false],
    ["is off with a real bot", token, false],
    ["on wins over PostgreSQL", { ...POSTGRES, TAPIN_SANDBOX: "on" }, true],
    ["on wins over a real bot", { ...token, TAPIN_SANDBOX: "on" }, true],
    ["off wins", { TAPIN_SANDBOX: "off" }, false],
  ])("%s", (_, environment, on) => {
    expect(parseConfig(environment).sandbox).toBe(on);
  });
});

describe("TAPIN_UPDATES", () => {
  const https = { TAPIN_PUBLIC_URL: "https://login.example.com" };
  const http = { TAPIN_PUBLIC_URL: "http://login.example.com" };
  it.each([
    ["is polling without a public URL", {}, "polling"],
    ["is polling with a public URL over http", { ...http, TAPIN_SANDBOX: "off" }, "polling"],
    ["is webhook with a public URL over https", https, "webhook"],
    ["polling wins over https", { ...https, TAPIN_UPDATES: "polling" }, "polling"],
    ["webhook is taken with https", { ...https, TAPIN_UPDATES: "webhook" }, "webhook"],
    ["webhook is taken with the sandbox", { TAPIN_UPDATES: "webhook" }, "webhook"],
    [
      "webhook is taken with a Bot API of one's own",
      {
        TAPIN_UPDATES: "webhook",
        TAPIN_TELEGRAM_TOKEN: "1:x",
        TAPIN_TELEGRAM_API_URL: "http://127.0.0.1:1",
      },
      "webhook",
    ],
  ])("%s", (_, environment, updates) => {
    expect(parseConfig(environment).updates).toBe(updates);
  });

  it.each([
    ["without a public URL", {}],
    ["with a public URL over http", http],
  ])("refuses webhook %s: the real messengers deliver to https only", (_, environment) => {
    const real = { TAPIN_UPDATES: "webhook", TAPIN_TELEGRAM_TOKEN: "1:x", TAPIN_MAX_TOKEN: "y" };
    expect(problemsOf({ ...real, ...environment })).toEqual([
      "TAPIN_UPDATES is webhook, which needs an https TAPIN_PUBLIC_URL.",
    ]);
  });
});

describe("SETTINGS", () => {
  it("lists each setting once, with a meaning", () => {
    const names = SETTINGS.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const { name, fallback, meaning } of SETTINGS) {
      expect(name).toMatch(/^TAPIN_[A-Z_]+$/);
      expect(fallback).not.toBe("");
      expect(meaning).not.toBe("");
    }
  });
});
