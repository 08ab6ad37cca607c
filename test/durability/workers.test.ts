// TAPIN_WORKERS: several processes behind one port keep every guarantee of one, while they serve, when one of them hangs or
// dies, and when all of them stop.

import { once } from "node:events";
import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { awaitAnswer, awaitCondition } from "../support/await-condition.ts";
import { type BotApi, startBotApi } from "../support/bot-api.ts";
import { CLIENTS } from "../support/clients.ts";
import type { ContractClient, DialectName } from "../support/contract-client.ts";
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

describe("two workers", { timeout: 120_000 }, () => {
  let storage: Awaited<ReturnType<typeof makePostgresStorage>>;
  let telegram: BotApi;
  let tapin: Tapin;
  let site: Site;
  let pids: readonly number[];
  const clients: ContractClient[] = [];
  beforeEach(async () => {
    storage = await makePostgresStorage();
    telegram = await startBotApi(["SharedBot"]);
    const env = {
      ...storage.env,
      ...telegram.env,
      TAPIN_WORKERS: "2",
      TAPIN_METRICS_TOKEN: METRICS_TOKEN,
      TAPIN_SESSION_WATCHERS: "500",
    };
    tapin = await startTapin({ env });
    site = await makeSite(tapin);
    pids = [...workerPids(tapin).values()];
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    site?.close();
    for (const pid of pids) if (isAlive(pid)) process.kill(pid, "SIGCONT");
    await tapin?.end();
    await telegram?.close();
    await storage?.remove();
  });

  function client(dialect: DialectName): ContractClient {
    const made = CLIENTS[dialect](tapin.url, site.apiKey);
    clients.push(made);
    return made;
  }

  const getLink = () => getAlone(`${tapin.url}/v1/auth/link`, site.apiKey);

  /** Watchers of one session, until each worker has some. */
  async function watchAtEach(session: Parameters<typeof openWatch>[1]) {
    const watches: OpenWatch[] = [];
    await awaitCondition("each worker has a watcher", async () => {
      // A gRPC client has a connection of its own, which any of the workers may have accepted.
      const opened = openWatch(client("gRPC"), session);
      expect((await opened.first).status).toBe("pending");
      watches.push(opened);
      const open = await readFigures(tapin, "tapin_watchers");
      return open.size === 2 && [...open.values()].every((count) => count > 0);
    });
    return watches;
  }

  async function openAndTap(link: string | null): Promise<void> {
    const bot = telegram.bot(0);
    await bot.open(link, "1");
    await awaitAnswer("the bot asks for the login", async () => {
      const { messages } = await bot.sandbox.getChat({ channel: "telegram", userId: "1" });
      return messages.at(-1)?.buttons.some(({ label }) => label === "Login") ? messages : null;
    });
    await bot.tap("Login", "1");
  }

  test("all answer on one port, and a login that one of them hears of is told to watchers at each", async () => {
    expect(workerPids(tapin).size).toBe(2);
    const session = await site.rest.createSession();
    const watches = await watchAtEach(session);
    await openAndTap(session.telegramLink);
    const codes = await Promise.all(watches.map(({ code }) => code));
    expect(new Set(codes).size).toBe(1);
    expect((await site.rest.verifyCode({ code: codes[0] ?? "" })).channel).toBe("telegram");
    // One parent, which says nothing of calls; the rest says which worker it comes from, in whole lines.
    const lines = logLines(tapin);
    expect(lines.filter(({ event }) => event === "ready")).toHaveLength(1);
    for (const line of lines.filter(({ event }) => event === "call")) {
      expect([1, 2]).toContain(line.worker);
    }
  });

  test("metrics tell the figures of all, whichever worker is asked", async () => {
    const calls = 40;
    for (let call = 0; call < calls; call += 1) expect((await getLink()).status).toBe(200);
    const figures = () => readFigures(tapin, "tapin_calls_total", GET_LINK);
    await awaitCondition("all calls are counted", async () => sumOf(await figures()) === calls);
    const answers = await Promise.all(Array.from({ length: 10 }, figures));
    for (const answer of answers) expect(sumOf(answer)).toBe(calls);
    const memory = await readFigures(tapin, "process_resident_memory_bytes");
    expect([...memory.keys()]).toEqual([1, 2]);
  });

  test("a worker that hangs takes no call from the others, and one that is killed is replaced", async () => {
    const [first = 0] = pids;
    process.kill(first, "SIGSTOP");
    for (let call = 0; call < 30; call += 1) expect((await getLink()).status).toBe(200);
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
    const [, second = 0] = pids;
    process.kill(second, "SIGKILL");
    await more(50);
    await awaitReplaced(tapin, 2, second);
    await more(50);
    stop = true;
    await Promise.all(working);
    printFigure("calls that failed as one of two workers was killed", `${failed}`);
    expect(failed).toBeLessThanOrEqual(callers);
    const text = "select count(*)::integer as count from sessions where id = any($1)";
    const [row] = await queryOnce(storage.databaseUrl, text, [answered]);
    expect(row?.count).toBe(answered.length);
  });

  test("SIGTERM tells all streams, answers the calls under way, lets nobody in, and ends all with 0", async () => {
    const [login, session] = [await site.rest.createSession(), await site.rest.createSession()];
    const watches = await watchAtEach(session);
    const told = openWatch(client("gRPC"), login);
    await told.first;
    await openAndTap(login.telegramLink);
    const code = await told.code;
    const lock = await holdLock(storage.databaseUrl, LOCK_GRANTS);
    const call = site.rest.verifyCode({ code });
    await awaitLockWaits(storage.databaseUrl, 1);
    const watch = stopwatch();
    const exited = tapin.end("SIGTERM");
    for (const { end } of watches) expect(await end).toBe("unavailable");
    await awaitCondition("nobody is let in", refused);
    await lock.release();
    expect((await call).channel).toBe("telegram");
    expect(await exited).toBe(0);
    printFigure("exit of two workers after SIGTERM with a call under way", String(watch));
    expect(watch.ms).toBeLessThan(10_000);
    for (const pid of pids) expect(isAlive(pid)).toBe(false);
  });

  test("kill -9 of the parent leaves no worker, and calls under way are answered", async () => {
    const session = await site.rest.createSession();
    const told = openWatch(client("gRPC"), session);
    await told.first;
    await openAndTap(session.telegramLink);
    const code = await told.code;
    const lock = await holdLock(storage.databaseUrl, LOCK_GRANTS);
    const call = site.rest.verifyCode({ code });
    await awaitLockWaits(storage.databaseUrl, 1);
    await tapin.end("SIGKILL");
    await awaitCondition("nobody is let in", refused);
    await lock.release();
    expect((await call).channel).toBe("telegram");
    await awaitGone(pids, 10_000);
  });

  test("a worker that is told to stop ends well and is replaced, so that all can be renewed in turn", async () => {
    const [first = 0] = pids;
    process.kill(first, "SIGTERM");
    await awaitReplaced(tapin, 1, first);
    const [end] = logLines(tapin).filter(({ event }) => event === "worker_ended");
    expect(end).toMatchObject({ level: "info", worker: 1, code: 0 });
  });

  async function refused(): Promise<boolean> {
    const socket = connect(Number(new URL(tapin.url).port), "127.0.0.1");
    const [error] = await Promise.race([once(socket, "error"), once(socket, "connect")]);
    socket.destroy();
    return (error as NodeJS.ErrnoException | undefined)?.code === "ECONNREFUSED";
  }
});
