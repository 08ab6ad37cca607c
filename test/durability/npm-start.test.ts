// Signals as people and supervisors send them: to npm instead of the service, or twice.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "vitest";
import { keepOutput } from "../support/leaks.ts";
import { startTapin } from "../support/tapin.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

let npm: ChildProcess | null = null;
afterEach(() => {
  if (npm?.pid !== undefined && npm.exitCode === null) process.kill(-npm.pid, "SIGKILL");
});

test.each(["start", "start:deno"])("npm run %s hands SIGTERM to the service", async (script) => {
  const settings = { TAPIN_PORT: "0", TAPIN_DATA_DIR: "memory" };
  // Without the scripts before it: what is installed here is what this very test runs on.
  npm = spawn("npm", ["run", script, "--ignore-scripts"], {
    cwd: root,
    env: { ...process.env, ...settings },
    stdio: ["ignore", "pipe", "inherit"],
    detached: true,
  });
  const lines: string[] = [];
  keepOutput(lines);
  for await (const line of createInterface({ input: npm.stdout as NodeJS.ReadableStream })) {
    lines.push(line);
    if (line.includes('"event":"ready"')) npm.kill("SIGTERM");
  }
  // Its output ends only when the service has ended, not when npm has.
  expect(lines.some((line) => line.includes('"event":"stopping"'))).toBe(true);
  if (npm.exitCode === null && npm.signalCode === null) await once(npm, "exit");
});

test("a second signal in the same moment does not cut the stop short", async () => {
  const tapin = await startTapin();
  const ended = tapin.end("SIGTERM");
  void tapin.end("SIGINT");
  void tapin.end("SIGTERM");
  expect(await ended).toBe(0);
});
