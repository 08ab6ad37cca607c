// Starts host.ts on Node or Deno.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Runtime } from "../support/tapin.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const COMMANDS: Record<Runtime, readonly [string, ...string[]]> = {
  node: ["node"],
  deno: ["deno", "run", "--no-prompt", "--allow-all"],
};

/** A running host. */
export interface Host {
  readonly url: string;
  /** Of each of its listeners, where it has several. */
  readonly urls: readonly string[];
  /** Ends it; answers its exit code, which is 0 unless it had ended by itself. */
  end(): Promise<number | null>;
}

/** Starts a host and waits until it listens. Rejects with what it printed when it ends before. */
export async function startHost(
  runtime: Runtime,
  script = "test/conformance/host.ts",
): Promise<Host> {
  const [command, ...args] = COMMANDS[runtime];
  const child = spawn(`${ROOT}node_modules/.bin/${command}`, [...args, script], { cwd: ROOT });
  const said: string[] = [];
  child.stderr.on("data", (chunk) => said.push(String(chunk)));
  const closed = once(child, "close");
  const ready = once(createInterface({ input: child.stdout }), "line");
  const first = await Promise.race([ready, closed.then(() => null)]);
  if (first === null) throw new Error(`the host does not start:\n${said.join("")}`);
  const urls = String(first[0])
    .split(" ")
    .map((port) => `http://127.0.0.1:${port}`);
  return {
    url: urls[0] ?? "",
    urls,
    async end() {
      child.stdin.end();
      const [code] = await closed;
      return code as number | null;
    },
  };
}
