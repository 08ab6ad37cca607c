// A Vitest pool whose workers are Deno processes: the same test files, on the other runtime. The
// worker's side is deno-worker.ts.

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { PoolOptions, PoolRunnerInitializer, PoolWorker, WorkerRequest } from "vitest/node";
import { decodeMessage, encodeMessage } from "./deno-channel.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const script = fileURLToPath(new URL("./deno-worker.ts", import.meta.url));

class DenoWorker implements PoolWorker {
  readonly name = "deno";
  readonly #options: PoolOptions;
  #child: ChildProcess | null = null;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { env, project } = this.#options;
    const child = fork(script, [], {
      cwd: root,
      execPath: `${root}node_modules/.bin/deno`,
      execArgv: ["run", "--no-prompt", "--allow-all"],
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    const { outputStream, errorStream } = project.vitest.logger;
    child.stdout?.pipe(outputStream, { end: false });
    child.stderr?.pipe(errorStream, { end: false });
    this.#child = child;
  }

  async stop(): Promise<void> {
    const child = this.#child;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    // Whatever a test file left behind must not keep its process: the results are here by now.
    const closed = once(child, "close");
    child.kill("SIGKILL");
    await closed;
  }

  send(message: WorkerRequest): void {
    this.#child?.send(encodeMessage(message));
  }

  on(event: string, callback: (...args: unknown[]) => void): void {
    this.#child?.on(event, callback);
  }

  off(event: string, callback: (...args: unknown[]) => void): void {
    this.#child?.off(event, callback);
  }

  deserialize(data: unknown): unknown {
    return decodeMessage(data);
  }
}

/** Runs each test file in a Deno process of its own, which may do everything. */
export const denoPool: PoolRunnerInitializer = {
  name: "deno",
  createPoolWorker: (options) => new DenoWorker(options),
};
