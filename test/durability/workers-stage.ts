// Tapin with TAPIN_WORKERS, and what a test can learn of its workers: which of them answered, which
// of them live.

import { get } from "node:http";
import { awaitAnswer, awaitCondition } from "../support/await-condition.ts";
import type { Tapin } from "../support/tapin.ts";

/** Token of `/metrics`. */
export const METRICS_TOKEN = "prometheus-token-for-tests";

/** A log line. */
export type LogLine = Readonly<Record<string, unknown>>;

/** Every line it has printed; throws at one that is not whole. */
export function logLines(tapin: Pick<Tapin, "output">): readonly LogLine[] {
  return tapin
    .output()
    .split("\n")
    .map((line) => JSON.parse(line) as LogLine);
}

/** The process id of each worker, by its number: the one that got ready last. */
export function workerPids(tapin: Pick<Tapin, "output">): ReadonlyMap<number, number> {
  const ready = logLines(tapin).filter(({ event }) => event === "worker_ready");
  return new Map(ready.map(({ worker, pid }) => [Number(worker), Number(pid)]));
}

/** Resolves once another process has the place of the worker. */
export async function awaitReplaced(
  tapin: Pick<Tapin, "output">,
  worker: number,
  old: number,
): Promise<number> {
  const replaced = async () => {
    const pid = workerPids(tapin).get(worker);
    return pid === undefined || pid === old ? null : pid;
  };
  return await awaitAnswer(`another process is worker ${worker}`, replaced, 60_000);
}

/** Whether a process of that id is there. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Resolves once none of these processes is there. */
export async function awaitGone(pids: Iterable<number>, timeoutMs: number): Promise<void> {
  const gone = async () => [...pids].every((pid) => !isAlive(pid));
  await awaitCondition("no worker is left", gone, timeoutMs);
}

/** Status and body of a GET on a connection of its own. */
export function getAlone(
  url: string,
  bearer: string,
): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${bearer}` };
    get(url, { agent: false, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
      response.on("error", reject);
    }).on("error", reject);
  });
}

/** The figures of every series of a metric whose labels have all of these, by worker. */
export async function readFigures(
  tapin: Pick<Tapin, "url">,
  metric: string,
  labels: readonly string[] = [],
): Promise<ReadonlyMap<number, number>> {
  const { status, text } = await getAlone(`${tapin.url}/metrics`, METRICS_TOKEN);
  if (status !== 200) throw new Error(`metrics: ${status} ${text}`);
  const found = text
    .split("\n")
    .filter((line) => line.startsWith(`${metric}{`) && labels.every((each) => line.includes(each)))
    .map((line): [number, number] => {
      const [, worker, figure] = /worker="(\d+)".*\} (\S+)$/.exec(line) ?? [];
      return [Number(worker), Number(figure)];
    });
  return new Map(found);
}

/** What the figures of all workers add up to. */
export function sumOf(figures: ReadonlyMap<number, number>): number {
  return [...figures.values()].reduce((sum, figure) => sum + figure, 0);
}
