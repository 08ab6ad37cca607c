// TAPIN_WORKERS: several processes behind one port keep every guarantee of one, while they serve,
// when one of them hangs or dies, and when all of them stop.

import { once } from "node:events";
import { connect } from "node:net";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { awaitCondition } from "../support/await-condition.ts";
import { startBotApi } from "../support/bot-api.ts";
import { CLIENTS } from "../support/clients.ts";
import type { ContractClient } from "../support/contract-client.ts";
import { failToStart } from "../support/failed-start.ts";
import { printFigure, stopwatch } from "../support/figure.ts";
import { type OpenWatch, openWatch } from "../support/open-watch.ts";
import { queryOnce } from "../support/postgres.ts";
import { awaitLockWaits, holdLock } from "../support/row-lock.ts";
import { makePostgresStorage, makeSite, type Site } from "../support/site.ts";
import { startTapin, type Tapin } from "../support/tapin.ts";
import {
  awaitGone,
  awaitReplaced,
  getAlone,
  isAlive,
  logLines,
  METRICS_TOKEN,
  readFigures,
  sumOf,
  workerPids,
} from "./workers-stage.ts";

const LOCK_GRANTS = "select 1 from grants for update";

const GET_LINK = ['rpc="tapin.auth.v1.AuthService/GetLink"', 'reason="ok"'];

/** Two workers on a database of their own, and a website. */
async function startStage() {
  const storage = await makePostgresStorage();
  const telegram = await startBotApi(["SharedBot"]);
  const env = {
    ...storage.env,
    ...telegram.env,
    TAPIN_WORKERS: "2",
    TAPIN_METRICS_TOKEN: METRICS_TOKEN,
    TAPIN_SESSION_WATCHERS: "500",
  };
  const tapin = await startTapin({ env });
  const site = await makeSite(tapin);
  const clients: ContractClient[] = [];
  const pids = () => [...workerPids(tapin).values()];
  return {
    tapin,
    site,
    databaseUrl: storage.databaseUrl,
    pids,
    pidOf: (worker: number) => workerPids(tapin).get(worker) ?? 0,
    /** A client with a connection of its own, which any of the workers may accept. */
    client(): ContractClient {
      const made = CLIENTS.gRPC(tapin.url, site.apiKey);
      clients.push(made);
      return made;
    },
    getLink: () => getAlone(`${tapin.url}/v1/auth/link`, site.apiKey),
    /** A person opens the link and taps Login. */
    async openAndTap(link: string | null, userId: string): Promise<void> {
      const bot = telegram.bot(0);
      await bot.open(link, userId);
      await awaitCondition("the bot asks for the login", async () => {
        const { messages } = await bot.sandbox.getChat({ channel: "telegram", userId });
        return messages.at(-1)?.buttons.some(({ label }) => label === "Login") ?? false;
      });
      await bot.tap("Login", userId);
    },
    async stop(): Promise<void> {
      for (const made of clients) made.close();
      site.close();
      for (const pid of pids()) if (isAlive(pid)) process.kill(pid, "SIGCONT");
      await tapin.end();
      await telegram.close();
      await storage.remove();
    },
  };
}

type Stage = Awaited<ReturnType<typeof startStage>>;

/** Watchers of one session, until each worker has some. */
async function watchAtEach(stage: Stage, session: Parameters<typeof openWatch>[1]) {
  const watches: OpenWatch[] = [];
  const look = async () => {
    const opened = openWatch(stage.client(), session);
    expect((await opened.first).status).toBe("pending");
    watches.push(opened);
    const open = await readFigures(stage.tapin, "tapin_watchers");
    return open.size === 2 && [...open.values()].every((count) => count > 0);
  };
  await awaitCondition("each worker has a watcher", look, 30_000);
  return watches;
}

/** A call that is under way until the lock is released: a verify, which waits for the grants. */
async function beginCall({ site, client, openAndTap, databaseUrl }: Stage) {
  const session = await site.rest.createSession();
  const watch = openWatch(client(), session);
  await watch.first;
  await openAndTap(session.telegramLink, "1");
  const code = await watch.code;
  const { release } = await holdLock(databaseUrl, LOCK_GRANTS);
  const call = site.rest.verifyCode({ code });
  call.catch(() => undefined);
  await awaitLockWaits(databaseUrl, 1);
  return { call, release };
}

async function nobodyIsLetIn({ url }: Tapin): Promise<void> {
  await awaitCondition("nobody is let in", async () => {
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    const [error] = await Promise.race([once(socket, "error"), once(socket, "connect")]);
    socket.destroy();
    return (error as NodeJS.ErrnoException | undefined)?.code === "ECONNREFUSED";
  });
}

describe("two workers", { timeout: 120_000 }, () => {
  let stage: Stage;
  let tapin: Tapin;
  let site: Site;
  beforeAll(async () => {
    stage = await startStage();
    ({ tapin, site } = stage);
  });
  afterAll(() => stage?.stop());

  test("all answer on one port, and a login that one of them hears of is told to watchers at each", async () => {
    expect(workerPids(tapin).size).toBe(2);
    const session = await site.rest.createSession();
    const watches = await watchAtEach(stage, session);
    await stage.openAndTap(session.telegramLink, "2");
    const codes = await Promise.all(watches.map(({ code }) => code));
    expect(new Set(codes).size).toBe(1);
    expect((await site.rest.verifyCode({ code: codes[0] ?? "" })).channel).toBe("telegram");
    // One parent, which says nothing of calls; the rest says which worker it comes from, in whole
    // lines.
    const lines = logLines(tapin);
    expect(lines.filter(({ event }) => event === "ready")).toHaveLength(1);
    for (const line of lines.filter(({ event }) => event === "call")) {
      expect([1, 2]).toContain(line.worker);
    }
  });

  test("metrics tell the figures of all, whichever worker is asked", async () => {
    const calls = 40;
    for (let call = 0; call < calls; call += 1) expect((await stage.getLink()).status).toBe(200);
    const figures = () => readFigures(tapin, "tapin_calls_total", GET_LINK);
    await awaitCondition("all calls are counted", async () => sumOf(await figures()) === calls);
    const answers = await Promise.all(Array.from({ length: 10 }, figures));
    for (const answer of answers) expect(sumOf(answer)).toBe(calls);
    const memory = await readFigures(tapin, "process_resident_memory_bytes");
    expect([...memory.keys()].sort()).toEqual([1, 2]);
  });

  test("a worker that hangs takes no call from the others, and one that is killed is replaced", async () => {
    const first = stage.pidOf(1);
    process.kill(first, "SIGSTOP");
    for (let call = 0; call < 30; call += 1) expect((await stage.getLink()).status).toBe(200);
    // Nobody knows the figures of one that hangs.
    const scrape = await getAlone(`${tapin.url}/metrics`, METRICS_TOKEN);
    expect([scrape.status, JSON.parse(scrape.text).code]).toEqual([503, "unavailable"]);
    process.kill(first, "SIGKILL");
    await awaitReplaced(tapin, 1, first);
    const figures = await readFigures(tapin, "process_resident_memory_bytes");
    expect([...figures.keys()].sort()).toEqual([1, 2]);
    const [end] = logLines(tapin).filter(({ event }) => event === "worker_ended");
    expect(end).toMatchObject({ level: "error", worker: 1, code: null, signal: "SIGKILL" });
  });

  test("kill -9 of one under load loses nothing that was answered, and costs each caller one call at most", async () => {
    const callers = 8;
    const answered: string[] = [];
    let failed = 0;
    let stop = false;
    const work = async () => {
      while (!stop) {
        // A connection each time, as the load of many servers has it.
        const caller = CLIENTS.gRPC(tapin.url, site.apiKey);
        try {
          answered.push((await caller.createSession()).sessionId);
        } catch {
          failed += 1;
        }
        caller.close();
      }
    };
    const working = Array.from({ length: callers }, work);
    const more = async (count: number) => {
      const goal = answered.length + count;
      await awaitCondition("calls are answered", async () => answered.length >= goal, 60_000);
    };
    await more(50);
    const second = stage.pidOf(2);
    process.kill(second, "SIGKILL");
    await more(50);
    await awaitReplaced(tapin, 2, second);
    await more(50);
    stop = true;
    await Promise.all(working);
    printFigure("calls that failed as one of two workers was killed", `${failed}`);
    expect(failed).toBeLessThanOrEqual(callers);
    const text = "select count(*)::integer as count from sessions where id = any($1)";
    const [row] = await queryOnce(stage.databaseUrl, text, [answered]);
    expect(row?.count).toBe(answered.length);
  });

  test("a worker that is told to stop ends well and is replaced, so that all can be renewed in turn", async () => {
    const old = stage.pidOf(1);
    process.kill(old, "SIGTERM");
    await awaitReplaced(tapin, 1, old);
    const end = logLines(tapin).findLast(({ event }) => event === "worker_ended");
    expect(end).toMatchObject({ level: "info", worker: 1, code: 0 });
  });
});

describe("two workers that end", { timeout: 120_000 }, () => {
  let stage: Stage;
  beforeEach(async () => {
    stage = await startStage();
  });
  afterEach(() => stage?.stop());

  test("SIGTERM tells all streams, answers the calls under way, lets nobody in, and ends all with 0", async () => {
    const { tapin, site } = stage;
    const { call, release } = await beginCall(stage);
    const watches = await watchAtEach(stage, await site.rest.createSession());
    const pids = stage.pids();
    const watch = stopwatch();
    const exited = tapin.end("SIGTERM");
    for (const { end } of watches) expect(await end).toBe("unavailable");
    await nobodyIsLetIn(tapin);
    await release();
    expect((await call).channel).toBe("telegram");
    expect(await exited).toBe(0);
    printFigure("exit of two workers after SIGTERM with a call under way", String(watch));
    expect(watch.ms).toBeLessThan(10_000);
    for (const pid of pids) expect(isAlive(pid)).toBe(false);
  });

  test("kill -9 of all at once keeps the port, and callers wait until the first is back", async () => {
    const { tapin, getLink } = stage;
    const { port } = new URL(tapin.url);
    const [first, second] = [stage.pidOf(1), stage.pidOf(2)];
    for (const pid of [first, second]) process.kill(pid, "SIGKILL");
    await awaitGone([first, second], 10_000);
    const watch = stopwatch();
    const taking = failToStart("node", { TAPIN_PORT: port, TAPIN_DATA_DIR: "memory" });
    const answers = await Promise.all(Array.from({ length: 8 }, getLink));
    printFigure("wait of callers after kill -9 of all workers", String(watch));
    for (const { status } of answers) expect(status).toBe(200);
    expect((await taking).complaint).toContain("the port is in use");
    await awaitReplaced(tapin, 1, first);
    await awaitReplaced(tapin, 2, second);
    expect(logLines(tapin).filter(({ event }) => event === "ready")).toHaveLength(1);
  });

  test("kill -9 of the parent leaves no worker, and calls under way are answered", async () => {
    const { tapin } = stage;
    const { call, release } = await beginCall(stage);
    const pids = stage.pids();
    await tapin.end("SIGKILL");
    const watch = stopwatch();
    await nobodyIsLetIn(tapin);
    await release();
    expect((await call).channel).toBe("telegram");
    await awaitGone(pids, 10_000);
    printFigure("end of two workers after kill -9 of their parent", String(watch));
  });
});
