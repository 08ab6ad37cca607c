// Load over HTTP/2, by h2load of nghttp2: unary gRPC calls with a body from a file.

import { spawn, spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { Round } from "./contest.ts";
import type { Place } from "./cores.ts";
import { pinned } from "./cores.ts";
import type { Length } from "./scenario.ts";

/** Connections. */
export const GRPC_CONNECTIONS = 8;
/** Calls under way on each connection. */
export const GRPC_STREAMS = 16;

/** One unary call, sent again and again. */
export interface GrpcLoad {
  readonly url: string;
  /** Such as `/tapin.auth.v1.AuthService/GetSessionStatus`. */
  readonly path: string;
  readonly apiKey: string;
  /** The request message, in Protobuf. */
  readonly message: Uint8Array;
  /** Bytes of every answer message: an error has none, so the sum tells whether all succeeded. */
  readonly answerBytes: number;
  readonly length: Length;
  /** Default `load`. */
  readonly place?: Place;
}

/** Why there is no h2load here; null = there is one. As root on Debian it is installed, unless `install` is false. */
export function h2loadMissing(install: boolean): string | null {
  const isThere = () => spawnSync("h2load", ["--version"], { stdio: "ignore" }).status === 0;
  if (isThere()) return null;
  if (install && process.getuid?.() === 0) {
    const options = {
      stdio: "ignore",
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    } as const;
    spawnSync("apt-get", ["update", "-qq"], options);
    spawnSync(
      "apt-get",
      ["install", "-y", "-qq", "--no-install-recommends", "nghttp2-client"],
      options,
    );
    if (isThere()) return null;
  }
  return "h2load is missing (Debian: nghttp2-client)";
}

/** Calls a second. Rejects unless every call succeeded. */
export async function grpcLoad(load: GrpcLoad): Promise<Round> {
  const folder = await mkdtemp(join(tmpdir(), "tapin-bench-"));
  try {
    const body = join(folder, "body");
    await writeFile(body, framed(load.message));
    const startedAt = performance.now();
    const figure = rateIn(await runH2load(load, body), load);
    return { figure, loadMs: performance.now() - startedAt };
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** A message with the five bytes before it that say it is not compressed, and its length (gRPC over HTTP/2, "Length-Prefixed-Message"). */
export function framed(message: Uint8Array): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

async function runH2load(load: GrpcLoad, body: string): Promise<string> {
  const { length } = load;
  const headers = [
    "content-type: application/grpc",
    "te: trailers",
    `authorization: Bearer ${load.apiKey}`,
  ];
  const [command, args] = pinned(load.place ?? "load", [
    "h2load",
    "calls" in length
      ? `--requests=${length.calls}`
      : `--duration=${Math.round(length.seconds * 1000)}ms`,
    `--clients=${GRPC_CONNECTIONS}`,
    `--max-concurrent-streams=${GRPC_STREAMS}`,
    `--data=${body}`,
    ...headers.flatMap((header) => ["--header", header]),
    load.url + load.path,
  ]);
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  for await (const chunk of child.stdout) output += String(chunk);
  return output;
}

function rateIn(output: string, { path, answerBytes }: GrpcLoad): number {
  const number = (pattern: RegExp) => Number(pattern.exec(output)?.[1] ?? Number.NaN);
  const rate = number(/finished in [^,]+, ([\d.]+) req\/s/);
  const succeeded = number(/(\d+) succeeded/);
  const failed = number(/(\d+) failed/);
  const data = number(/\((\d+)\) data/);
  const bytes = answerBytes + 5;
  // When time is up, answers whose end has not come yet are counted in data but not as calls.
  const unfinished = data / bytes - succeeded;
  const isWhole = failed === 0 && unfinished >= 0 && unfinished <= GRPC_CONNECTIONS * GRPC_STREAMS;
  if (!(rate > 0) || !isWhole) throw new Error(`${path}: not every call succeeded:\n${output}`);
  return rate;
}
