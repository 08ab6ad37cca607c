// Many open watchers in one process: memory of each, the cost of their heartbeats, and that all are
// told at the end.

import { spawnSync } from "node:child_process";
import process from "node:process";
import { setTimeout as pause } from "node:timers/promises";
import { type Crowd, gatherCrowd } from "./support/crowd.ts";
import type { Effort, Finding, Scenario } from "./support/scenario.ts";
import type { ServerProcess } from "./support/server-process.ts";
import { completeSessions, openSessions } from "./support/sessions.ts";
import { makeProject, type Stage } from "./support/stage.ts";

const WATCHERS = 50_000;

/** Open files a process keeps for other things than watchers. */
const OTHER_FILES = 500;

/**
 * Connections from one address to one port: the ephemeral ports of Linux (32768-60999), some of
 * which are taken.
 */
const PORTS = 27_000;

/** How fast the sessions are completed at the end, a thousand at a time. */
const LOGINS_PER_SECOND = 1000;

/** Two heartbeats of every watcher. */
const LISTEN_MS = 28_000;

/** One transport and what it should cost. */
interface Kind {
  readonly transport: "grpc" | "sse";
  readonly what: string;
  readonly floorScript: string;
  readonly floorName: string;
  readonly limitKb: number;
}

const KINDS: readonly Kind[] = [
  {
    transport: "grpc",
    what: "gRPC, 100 a connection",
    floorScript: "grpc-streams.ts",
    floorName: "raw HTTP/2",
    limitKb: 10,
  },
  {
    transport: "sse",
    what: "SSE, HTTP/1.1",
    floorScript: "sse-streams.ts",
    floorName: "node:http",
    limitKb: 18,
  },
];

/** The scenario. */
export const watchers: Scenario = {
  name: "watchers",
  about: `${WATCHERS} open watchers of as many sessions in one process, until all are told`,
  leftOut: null,
  missing: () => (process.platform === "linux" ? null : "memory is read from /proc, on Linux"),
  async run(stage, effort) {
    const findings: Finding[] = [];
    for (const kind of KINDS) findings.push(...(await runKind(stage, effort, kind)));
    return findings;
  },
};

async function runKind(stage: Stage, { scale }: Effort, kind: Kind): Promise<readonly Finding[]> {
  const { transport, what, floorName, limitKb } = kind;
  const most = transport === "grpc" ? WATCHERS : Math.min(WATCHERS, PORTS, openFiles());
  const count = Math.ceil(most * scale);
  // Whole, unless it is only to see that it runs.
  const listenMs = Math.min(LISTEN_MS, LISTEN_MS * scale * 20);
  const floorServer = await stage.startFloor(kind.floorScript);
  const floor = await hold(floorServer, { listenMs }, () =>
    gatherCrowd({ url: floorServer.url, apiKey: "none", transport, mark: "w", count }),
  );
  await floor.crowd.leave();
  await floorServer.stop();

  const databaseUrl = await stage.createDatabase();
  const tapinServer = await stage.startTapin(databaseUrl);
  const { url } = tapinServer;
  const { id: projectId, apiKey } = await makeProject(url, databaseUrl);
  const batch = { databaseUrl, projectId, count, mark: "w" };
  await openSessions(batch);
  const tapin = await hold(tapinServer, { listenMs }, () =>
    gatherCrowd({ url, apiKey, transport, mark: "w", count }),
  );
  const codes = await completeSessions(batch, { perSecond: LOGINS_PER_SECOND });
  const completedAt = performance.now();
  const heard = await tapin.crowd.ended();
  const lateMs = Math.round(performance.now() - completedAt);
  const told = codes.filter((code, index) => code === heard.codes[index]).length;
  await tapin.crowd.leave();
  await tapinServer.stop();

  const many = `${count.toLocaleString("en-US")} watchers (${what})`;
  const few =
    count < WATCHERS * scale ? `; as many as this machine's open files and ports allow` : "";
  return [
    {
      what: `${many}, memory of each`,
      unit: "KB",
      floorName,
      floor: [floor.kbEach(count)],
      tapin: [tapin.kbEach(count)],
      goal: { of: "value", is: "at most", limit: limitKb },
      note: `all ${count} opened at ${Math.round(count / tapin.openSeconds)} a second${few}`,
    },
    {
      what: `${many}, heartbeats`,
      unit: "% of a core",
      floorName,
      floor: [floor.busyPercent],
      tapin: [tapin.busyPercent],
      goal: { of: "value", is: "at most", limit: 10 },
    },
    {
      what: `${many}, told of their completion`,
      unit: "watchers",
      floorName: null,
      floor: [],
      tapin: [told],
      goal: { of: "value", is: "at least", limit: count },
      note: `each its own code, at ${LOGINS_PER_SECOND} logins a second, the last one ${lateMs} ms after its login${lostText(heard.lost)}`,
    },
  ];
}

interface Held {
  readonly crowd: Crowd;
  readonly openSeconds: number;
  readonly busyPercent: number;
  kbEach(count: number): number;
}

/** Lets a crowd in and watches the server while nothing but heartbeats happens. */
async function hold(
  server: ServerProcess,
  { listenMs }: { listenMs: number },
  gather: () => Promise<Crowd>,
): Promise<Held> {
  const before = server.residentKb() ?? Number.NaN;
  const openedAt = performance.now();
  const crowd = await gather();
  const openSeconds = (performance.now() - openedAt) / 1000;
  const cpuBefore = server.cpuMs() ?? Number.NaN;
  const listenedAt = performance.now();
  await pause(listenMs);
  const cpuMs = (server.cpuMs() ?? Number.NaN) - cpuBefore;
  const busyPercent = (cpuMs / (performance.now() - listenedAt)) * 100;
  const after = server.residentKb() ?? Number.NaN;
  return { crowd, openSeconds, busyPercent, kbEach: (count) => (after - before) / count };
}

function lostText(lost: readonly string[]): string {
  const ways = [...new Set(lost)].map(
    (how) => `${lost.filter((each) => each === how).length} ${how}`,
  );
  return ways.length === 0 ? "" : `; streams that ended without: ${ways.join(", ")}`;
}

/** Sockets a process may have. */
function openFiles(): number {
  const { stdout } = spawnSync("sh", ["-c", "ulimit -Hn"], { encoding: "utf8" });
  const limit = Number(stdout.trim());
  return Number.isNaN(limit) ? WATCHERS : limit - OTHER_FILES;
}
