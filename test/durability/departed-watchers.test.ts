// T24: watchers that vanish without a goodbye, half of them without ever having read, leave nothing
// behind: no follower, no timer, and no place taken among the watchers that a session may have.

import { type ChildProcess, spawn } from "node:child_process";
import { createInterface, type Interface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { awaitAnswer } from "../support/await-condition.ts";
import { CLIENTS } from "../support/clients.ts";
import { refusalOf } from "../support/contract-client.ts";
import { printFigure, stopwatch } from "../support/figure.ts";
import { RAW_WATCHERS, type RawWatch, type RawWatcher } from "../support/raw-watcher.ts";
import { RUNTIMES, type Runtime } from "../support/tapin.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const SCRIPT = fileURLToPath(new URL("./watched-server.ts", import.meta.url));
const COMMANDS: Record<Runtime, readonly [string, ...string[]]> = {
  node: [`${ROOT}node_modules/.bin/node`, "--expose-gc", SCRIPT],
  deno: [
    `${ROOT}node_modules/.bin/deno`,
    "run",
    "--no-prompt",
    "--allow-all",
    "--v8-flags=--expose-gc",
    SCRIPT,
  ],
};

/** Watchers of each form. */
const EACH = 334;

/** All of them, and as many as the session may have. */
const ALL = EACH * Object.keys(RAW_WATCHERS).length;

/** Milliseconds that opening all of them may take on a busy machine. */
const OPEN_MS = 90_000;

/** Milliseconds until nothing may be left of them (facts of the gateway, bar 6). */
const LIMIT_MS = 5000;

/** What they may leave on the heap: a tenth of what one stream each would keep. */
const HEAP_LIMIT_MEGABYTES = 4;

/** What the server tells of itself. */
interface Census {
  readonly followers: number;
  readonly timers: number;
  readonly rssMegabytes: number;
}

/** The server in its own process. */
class WatchedServer {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(runtime: Runtime) {
    const [command, ...args] = COMMANDS[runtime];
    this.#child = spawn(command, [...args, String(ALL)], {
      cwd: ROOT,
      stdio: ["pipe", "pipe", "inherit"],
    });
    const lines: Interface = createInterface({
      input: this.#child.stdout as NodeJS.ReadableStream,
    });
    this.#lines = lines[Symbol.asyncIterator]();
  }

  async read<T>(): Promise<T> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error("the server has ended");
    return JSON.parse(value) as T;
  }

  census(): Promise<Census> {
    this.#child.stdin?.write("census\n");
    return this.read();
  }

  /** MiB that can still be reached. */
  async heap(): Promise<number> {
    this.#child.stdin?.write("heap\n");
    return (await this.read<{ megabytes: number }>()).megabytes;
  }

  end(): void {
    this.#child.kill("SIGKILL");
  }
}

/** Opens as many watchers as the session may have, every other one without ever reading. */
async function openAll(server: WatchedServer, watch: Omit<RawWatch, "reads">) {
  const watchers = await Promise.all(
    Object.values(RAW_WATCHERS).flatMap((open) =>
      Array.from({ length: EACH }, (_, index) => open({ ...watch, reads: index % 2 === 0 })),
    ),
  );
  const during = await awaitAnswer(
    "all of them are followed",
    async () => {
      const now = await server.census();
      return now.followers === ALL ? now : null;
    },
    OPEN_MS,
  );
  return { watchers, during };
}

/** The census once nobody is followed and no more timers run than before. */
async function nothingLeft(server: WatchedServer, before: Census): Promise<Census> {
  let now = before;
  const look = async () => {
    now = await server.census();
    return now.followers === 0 && now.timers <= before.timers ? now : null;
  };
  return await awaitAnswer("nobody is followed and no timer runs", look, LIMIT_MS).catch(
    (error: Error) => {
      throw new Error(`${error.message}: ${JSON.stringify({ before, now })}`);
    },
  );
}

function vanish(watchers: readonly RawWatcher[]): void {
  for (const [index, watcher] of watchers.entries()) watcher.vanish(index % 4 < 2);
}

describe.each(RUNTIMES)("watchers that vanish, on %s", { timeout: 240_000 }, (runtime) => {
  let server: WatchedServer;
  beforeEach(() => {
    server = new WatchedServer(runtime);
  });
  afterEach(() => server.end());

  test("T24 1,000 watchers killed without goodbye leave no follower, no timer and no place taken", async () => {
    const { port, apiKey } = await server.read<{ port: number; apiKey: string }>();
    const website = CLIENTS.REST(`http://127.0.0.1:${port}`, apiKey);
    const { sessionId, watchToken } = await website.createSession();
    // Whatever the first calls leave for a while, such as a kept connection, is there before and
    // after.
    const before = await server.census();
    expect(before.followers).toBe(0);
    const watch = { port, sessionId, bearer: watchToken };
    const { watchers, during } = await openAll(server, watch);
    const refusal = await refusalOf(website.watchSession(sessionId));
    expect(refusal.reason).toBe("rate_limited");
    expect(during.timers).toBeGreaterThan(before.timers);

    const gone = stopwatch();
    vanish(watchers);
    const after = await nothingLeft(server, before);
    printFigure(`${ALL} watchers forgotten, ${runtime}`, String(gone));
    const memory = [before, during, after].map(({ rssMegabytes }) => rssMegabytes).join(", ");
    printFigure(`resident megabytes before, during, after, ${runtime}`, memory);
    const heap = await server.heap();
    // As many find a place as before. What the first ones left for good, such as compiled code, is
    // there already.
    vanish((await openAll(server, watch)).watchers);
    await nothingLeft(server, before);
    const growth = (await server.heap()) - heap;
    printFigure(`heap left by ${ALL} more, ${runtime}`, `${growth.toFixed(2)} MiB`);
    expect(growth).toBeLessThan(HEAP_LIMIT_MEGABYTES);
    expect(await website.cancelSession(sessionId)).toEqual({ status: "cancelled" });
  });
});
