// Runs the service where it cannot start, and tells how it ended. Services that do start are
// started by tapin.ts.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { keepOutput, learnSettings } from "./leaks.ts";
import type { Runtime } from "./tapin.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

const COMMANDS: Record<Runtime, readonly [string, ...string[]]> = {
  node: [`${ROOT}node_modules/.bin/node`, "src/main.ts"],
  deno: [
    `${ROOT}node_modules/.bin/deno`,
    ...["run", "--quiet", "--no-prompt", "--permission-set=tapin", "src/main.ts"],
  ],
};

/** How a start came to its end. */
export interface FailedStart {
  readonly code: number | null;
  /** What it wrote to the error output. */
  readonly complaint: string;
  /** What it wrote to standard output: the log. */
  readonly log: string;
}

/** Starts the service with these settings and nothing else of its own, and waits for its end. */
export async function failToStart(
  runtime: Runtime,
  env: Readonly<Record<string, string>>,
): Promise<FailedStart> {
  const [command, ...args] = COMMANDS[runtime];
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("TAPIN_"));
  const child = spawn(command, args, {
    cwd: ROOT,
    env: { ...Object.fromEntries(inherited), ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [complaint, log]: [string[], string[]] = [[], []];
  learnSettings(env);
  keepOutput(complaint);
  keepOutput(log);
  child.stderr.on("data", (chunk) => complaint.push(String(chunk)));
  child.stdout.on("data", (chunk) => {
    log.push(String(chunk));
    // It was to fail: the test says so, but nothing may stay behind.
    if (String(chunk).includes('"event":"ready"')) child.kill("SIGKILL");
  });
  const [code] = await once(child, "close");
  return { code, complaint: complaint.join(""), log: log.join("") };
}
