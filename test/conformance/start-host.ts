// Starts host.ts on Node or Deno.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Runtime } from "../support/tapin.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const SCRIPT = "test/conformance/host.ts";

const COMMANDS: Record<Runtime, readonly [string, ...string[]]> = {
  node: ["node", SCRIPT],
  deno: ["deno", "run", "--no-prompt", "--allow-all", SCRIPT],
};

/** A running host. */
export interface Host {
  readonly url: string;
  /** Ends it; answers its exit code, which is 0 unless it had ended by itself. */
  end(): Promise<number | null>;
}

/** Starts a host and waits until it listens. Rejects with what it printed when it ends before. */
export async function startHost(runtime: Runtime): Promise<Host> {
  const [command, ...args] = COMMANDS[runtime];
  const child = spawn(`${ROOT}node_modules/.bin/${command}`, args, { cwd: ROOT });
  const said: string[] = [];
  child.stderr.on("data", (chunk) => said.push(String(chunk)));
  const closed = once(child, "close");
  const ready = once(createInterface({ input: child.stdout }), "line");
  const first = await Promise.race([ready, closed.then(() => null)]);
  if (first === null) throw new Error(`the host does not start:\n${said.join("")}`);
  return {
    url: `http://127.0.0.1:${first[0]}`,
    async end() {
      child.stdin.end();
      const [code] = await closed;
      return code as number | null;
    },
  };
}
