// Starts store-child.ts under Node or Deno, with the permissions the store needs under Deno and no
// others.

import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const SCRIPT = fileURLToPath(new URL("./store-child.ts", import.meta.url));
const DENO = fileURLToPath(new URL("../../node_modules/.bin/deno", import.meta.url));

/** A started child. */
export interface StoreChild {
  /** What it said, parsed. */
  readonly said: Record<string, unknown>;
  /** Kills it as `kill -9` does and waits for its end. */
  kill(): Promise<void>;
  /** Lets it close the store; its exit code. */
  end(): Promise<number | null>;
}

/** Deno permissions for a database that lies at this URL, in this directory or in memory. */
export function denoPermissions(target: string): readonly string[] {
  if (/^postgres/.test(target)) {
    // pg looks up libpq's variables, even those that the URL makes needless.
    return [`--allow-net=${new URL(target).host}`, "--allow-env=PG*"];
  }
  // The files of a thread are read, not imported.
  const code = `--allow-read=${ROOT}node_modules,${ROOT}src`;
  return target === "memory" ? [code] : [`${code},${target}`, `--allow-write=${target}`];
}

/** Starts the child and waits for its line. */
export async function startChild(runtime: "node" | "deno", target: string): Promise<StoreChild> {
  const child =
    runtime === "node"
      ? spawn(process.execPath, [SCRIPT, target])
      : spawn(DENO, ["run", "--no-prompt", ...denoPermissions(target), SCRIPT, target], {
          cwd: ROOT,
        });
  const ended = once(child, "close");
  const said = await firstLine(child, ended);
  return {
    said,
    async kill() {
      child.kill("SIGKILL");
      await ended;
    },
    async end() {
      child.stdin.end();
      const [code] = await ended;
      return code;
    },
  };
}

async function firstLine(
  child: ChildProcessWithoutNullStreams,
  ended: Promise<unknown>,
): Promise<Record<string, unknown>> {
  const errors: string[] = [];
  child.stderr.on("data", (chunk) => errors.push(String(chunk)));
  const lines = createInterface({ input: child.stdout });
  const line = await Promise.race([once(lines, "line"), ended.then(() => null)]);
  if (line === null) throw new Error(`the child ended without a word: ${errors.join("")}`);
  return JSON.parse(String(line[0]));
}
