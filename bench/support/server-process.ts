// A server under test, Tapin or a floor, as a process of its own on its own core: started, waited
// for, measured from outside (CPU time and memory by /proc, so on Linux only), ended.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { awaitCondition } from "../../test/support/await-condition.ts";
import { type Place, pinned } from "./cores.ts";

/** Root of the project, with a slash at its end. */
export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** The pinned Node, whichever runs this. */
export const NODE = `${ROOT}node_modules/.bin/node`;

/**
 * Clock ticks of /proc in a second; fixed on Linux for every architecture that Node runs on
 * (`man 5 proc`, sysconf(_SC_CLK_TCK)).
 */
const TICKS_PER_SECOND = 100;

/** Milliseconds until a server that does not answer is given up. */
const READY_MS = 60_000;

/** How to run a server. */
export interface ServerOptions {
  /** Command and arguments, run in the project's root. */
  readonly command: readonly string[];
  /** Beside PATH and HOME, the whole environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly url: string;
  /** What is asked until it answers 200; null = it is ready once it accepts connections. */
  readonly readyPath: string | null;
  /** Default `server`. */
  readonly place?: Place;
}

/** A running server. */
export interface ServerProcess {
  readonly url: string;
  /** Milliseconds of CPU it has used; null where that cannot be read. */
  cpuMs(): number | null;
  /** KiB of memory it holds (resident); null where that cannot be read. */
  residentKb(): number | null;
  stop(): Promise<void>;
}

const running = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/**
 * Starts it and waits until it answers. Its output goes nowhere, but for errors, which are told
 * when it ends by itself.
 */
export async function startServer(options: ServerOptions): Promise<ServerProcess> {
  const { url, env, readyPath, place = "server" } = options;
  const [command, args] = pinned(place, options.command);
  const { PATH = "", HOME = "" } = process.env;
  const child = spawn(command, args, {
    cwd: ROOT,
    env: { PATH, HOME, ...env },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const errors: string[] = [];
  child.stderr.on("data", (chunk) => errors.push(String(chunk)));
  running.add(child);
  const exited = once(child, "exit").then(() => running.delete(child));
  await awaitCondition(
    `${options.command.join(" ")} answers at ${url}`,
    async () => {
      if (child.exitCode !== null) throw new Error(`it ended by itself:\n${errors.join("")}`);
      return readyPath === null ? await accepts(url) : await answers(url + readyPath);
    },
    READY_MS,
  );
  return {
    url,
    cpuMs: () => cpuMsOf(child),
    residentKb: () => residentKbOf(child),
    async stop() {
      if (child.exitCode !== null) {
        throw new Error(`a server ended by itself (${child.exitCode}):\n${errors.join("")}`);
      }
      child.kill("SIGTERM");
      await exited;
    },
  };
}

async function answers(url: string): Promise<boolean> {
  const answer = await fetch(url).catch(() => null);
  await answer?.arrayBuffer();
  return answer?.ok ?? false;
}

function accepts(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}

// Fields 14 and 15 are the time in user and in kernel mode; the name before them may have spaces in
// it.
function cpuMsOf({ pid }: ChildProcess): number | null {
  const fields = readProc(`/proc/${pid}/stat`)
    ?.replace(/^.*\) /s, "")
    .split(" ");
  if (fields === undefined) return null;
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_PER_SECOND;
}

function residentKbOf({ pid }: ChildProcess): number | null {
  const [, kb] = /^VmRSS:\s+(\d+) kB$/m.exec(readProc(`/proc/${pid}/status`) ?? "") ?? [];
  return kb === undefined ? null : Number(kb);
}

function readProc(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}
