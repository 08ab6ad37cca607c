// `npm start` with the embedded database there already, from the command to the line that says it
// is ready, against a process that opens the same PGlite and nothing else. The same on Deno.

import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { cp, mkdir, rm } from "node:fs/promises";
import process from "node:process";
import { createInterface } from "node:readline";
import { pinned } from "./support/cores.ts";
import type { Finding, Goal, Rounds, Scenario } from "./support/scenario.ts";
import { NODE, ROOT } from "./support/server-process.ts";

const DENO = `${ROOT}node_modules/.bin/deno`;

/** One runtime. */
interface Kind {
  readonly what: string;
  readonly script: string;
  readonly floor: readonly string[];
  readonly goal: Goal | null;
}

const KINDS: readonly Kind[] = [
  {
    what: "npm start, embedded, to ready",
    script: "start",
    floor: [NODE],
    goal: { of: "ratio", is: "at most", limit: 1.3 },
  },
  {
    what: "npm run start:deno, embedded, to ready",
    script: "start:deno",
    floor: [DENO, "run", "--allow-all"],
    goal: null,
  },
];

/** The scenario. */
export const start: Scenario = {
  name: "start",
  about: "npm start, warm and embedded, to ready, against opening PGlite alone",
  leftOut: null,
  missing: () => null,
  async run(_stage, { rounds, warmUps, scale }) {
    // Deno may write there and nowhere else.
    const folder = `.tapin/bench-${randomBytes(6).toString("hex")}`;
    // Whoever only looks whether it runs may be a test, and what is installed is what that runs on.
    const npm = ["npm", "run", "--silent", ...(scale < 1 ? ["--ignore-scripts"] : [])];
    await mkdir(`${ROOT}${folder}`, { recursive: true });
    try {
      const findings: Finding[] = [];
      for (const kind of KINDS)
        findings.push(await runKind(kind, { folder, rounds, warmUps, npm }));
      return findings;
    } finally {
      await rm(`${ROOT}${folder}`, { recursive: true, force: true });
    }
  },
};

interface Runs {
  readonly folder: string;
  readonly rounds: number;
  readonly warmUps: number;
  readonly npm: readonly string[];
}

async function runKind(kind: Kind, { folder, rounds, warmUps, npm }: Runs): Promise<Finding> {
  const { what, script, goal } = kind;
  const tapin = [...npm, script];
  // The first one makes the database.
  await readyMs(tapin, folder);
  const alone = `${folder}/alone`;
  await rm(`${ROOT}${alone}`, { recursive: true, force: true });
  await cp(`${ROOT}${folder}/db`, `${ROOT}${alone}`, { recursive: true });
  const floor = [...kind.floor, "bench/floors/pglite.ts", alone];
  const figures = { floor: [] as number[], tapin: [] as number[] };
  for (let round = 0; round < rounds + warmUps; round += 1) {
    figures.floor.push(await readyMs(floor, folder));
    figures.tapin.push(await readyMs(tapin, folder));
  }
  const counted = (all: Rounds) => all.slice(warmUps);
  return {
    what,
    unit: "ms",
    floorName: "opening PGlite alone",
    floor: counted(figures.floor),
    tapin: counted(figures.tapin),
    goal,
    note: "from the command on: npm, its check that everything is installed, the runtime, the database",
  };
}

/** Milliseconds from the command to its line that says it is ready; then it is ended. */
async function readyMs(command: readonly string[], folder: string): Promise<number> {
  const { PATH = "", HOME = "" } = process.env;
  const [first, rest] = pinned("all", command);
  const beganAt = performance.now();
  const child = spawn(first, rest, {
    cwd: ROOT,
    env: { PATH, HOME, TAPIN_PORT: "0", TAPIN_DATA_DIR: folder },
    stdio: ["ignore", "pipe", "ignore"],
    // npm and what it starts are one group, which a signal reaches as from a terminal.
    detached: true,
  });
  const ended = once(child, "close");
  const ms = await readyLine(child, beganAt);
  if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, "SIGTERM");
  await ended;
  return ms;
}

async function readyLine(child: ChildProcess, beganAt: number): Promise<number> {
  if (child.stdout === null) throw new Error("the command has no output");
  const lines = createInterface({ input: child.stdout });
  const ready = new Promise<number>((resolve) => {
    lines.on("line", (line) => {
      if (line.includes('"event":"ready"')) resolve(performance.now() - beganAt);
    });
  });
  const gone = once(lines, "close").then(() => null);
  const ms = await Promise.race([ready, gone]);
  if (ms === null) throw new Error("the command ended before it was ready");
  return ms;
}
