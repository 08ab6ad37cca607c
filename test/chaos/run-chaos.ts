// A run: logins stream through two processes on one PostgreSQL, over Telegram and MAX, while the
// processes are ended and started again at random moments. What everybody saw is judged afterwards.

import { setTimeout as pause } from "node:timers/promises";
import { makeSite } from "../support/site.ts";
import { type Runtime, TEST_ADMIN_TOKEN } from "../support/tapin.ts";
import { checkHistory, type Verdict } from "./check-history.ts";
import type { ChaosEvent } from "./history.ts";
import { startPeople } from "./messengers.ts";
import { type Processes, startProcesses } from "./processes.ts";
import { readRows } from "./read-rows.ts";
import { type RoundRobin, startRoundRobin } from "./round-robin.ts";
import { startTraffic, type Traffic } from "./traffic.ts";

/** What is done. */
export interface ChaosOptions {
  /** An empty database. */
  readonly databaseUrl: string;
  readonly updates: "polling" | "webhook";
  /** How processes are ended; SIGTERM ends one at a time, SIGKILL now and then both. */
  readonly signal: "SIGKILL" | "SIGTERM";
  /** How often. */
  readonly times: number;
  /** What the two processes run on. Default: Node. */
  readonly runtimes?: readonly [Runtime, Runtime];
  /** People in each messenger. Default: 3. */
  readonly people?: number;
  /** Hears how far it is. */
  readonly onProgress?: (done: number) => void;
}

/** What came of it. */
export interface ChaosReport extends Verdict {
  /** Exit codes of the processes that were ended; null = killed. */
  readonly exits: readonly (number | null)[];
  /** Longest time a process took to end, in milliseconds. */
  readonly longestExitMs: number;
  /** Logins that came to an end. */
  readonly logins: number;
}

/** Longest pause between two signals, in milliseconds. */
const PAUSE_MS = 2_500;

/** Share of the kills that hit both processes at once. */
const BOTH = 0.15;

/** Runs it. */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const { databaseUrl, people = 3, runtimes = ["node", "node"] } = options;
  const history: ChaosEvent[] = [];
  const messengers = await startPeople();
  let processes: Processes | null = null;
  let front: RoundRobin | null = null;
  let traffic: Traffic | null = null;
  try {
    front = await startRoundRobin(() => processes?.addresses ?? []);
    const env = { ...messengers.env, ...settingsOf(options, front.url) };
    processes = await startProcesses(runtimes, env);
    const { addresses } = processes;
    const site = await makeSite({ url: addresses[0] ?? "", adminToken: TEST_ADMIN_TOKEN });
    traffic = startTraffic({
      addresses,
      apiKey: site.apiKey,
      record: (event) => history.push(event),
      people: (["telegram", "max"] as const).flatMap((channel) =>
        Array.from({ length: people }, (_, index) => messengers.person(channel, `${1000 + index}`)),
      ),
    });
    const exits = await endAgainAndAgain(processes, traffic, options);
    await traffic.stop();
    history.push(...(await readRows(databaseUrl)));
    site.close();
    return {
      ...checkHistory(history),
      exits: exits.map(({ code }) => code),
      longestExitMs: Math.max(...exits.map(({ ms }) => ms)),
      logins: traffic.finished,
    };
  } finally {
    await processes?.stop();
    traffic?.close();
    await front?.close();
    await messengers.close();
  }
}

function settingsOf({ databaseUrl, updates }: ChaosOptions, publicUrl: string) {
  return {
    TAPIN_DATABASE_URL: databaseUrl,
    TAPIN_UPDATES: updates,
    TAPIN_PUBLIC_URL: publicUrl,
    TAPIN_RATE_LIMIT: "0",
    TAPIN_FAILURE_LIMIT: "0",
    TAPIN_SESSION_LIMIT: "0",
    TAPIN_SESSION_WATCHERS: "0",
  };
}

type Exit = Awaited<ReturnType<Processes["replace"]>>;

async function endAgainAndAgain(
  processes: Processes,
  traffic: Traffic,
  { times, signal, onProgress }: ChaosOptions,
): Promise<readonly Exit[]> {
  const exits: Exit[] = [];
  while (exits.length < times) {
    await pause(Math.random() * PAUSE_MS);
    const both = signal === "SIGKILL" && Math.random() < BOTH && times - exits.length > 1;
    // A rolling replacement takes one after another.
    const one = signal === "SIGTERM" ? exits.length % 2 : Math.floor(Math.random() * 2);
    const targets = both ? [0, 1] : [one];
    exits.push(...(await Promise.all(targets.map((it) => processes.replace(it, signal)))));
    onProgress?.(exits.length);
  }
  // What the last one left is taken up as well.
  const before = traffic.finished;
  while (traffic.finished < before + 4) await pause(100);
  return exits;
}
