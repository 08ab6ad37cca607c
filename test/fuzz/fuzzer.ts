// The fuzzer: a running service, rounds of hostile requests over every way in, and what its memory
// did meanwhile.

import { startTapin, type Tapin, type TapinOptions } from "../support/tapin.ts";
import { runFrames } from "./frame-lane.ts";
import { hostileRequest, type Known } from "./hostile-request.ts";
import { runHttp1 } from "./http1-lane.ts";
import { runHttp2 } from "./http2-lane.ts";
import { seeded } from "./random.ts";
import { type LaneParts, Tally } from "./tally.ts";

/** Requests of a round. */
export const ROUND = 20_000;

/** Share of each way in. The rest comes as broken frames, each on a connection of its own. */
const HTTP1_SHARE = 0.62;
const HTTP2_SHARE = 0.37;

/** Many, since some wait for a limit of the server. */
const HTTP1_LANES = 10;
const HTTP2_LANES = 2;
const FRAME_LANES = 2;

/**
 * Megabytes that JavaScript objects may take: little, so that garbage goes soon and what is left
 * shows, and a leak of some hundred bytes a request ends the service.
 */
const HEAP_LIMIT = 192;
const V8_FLAGS = `--max-old-space-size=${HEAP_LIMIT}`;

const METRICS_TOKEN = "metrics-of-the-fuzzed-service";

/** What a round was and did. */
export interface Round {
  readonly tally: Tally;
  readonly ms: number;
  /** Figures of the service after it. */
  readonly census: Census;
}

/** What the service tells of itself. */
export interface Census {
  /** Megabytes of JavaScript objects, garbage among them. */
  readonly heap: number;
  /** Megabytes of the process. */
  readonly resident: number;
  /** Seconds of CPU time since its start. */
  readonly cpu: number;
}

/** A service under fire. */
export interface Fuzzer {
  readonly tapin: Tapin;
  readonly seed: number;
  /** Runs the next round. The same seed and round give the same requests. */
  round(requests?: number): Promise<Round>;
  /** Fails unless a session can be created, watched and cancelled. */
  login(): Promise<void>;
  /** Lines of the log that tell of a bug. */
  complaints(): readonly string[];
}

/**
 * Starts a service to fuzz: without limits a minute, which would refuse all but the first requests.
 */
export async function startFuzzer(seed: number, options: TapinOptions = {}): Promise<Fuzzer> {
  const tapin = await startTapin({
    ...options,
    env: {
      // Two hundred thousand calls would be as many lines.
      TAPIN_LOG_LEVEL: "warn",
      TAPIN_RATE_LIMIT: "0",
      TAPIN_FAILURE_LIMIT: "0",
      TAPIN_SESSION_LIMIT: "0",
      TAPIN_METRICS_TOKEN: METRICS_TOKEN,
      NODE_OPTIONS: V8_FLAGS,
      DENO_V8_FLAGS: V8_FLAGS,
      ...options.env,
    },
  });
  const known = await makeKnown(tapin);
  let rounds = 0;
  return {
    tapin,
    seed,
    async round(requests = ROUND) {
      const startedAt = performance.now();
      const lanes = { tapin, known, seed: seed + rounds++, isNode: options.runtime !== "deno" };
      const tally = await runRound(lanes, requests);
      return { tally, ms: performance.now() - startedAt, census: await readCensus(tapin) };
    },
    login: async () => {
      const { sessionId } = await makeKnown(tapin);
      const answer = await call(tapin, "GET", `/v1/auth/session/${sessionId}/status`);
      if (answer.status !== "cancelled") throw new Error(`status ${answer.status}`);
    },
    complaints: () =>
      tapin
        .output()
        .split("\n")
        .filter((line) => COMPLAINT.test(line)),
  };
}

/** A line by which a stranger would have woken the operator. */
const COMPLAINT =
  /"level":"(error|fatal)"|"level":"warn".*"event":"call"|unhandled|uncaught|_failed/i;

interface RoundParts {
  readonly tapin: Tapin;
  readonly known: Known;
  readonly seed: number;
  readonly isNode: boolean;
}

async function runRound(parts: RoundParts, requests: number): Promise<Tally> {
  const { tapin, known, seed, isNode } = parts;
  const { url } = tapin;
  const tally = new Tally();
  const http1 = Math.round(requests * HTTP1_SHARE);
  const http2 = Math.round(requests * HTTP2_SHARE);
  const requestsFrom = (indexes: () => number | null) => (): ReturnType<LaneParts["supply"]> => {
    const index = indexes();
    return index === null ? null : { index, request: hostileRequest(seeded(seed, index), known) };
  };
  const overHttp1 = requestsFrom(countTo(0, http1));
  const overHttp2 = requestsFrom(countTo(http1, http1 + http2));
  const frames = countTo(http1 + http2, requests);
  const supply = () => {
    const index = frames();
    return index === null ? null : { index, random: seeded(seed, index) };
  };
  await Promise.all([
    ...Array.from({ length: HTTP1_LANES }, () => runHttp1({ url, supply: overHttp1, tally })),
    ...Array.from({ length: HTTP2_LANES }, () => runHttp2({ url, supply: overHttp2, tally })),
    ...Array.from({ length: FRAME_LANES }, () =>
      runFrames({ url, supply, tally, anything: isNode }),
    ),
  ]);
  return tally;
}

/** Counts for several at once. */
function countTo(start: number, end: number): () => number | null {
  let next = start;
  return () => (next < end ? next++ : null);
}

async function makeKnown(tapin: Tapin): Promise<Known> {
  const session = await call(tapin, "POST", "/v1/auth/session", "{}");
  const sessionId = String(session.session_id);
  await call(tapin, "DELETE", `/v1/auth/session/${sessionId}`);
  const { apiKey, adminToken } = tapin;
  return { apiKey, adminToken, sessionId, watchToken: String(session.watch_token) };
}

async function call(tapin: Tapin, method: string, path: string, body?: string) {
  const response = await fetch(tapin.url + path, {
    method,
    headers: { authorization: `Bearer ${tapin.apiKey}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body }),
  });
  if (!response.ok)
    throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as Record<string, unknown>;
}

async function readCensus(tapin: Tapin): Promise<Census> {
  const headers = { authorization: `Bearer ${METRICS_TOKEN}` };
  const text = await (await fetch(`${tapin.url}/metrics`, { headers })).text();
  const read = (name: string) => Number(new RegExp(`^${name} (\\S+)`, "m").exec(text)?.[1]);
  return {
    heap: Math.round(read("nodejs_heap_size_used_bytes") / 2 ** 20),
    resident: Math.round(read("process_resident_memory_bytes") / 2 ** 20),
    cpu: Math.round(read("process_cpu_seconds_total")),
  };
}
