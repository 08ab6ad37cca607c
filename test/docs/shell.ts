// Runs a page's bash blocks as a reader would, in the project's folder. A line `export NAME=...` is
// a blank for the reader to fill in: where the test has a value for NAME, that one counts.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { ROOT } from "./pages.ts";

/** Values for the blanks, and settings a reader does not need. */
export type Environment = Readonly<Record<string, string>>;

/** How to run a block. */
export interface ShellOptions {
  readonly env: Environment;
  /** Default: the project's folder. */
  readonly cwd?: string;
}

/** A block that is running. */
export interface Running {
  /** Everything it has printed. */
  output(): string;
  /**
   * Resolves with the first match in what it has printed. Rejects with the output when it ends
   * before.
   */
  printed(wanted: RegExp): Promise<RegExpExecArray>;
  /**
   * Resolves with standard output once it has ended well; rejects with everything when it has not.
   */
  done(): Promise<string>;
  /** Ends it and whatever it started. */
  end(): Promise<void>;
}

/** Starts a block. */
export function start(block: string, { env, cwd = ROOT }: ShellOptions): Running {
  const script = block.split("\n").filter((line) => !isFilledIn(line, env));
  const child = spawn("bash", ["-euo", "pipefail", "-c", script.join("\n")], {
    cwd,
    env: { ...cleanEnvironment(), ...env },
    stdio: ["ignore", "pipe", "pipe"],
    // A group of its own, so that `npm start` can be ended with the service it runs.
    detached: true,
  });
  const chunks = { all: "", out: "" };
  child.stdout.on("data", (chunk) => {
    chunks.out += chunk;
  });
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk) => {
      chunks.all += chunk;
    });
  }
  const closed = once(child, "close");
  return {
    output: () => chunks.all,
    printed: (wanted) =>
      waitFor(child, closed, () => ({ match: wanted.exec(chunks.all), ...chunks })),
    async done() {
      const [code] = await closed;
      if (code !== 0) throw new Error(`ended with ${code}:\n${block}\n${chunks.all}`);
      return chunks.out;
    },
    async end() {
      if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, "SIGTERM");
      await closed;
    },
  };
}

/** Runs a block to its end and answers what it printed on standard output. */
export async function run(block: string, options: ShellOptions): Promise<string> {
  return await start(block, options).done();
}

interface Look {
  readonly match: RegExpExecArray | null;
  readonly all: string;
}

async function waitFor(
  child: ChildProcess,
  closed: Promise<unknown>,
  look: () => Look,
): Promise<RegExpExecArray> {
  let ended = false;
  void closed.then(() => {
    ended = true;
  });
  for (;;) {
    const { match, all } = look();
    if (match !== null) return match;
    if (ended) throw new Error(`ended too early:\n${all}`);
    const more = [child.stdout, child.stderr].map((stream) => stream && once(stream, "data"));
    await Promise.race([...more, closed]);
  }
}

function isFilledIn(line: string, env: Environment): boolean {
  const [, name] = /^export (\w+)=/.exec(line) ?? [];
  return name !== undefined && name in env;
}

/** Without the settings of whoever runs the tests, and without colours, which Vitest asks for. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !name.startsWith("TAPIN_") && name !== "FORCE_COLOR",
    ),
  );
}
