// Which cores what runs on: the server under test has core 0 to itself, everything else (load
// generators, PostgreSQL, this program) has the others. By `taskset` of util-linux; where that is
// missing nothing is pinned, and the report says so.

import { spawnSync } from "node:child_process";
import { availableParallelism } from "node:os";
import process from "node:process";

/** Where a process runs: the core of the server under test, the others, or all of them. */
export type Place = "server" | "load" | "all";

const count = availableParallelism();
const last = count - 1;
const CORES: Record<Place, string> = { server: "0", load: `1-${last}`, all: `0-${last}` };

/** Whether processes can be pinned: there is a second core, and `taskset`. */
export const canPin =
  count > 1 && spawnSync("taskset", ["--version"], { stdio: "ignore" }).status === 0;

/** The command, pinned to its place where that can be. */
export function pinned(place: Place, command: readonly string[]): readonly [string, string[]] {
  const [first = "", ...rest] = canPin ? ["taskset", "-c", CORES[place], ...command] : command;
  return [first, rest];
}

/**
 * Moves this process, with all its threads and the children to come, away from the server's core.
 */
export function leaveServerCore(): void {
  if (!canPin) return;
  const args = ["-a", "-c", "-p", CORES.load, String(process.pid)];
  const { status, stderr } = spawnSync("taskset", args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`taskset does not pin this process: ${stderr}`);
}
