// Runs the whole service as its own process, on Node or on Deno, as `npm start` and
// `npm run start:deno` do.

import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { keepOutput, learnSettings, searchNow } from "./leaks.ts";

/** What the service runs on. */
export const RUNTIMES = ["node", "deno"] as const;

/** A runtime. */
export type Runtime = (typeof RUNTIMES)[number];

const root = fileURLToPath(new URL("../..", import.meta.url));
const bin = (name: string) => `${root}node_modules/.bin/${name}`;

const SCRIPT = "test/support/tied.ts";

const COMMANDS: Record<Runtime, readonly [string, ...string[]]> = {
  node: [bin("node"), SCRIPT],
  deno: [bin("deno"), "run", "--no-prompt", "--permission-set=tapin", SCRIPT],
};

/** As `scripts/run.sh` has it. */
const CACHE = { NODE_COMPILE_CACHE: "node_modules/.cache/tapin" };

/** The line that says it is ready or, when the log is silent about that, the one of the banner. */
const READY = /(?:"event":"ready","url":"|Demo website +)(http[^"/]+\/\/[^"/]+)/;

/** Milliseconds until a service that does not get ready is given up. */
const READY_MS = 60_000;

/** How to run it. */
export interface TapinOptions {
  readonly runtime?: Runtime;
  /** Settings beside TAPIN_PORT=0, TAPIN_DATA_DIR=memory and, with a database, TAPIN_SECRET. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A running service. */
export interface Tapin {
  readonly url: string;
  /** The demo project's API key; empty when the sandbox or the embedded mode is off. */
  readonly apiKey: string;
  readonly adminToken: string;
  /** Everything it has printed. */
  output(): string;
  /** Sends the signal and resolves with the exit code once it is gone (null: killed). */
  end(signal?: NodeJS.Signals): Promise<number | null>;
}

/** Secret and admin token of services that run on PostgreSQL. */
export const TEST_SECRET = "a-secret-for-tests-that-is-long-enough";
export const TEST_ADMIN_TOKEN = "tapin_admin_for_tests_only";

/** Starts the service and waits until it is ready. Rejects with its output when it ends before. */
export async function startTapin({
  runtime = "node",
  env = {},
}: TapinOptions = {}): Promise<Tapin> {
  const settings = {
    TAPIN_PORT: "0",
    TAPIN_DATA_DIR: "memory",
    ...(env.TAPIN_DATABASE_URL === undefined
      ? {}
      : { TAPIN_SECRET: TEST_SECRET, TAPIN_ADMIN_TOKEN: TEST_ADMIN_TOKEN }),
    ...env,
  };
  const [command, ...args] = COMMANDS[runtime];
  const child = spawn(command, args, {
    cwd: root,
    env: { ...CACHE, ...withoutTapin(process.env), ...settings },
    stdio: ["pipe", "pipe", "pipe"],
  });
  const lines: string[] = [];
  learnSettings(settings);
  keepOutput(lines);
  let ending = false;
  const exited = new Promise<number | null>((resolve) => {
    child.once("exit", (code, signal) => {
      if (!ending) tellUnexpectedEnd(code ?? signal, lines);
      resolve(code);
    });
  });
  const url = await readyUrl(child, lines);
  const output = () => lines.join("\n");
  // The banner follows the ready line; only the embedded mode has one.
  if (env.TAPIN_DATABASE_URL === undefined) await untilPrinted(child, lines, /Admin token\s+\S+/);
  return {
    url,
    apiKey: /API key\s+(\S+)/.exec(output())?.[1] ?? "",
    adminToken:
      /Admin token\s+(\S+)/.exec(output())?.[1] ?? settings.TAPIN_ADMIN_TOKEN ?? TEST_ADMIN_TOKEN,
    output,
    end(signal = "SIGTERM") {
      ending = true;
      child.kill(signal);
      return exited;
    },
  };
}

/**
 * A data directory that Deno may write to; `remove` searches its database for secrets and removes
 * it.
 */
export async function makeDataDir(): Promise<{ path: string; remove(): Promise<void> }> {
  const path = `.tapin/test-${randomBytes(6).toString("hex")}`;
  await mkdir(`${root}${path}`, { recursive: true });
  return {
    path,
    async remove() {
      await searchFiles(`${root}${path}/db`);
      await rm(`${root}${path}`, { recursive: true, force: true });
    },
  };
}

async function searchFiles(directory: string): Promise<void> {
  // There is none when no service has got so far.
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(
    () => [],
  );
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const text = await readFile(`${entry.parentPath}/${entry.name}`, "latin1");
    searchNow({ where: `${entry.name} of an embedded database`, text });
  }
}

/** What a test that finds nobody at the port would not say. */
function tellUnexpectedEnd(how: number | string | null, lines: readonly string[]): void {
  const last = lines.slice(-40).join("\n");
  process.stderr.write(`the service ended by itself (${how}), after printing:\n${last}\n`);
}

function withoutTapin(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(environment).filter(([name]) => !name.startsWith("TAPIN_")),
  );
}

function readyUrl(child: ChildProcess, lines: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const fail = (what: string) => reject(new Error(`${what}:\n${lines.join("\n")}`));
    const timer = setTimeout(() => fail("not ready in time"), READY_MS);
    child.once("exit", (code) => {
      clearTimeout(timer);
      fail(`ended with ${code} before it was ready`);
    });
    for (const stream of [child.stdout, child.stderr]) {
      if (stream === null) continue;
      createInterface({ input: stream }).on("line", (line) => {
        lines.push(line);
        const url = READY.exec(line)?.[1];
        if (url === undefined) return;
        clearTimeout(timer);
        resolve(url);
      });
    }
  });
}

async function untilPrinted(child: ChildProcess, lines: string[], wanted: RegExp): Promise<void> {
  while (!lines.some((line) => wanted.test(line)) && child.exitCode === null) {
    await new Promise((resolve) => child.stdout?.once("data", () => setImmediate(resolve)));
  }
}
