// A soak: one process on PostgreSQL with steady traffic, asked again and again what it holds.

import { setTimeout as pause } from "node:timers/promises";
import { awaitAnswer } from "../support/await-condition.ts";
import { makeSite } from "../support/site.ts";
import { type Runtime, startTapin } from "../support/tapin.ts";
import { checkHistory } from "./check-history.ts";
import type { SoakSample } from "./check-soak.ts";
import type { ChaosEvent } from "./history.ts";
import { startPeople } from "./messengers.ts";
import { readRows } from "./read-rows.ts";
import { makeNoise } from "./soak-noise.ts";
import { startTraffic } from "./traffic.ts";

/** What is done. */
export interface SoakOptions {
  /** An empty database. */
  readonly databaseUrl: string;
  readonly seconds: number;
  /** How often the process is asked. */
  readonly everySeconds: number;
  readonly runtime?: Runtime;
  readonly onSample?: (sample: SoakSample) => void;
}

/** What came of it. */
export interface SoakReport {
  readonly logins: number;
  readonly samples: readonly SoakSample[];
  /** Before the traffic. */
  readonly before: SoakSample;
  /** After the traffic, once nobody watches. */
  readonly after: SoakSample;
  /** What the clients saw that must not be. */
  readonly problems: readonly string[];
}

const METRICS_TOKEN = "metrics-token-of-the-soak";

/** People in each messenger: as many as a busy hour has, six times as fast. */
const PEOPLE = 4;

/** Milliseconds until nothing may be left of the traffic. */
const QUIET_MS = 30_000;

/** Runs it. */
export async function runSoak(options: SoakOptions): Promise<SoakReport> {
  const messengers = await startPeople();
  const env = {
    ...messengers.env,
    TAPIN_DATABASE_URL: options.databaseUrl,
    TAPIN_METRICS_TOKEN: METRICS_TOKEN,
    TAPIN_RATE_LIMIT: "0",
    TAPIN_FAILURE_LIMIT: "0",
    TAPIN_SESSION_LIMIT: "0",
    TAPIN_SESSION_WATCHERS: "0",
  };
  const tapin = await startTapin({ env, ...(options.runtime && { runtime: options.runtime }) });
  try {
    const { url } = tapin;
    const site = await makeSite(tapin);
    const history: ChaosEvent[] = [];
    const before = await readSample(url, 0);
    const people = (["telegram", "max"] as const).flatMap((channel) =>
      Array.from({ length: PEOPLE }, (_, index) => messengers.person(channel, `${1000 + index}`)),
    );
    const { apiKey } = site;
    const record = (event: ChaosEvent) => void history.push(event);
    const traffic = startTraffic({ addresses: [url], apiKey, people, record, pauseMs: 250 });
    const over = new AbortController();
    const noise = makeNoise({ url, apiKey }, over.signal);
    const samples = await Promise.race([
      takeSamples(url, options),
      // It ends by itself only when it fails.
      noise.then(() => Promise.reject(new Error("the noise ended"))),
    ]);
    over.abort();
    await Promise.all([traffic.stop(), noise]);
    traffic.close();
    site.close();
    const after = await quiet(url, before);
    const { problems } = checkHistory([...history, ...(await readRows(options.databaseUrl))]);
    return { logins: traffic.finished, samples, before, after, problems };
  } finally {
    await tapin.end();
    await messengers.close();
  }
}

async function takeSamples(
  url: string,
  { seconds, everySeconds, onSample }: SoakOptions,
): Promise<readonly SoakSample[]> {
  const samples: SoakSample[] = [];
  for (let at = everySeconds; at <= seconds; at += everySeconds) {
    await pause(everySeconds * 1000);
    const sample = await readSample(url, at);
    samples.push(sample);
    onSample?.(sample);
  }
  return samples;
}

/**
 * The process once nobody watches and its sockets have gone; as it is after a while when they have
 * not.
 */
async function quiet(url: string, before: SoakSample): Promise<SoakSample> {
  let last = before;
  const look = async () => {
    last = await readSample(url, 0);
    return last.watchers === 0 && last.descriptors <= before.descriptors ? last : null;
  };
  return await awaitAnswer("nothing is left", look, QUIET_MS).catch(() => last);
}

async function readSample(url: string, seconds: number): Promise<SoakSample> {
  const headers = { authorization: `Bearer ${METRICS_TOKEN}` };
  const text = await (await fetch(`${url}/metrics`, { headers })).text();
  const sum = (name: string) =>
    text
      .split("\n")
      .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
      .reduce((total, line) => total + Number(line.slice(line.lastIndexOf(" "))), 0);
  return {
    seconds,
    rss: sum("process_resident_memory_bytes") / 2 ** 20,
    heap: sum("nodejs_heap_size_used_bytes") / 2 ** 20,
    external: sum("nodejs_external_memory_bytes") / 2 ** 20,
    resources: sum("nodejs_active_resources_total"),
    descriptors: sum("process_open_fds"),
    connections: sum("tapin_database_connections"),
    watchers: sum("tapin_watchers"),
  };
}
