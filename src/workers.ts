// The parent of TAPIN_WORKERS: starts the workers, puts another in the place of one that ended,
// passes signals on. It serves nobody itself. The workers share one listening socket, which this
// process binds for them and keeps open (decision 0024). What a worker says and hears is in
// worker.ts.

import { type ChildProcess as Child, fork, type StdioOptions } from "node:child_process";
import { lookup } from "node:dns/promises";
// Deno has no BoundSocket, and gets no further than the sentence that refuses it.
import net, { type BoundSocket } from "node:net";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { Logger } from "pino";
import type { Config } from "./config.ts";
import { cannotListen } from "./port.ts";
import type { Figures } from "./server/metrics.ts";
import { type FromWorker, GATHER_MS, type ToWorker } from "./worker.ts";

const MAIN = fileURLToPath(new URL("./main.ts", import.meta.url));

/**
 * Milliseconds until workers that do not stop are killed: after their own limit, and within the 10
 * s of contract section 6.
 */
const STOP_LIMIT_MS = 9750;

/**
 * Milliseconds after which a second signal is meant: a terminal and npm may both send the first
 * one.
 */
const IMPATIENT_MS = 1000;

/**
 * Milliseconds before a worker that ended is replaced; twice as long each time, when it did not
 * last.
 */
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 30_000;

/**
 * Milliseconds of life after which a worker's end is no longer taken for that of one that cannot
 * live.
 */
const STEADY_MS = 60_000;

/** Starts that fail in a row, while no worker serves, after which the parent gives up. */
const MAX_FAILED_STARTS = 5;

/** A worker's place. */
interface Place {
  readonly number: number;
  child: Child | null;
  ready: boolean;
  /** Ends in a row of workers that did not last. */
  quickEnds: number;
}

/** How a worker ended. */
interface End {
  readonly code: number | null;
  readonly signal: string | null;
}

/** A worker's question for the figures of all. */
interface Gathering {
  readonly asker: Child;
  readonly id: number;
  readonly waitedFor: Set<Child>;
  readonly all: Figures[];
}

/**
 * Starts the workers of the settings and resolves once all of them serve. From then on it watches
 * them until a signal ends the process. Rejects with a sentence where there can be none; ends the
 * process with code 1 when one cannot start, which has told why.
 */
export async function startWorkers(config: Config, log: Logger): Promise<void> {
  if ("Deno" in globalThis) {
    // A program that may start others may start them with all permissions, and Deno starts workers
    // like that.
    throw new Error(
      `TAPIN_WORKERS is ${config.workers}, which needs Node (npm start). On Deno, start several processes with a TAPIN_PORT each.`,
    );
  }
  // A socket has no descriptor there that another process could be given.
  if (process.platform === "win32") {
    throw new Error(`TAPIN_WORKERS is ${config.workers}, and on Windows there is no more than 1.`);
  }
  log.info({ event: "starting", database: "postgresql", workers: config.workers });
  await new Parent(config.workers, await bind(config), log).start();
}

/**
 * The socket of all workers. It is never accepted from here, and it stays when none of them lives:
 * callers wait in it.
 */
async function bind({ host, port }: Config): Promise<BoundSocket> {
  try {
    const { address } = await lookup(host);
    return new net.BoundSocket({ host: address, port });
  } catch (cause) {
    throw cannotListen({ host, port }, cause as NodeJS.ErrnoException);
  }
}

class Parent {
  readonly #log: Logger;
  readonly #socket: BoundSocket;
  readonly #places: readonly Place[];
  readonly #gatherings = new Map<number, Gathering>();
  #gathered = 0;
  #failedStarts = 0;
  /** When, and what the process will end with. */
  #stopping: { readonly since: number; code: number } | null = null;

  constructor(count: number, socket: BoundSocket, log: Logger) {
    this.#log = log;
    this.#socket = socket;
    this.#places = Array.from({ length: count }, (_, index) => {
      return { number: index + 1, child: null, ready: false, quickEnds: 0 };
    });
  }

  async start(): Promise<void> {
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      process.on(signal, () => this.#onSignal(signal));
    }
    const [first, ...others] = this.#places as readonly [Place, ...Place[]];
    try {
      // What is wrong with settings, database or port is told once, by the first.
      const url = await this.#fork(first);
      await Promise.all(others.map((place) => this.#fork(place)));
      this.#log.info({ event: "ready", url }, "Tapin is ready");
    } catch (error) {
      if (this.#stopping !== null) return;
      // A worker that ends with 1 has said why.
      const { code, signal } = error as End;
      if (code !== 1) say(`Tapin cannot start: a worker ended with ${signal ?? code}.`);
      this.#stop("SIGTERM", 1);
    }
  }

  /**
   * Starts a worker; resolves with its address once it serves, rejects with its end when that comes
   * first.
   */
  #fork(place: Place): Promise<string> {
    return new Promise((resolve, reject) => {
      const startedAt = performance.now();
      const child = this.#tryFork(place);
      if (child === null) {
        const end = { code: null, signal: null };
        reject(end);
        this.#onEnd(place, { ...end, child, ms: 0 });
        return;
      }
      place.child = child;
      // Others may speak here, too: `node --watch` tells of each file.
      child.on("message", (message: FromWorker) => {
        if (message.kind === "gather") this.#gather(child, message.id);
        if (message.kind === "told") this.#told(child, message);
        if (message.kind === "ready") {
          this.#onReady(place, child);
          resolve(message.url);
        }
      });
      const onEnd = (end: End) => {
        if (place.child !== child) return;
        reject(end);
        this.#onEnd(place, { ...end, child, ms: performance.now() - startedAt });
      };
      child.on("exit", (code, signal) => onEnd({ code, signal }));
      // No process could be started: nothing else would tell.
      child.on("error", () => {
        if (child.pid === undefined) onEnd({ code: null, signal: null });
      });
    });
  }

  /** Null = no process could be started, such as for want of memory. */
  #tryFork({ number }: Place): Child | null {
    try {
      const stdio: StdioOptions = ["ignore", "inherit", "inherit", "ipc", this.#socket.fd()];
      return fork(MAIN, ["worker", String(number)], { stdio });
    } catch (err) {
      this.#log.error({ event: "worker_ended", err }, "no process could be started");
      return null;
    }
  }

  #onReady(place: Place, child: Child): void {
    place.ready = true;
    this.#failedStarts = 0;
    this.#log.info({ event: "worker_ready", worker: place.number, pid: child.pid });
  }

  #onEnd(
    place: Place,
    { code, signal, child, ms }: End & { child: Child | null; ms: number },
  ): void {
    const served = place.ready;
    place.child = null;
    place.ready = false;
    if (child !== null) {
      for (const gathering of this.#gatherings.values()) this.#heardOf(child, gathering);
    }
    if (this.#stopping !== null) {
      // One that was still starting has no stop of its own.
      if (served && code !== 0) this.#stopping.code = 1;
      this.#endWhenAlone();
      return;
    }
    if (!served) this.#failedStarts += 1;
    const event = { event: "worker_ended", worker: place.number, code, signal };
    this.#log[code === 0 ? "info" : "error"](event, "a worker ended");
    this.#replace(place, ms);
  }

  #replace(place: Place, ms: number): void {
    const nobodyServes = this.#places.every(({ ready }) => !ready);
    if (nobodyServes && this.#failedStarts >= MAX_FAILED_STARTS) {
      say(`Tapin ends: its workers could not start, ${this.#failedStarts} times in a row.`);
      this.#stop("SIGTERM", 1);
      return;
    }
    place.quickEnds = ms < STEADY_MS ? place.quickEnds + 1 : 1;
    const pause = Math.min(FIRST_PAUSE_MS * 2 ** (place.quickEnds - 1), LONGEST_PAUSE_MS);
    setTimeout(() => {
      // How it ends is seen to by #onEnd.
      if (this.#stopping === null) this.#fork(place).catch(() => undefined);
    }, pause);
  }

  #onSignal(signal: "SIGTERM" | "SIGINT"): void {
    if (this.#stopping === null) {
      this.#log.info({ event: "stopping", signal }, "Tapin is stopping");
      this.#stop(signal, 0);
    } else if (performance.now() - this.#stopping.since > IMPATIENT_MS) this.#kill();
  }

  #stop(signal: "SIGTERM" | "SIGINT", code: number): void {
    this.#stopping = { since: performance.now(), code };
    // With those of the workers, it is the end of the socket: nobody is let in any more.
    this.#socket.close();
    for (const { child } of this.#places) child?.kill(signal);
    setTimeout(() => this.#kill(), STOP_LIMIT_MS);
    this.#endWhenAlone();
  }

  #endWhenAlone(): void {
    if (this.#places.every(({ child }) => child === null)) process.exit(this.#stopping?.code);
  }

  #kill(): void {
    for (const { child } of this.#places) child?.kill("SIGKILL");
    process.exit(1);
  }

  #gather(asker: Child, id: number): void {
    const ready = this.#places.filter((place) => place.ready);
    const waitedFor = new Set(ready.flatMap(({ child }) => child ?? []));
    this.#gathered += 1;
    const token = this.#gathered;
    this.#gatherings.set(token, { asker, id, waitedFor, all: [] });
    setTimeout(() => this.#gatherings.delete(token), GATHER_MS).unref();
    for (const child of waitedFor) send(child, { kind: "tell", id: token });
  }

  #told(child: Child, { id, figures }: Extract<FromWorker, { kind: "told" }>): void {
    const gathering = this.#gatherings.get(id);
    if (gathering === undefined) return;
    gathering.all.push(figures);
    this.#heardOf(child, gathering);
  }

  #heardOf(child: Child, { asker, id, waitedFor, all }: Gathering): void {
    if (waitedFor.delete(child) && waitedFor.size === 0) send(asker, { kind: "gathered", id, all });
  }
}

function send(child: Child, message: ToWorker): void {
  // One that is ending hears nothing, and its end is told by `exit`.
  child.send(message, () => undefined);
}

function say(sentence: string): void {
  process.stderr.write(`${sentence}\n`);
}
