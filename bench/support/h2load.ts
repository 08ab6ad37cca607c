// Load by h2load of nghttp2, over HTTP/1.1 and HTTP/2: the same request again and again, its body
// from a file.

import { spawn, spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { type Place, pinned } from "./cores.ts";
import type { Length } from "./scenario.ts";

/** One request, and how often. */
export interface SameRequest {
  readonly url: string;
  /** `name: value` each. */
  readonly headers: readonly string[];
  /** Null = a GET. */
  readonly body: Uint8Array | null;
  readonly http: "1.1" | "2";
  readonly connections: number;
  /** Requests under way on each connection. */
  readonly streams: number;
  readonly length: Length;
  readonly place: Place;
}

/** What came of it. */
export interface SameAnswers {
  readonly perSecond: number;
  /** Answers of status 2xx. */
  readonly succeeded: number;
  /** Bytes of all bodies, those included whose end had not come when time was up. */
  readonly bodyBytes: number;
  readonly loadMs: number;
}

/**
 * Why there is no h2load here; null = there is one. As root on Debian it is installed, unless
 * `install` is false.
 */
export function h2loadMissing(install: boolean): string | null {
  const isThere = () => spawnSync("h2load", ["--version"], { stdio: "ignore" }).status === 0;
  if (isThere()) return null;
  if (install && process.getuid?.() === 0) {
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    const apt = (args: readonly string[]) => spawnSync("apt-get", args, { stdio: "ignore", env });
    apt(["update", "-qq"]);
    apt(["install", "-y", "-qq", "--no-install-recommends", "nghttp2-client"]);
    if (isThere()) return null;
  }
  return "h2load is missing (Debian: nghttp2-client)";
}

/** Sends it. Rejects when a request failed or was answered with another status than 2xx. */
export async function sendSame(request: SameRequest): Promise<SameAnswers> {
  const folder = await mkdtemp(join(tmpdir(), "tapin-bench-"));
  try {
    const file = join(folder, "body");
    if (request.body !== null) await writeFile(file, request.body);
    const startedAt = performance.now();
    const output = await run(request, request.body === null ? [] : [`--data=${file}`]);
    return answersIn(output, request, performance.now() - startedAt);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function run(request: SameRequest, data: readonly string[]): Promise<string> {
  const { length, http, connections, streams, place, headers, url } = request;
  const [command, args] = pinned(place, [
    "h2load",
    "calls" in length
      ? `--requests=${length.calls}`
      : `--duration=${Math.round(length.seconds * 1000)}ms`,
    ...(http === "1.1" ? ["--h1"] : []),
    `--clients=${connections}`,
    `--max-concurrent-streams=${streams}`,
    ...data,
    ...headers.flatMap((header) => ["--header", header]),
    url,
  ]);
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  for await (const chunk of child.stdout) output += String(chunk);
  return output;
}

function answersIn(output: string, { url }: SameRequest, loadMs: number): SameAnswers {
  const number = (pattern: RegExp) => Number(pattern.exec(output)?.[1] ?? Number.NaN);
  const perSecond = number(/finished in [^,]+, ([\d.]+) req\/s/);
  const failed = number(/(\d+) failed/);
  if (!(perSecond > 0) || failed !== 0) throw new Error(`${url}: not every call:\n${output}`);
  const bodyBytes = number(/\((\d+)\) data/);
  return { perSecond, succeeded: number(/(\d+) succeeded/), bodyBytes, loadMs };
}
