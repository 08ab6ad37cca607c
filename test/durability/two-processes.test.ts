// Several processes on one PostgreSQL: a change made at one wakes the watchers of another, work
// that must be done once has one doer, and a dead doer is replaced.

import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { LISTENER_NAME } from "../../src/store/listener.ts";
import { awaitAnswer, awaitCondition } from "../support/await-condition.ts";
import { type BotApi, type PretendBot, startBotApi } from "../support/bot-api.ts";
import { CLIENTS } from "../support/clients.ts";
import type { ContractClient, DialectName, WatchMessage } from "../support/contract-client.ts";
import { printFigure, stopwatch } from "../support/figure.ts";
import { makePerson } from "../support/person.ts";
import { queryOnce } from "../support/postgres.ts";
import { makePostgresStorage, makeSite, openPrompt, type Site } from "../support/site.ts";
import { type Runtime, startTapin, type Tapin } from "../support/tapin.ts";

type Storage = Awaited<ReturnType<typeof makePostgresStorage>>;

/** Longest way from the tap at one process to the watcher at another, in milliseconds. */
const WAKE_LIMIT_MS = 1000;

/** Both forms in which WatchSession is watched here. */
const WATCHED: readonly DialectName[] = ["gRPC", "REST"];

/** A watcher at one process. */
interface Watcher {
  /** Resolves once a message fulfils this. */
  until(wanted: (message: WatchMessage) => boolean): Promise<WatchMessage>;
  readonly seen: readonly WatchMessage[];
  close(): void;
}

function startWatcher(client: ContractClient, sessionId: string): Watcher {
  const seen: WatchMessage[] = [];
  const leave = new AbortController();
  let wake = Promise.withResolvers<void>();
  const reading = (async () => {
    for await (const message of client.watchSession(sessionId, { signal: leave.signal })) {
      seen.push(message);
      wake.resolve();
      wake = Promise.withResolvers();
    }
    throw new Error("the stream ended");
  })();
  reading.catch(() => undefined);
  return {
    seen,
    async until(wanted) {
      for (;;) {
        const next = wake.promise;
        const found = seen.find(wanted);
        if (found !== undefined) return found;
        await Promise.race([next, reading]);
      }
    },
    close() {
      leave.abort();
      client.close();
    },
  };
}

const opened = (message: WatchMessage) => message.opened;
const completed = (message: WatchMessage) => message.status === "completed";

describe.each([
  { first: "node", second: "deno" },
  { first: "deno", second: "node" },
] as const)("a $first process that polls, a $second process that is watched", (kinds) => {
  let storage: Storage;
  let first: Tapin;
  let second: Tapin;
  let site: Site;
  let watchers: Watcher[] = [];
  beforeAll(async () => {
    storage = await makePostgresStorage();
    // Started first, it has the lease to poll: taps take effect through it.
    first = await startTapin({ runtime: kinds.first, env: storage.env });
    second = await startTapin({ runtime: kinds.second, env: storage.env });
    site = await makeSite(first);
  });
  afterEach(() => {
    for (const watcher of watchers.splice(0)) watcher.close();
  });
  afterAll(async () => {
    site?.close();
    await Promise.all([first?.end(), second?.end()]);
    await storage?.remove();
  });

  /** Opens a session's link at the first process, with a watcher of each form at the second one. */
  async function openWatched() {
    const session = await site.rest.createSession();
    const { sessionId, watchToken, telegramLink } = session;
    watchers = WATCHED.map((dialect) =>
      startWatcher(CLIENTS[dialect](second.url, watchToken), sessionId),
    );
    await Promise.all(watchers.map((watcher) => watcher.until(() => true)));
    const person = makePerson(first.url);
    await openPrompt(person, telegramLink);
    return { person, sessionId };
  }

  /**
   * Taps Login at the first process; milliseconds until the last watcher at the second one has the
   * code.
   */
  async function tapAndMeasure(person: ReturnType<typeof makePerson>): Promise<number> {
    const watch = stopwatch();
    const tap = person.tap("Login");
    const ends = await Promise.all(watchers.map((watcher) => watcher.until(completed)));
    const { ms } = watch;
    expect(new Set(ends.map(({ code }) => code)).size).toBe(1);
    await tap;
    return ms;
  }

  async function killListeners(): Promise<void> {
    const killed = await queryOnce(
      storage.databaseUrl,
      `select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and application_name = $1`,
      [LISTENER_NAME],
    );
    expect(killed.length).toBeGreaterThan(0);
  }

  const bothListen = () =>
    awaitCondition("both processes listen", async () => {
      const rows = await queryOnce(
        storage.databaseUrl,
        `select 1 from pg_stat_activity where datname = current_database()
          and application_name = $1 and state = 'idle' and query ilike '%read_only%'`,
        [LISTENER_NAME],
      );
      return rows.length === 2;
    });

  test("watchSession hears at once of a login confirmed through the other process", async () => {
    const { person } = await openWatched();
    await Promise.all(watchers.map((watcher) => watcher.until(opened)));
    const ms = await tapAndMeasure(person);
    printFigure(`tap at ${kinds.first} to completed at ${kinds.second}`, `${Math.round(ms)} ms`);
    expect(ms).toBeLessThan(WAKE_LIMIT_MS);
  });

  test("watchSession looks at the row when it is notified, and not before", async () => {
    const { sessionId } = await openWatched();
    await Promise.all(watchers.map((watcher) => watcher.until(opened)));
    // A change without a notification, which nothing in Tapin can make, is what only polling would
    // find.
    const change = `begin; set local session_replication_role = replica;
      update sessions set status = 'cancelled', sequence = sequence + 1, ended_at = now()
        where id = '${sessionId}'; commit`;
    await queryOnce(storage.databaseUrl, change);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    for (const watcher of watchers) expect(watcher.seen.at(-1)?.status).toBe("pending");
    await queryOnce(storage.databaseUrl, "select pg_notify('tapin_session', $1)", [sessionId]);
    const ends = watchers.map((watcher) => watcher.until(({ status }) => status === "cancelled"));
    await Promise.all(ends);
  });

  test("watchSession hears of a login that is confirmed the moment the LISTEN connections die", async () => {
    const { person } = await openWatched();
    await Promise.all(watchers.map((watcher) => watcher.until(opened)));
    const [ms] = await Promise.all([tapAndMeasure(person), killListeners()]);
    printFigure(`the same as LISTEN is killed, ${kinds.second}`, `${Math.round(ms)} ms`);
    expect(ms).toBeLessThan(WAKE_LIMIT_MS);
  });

  test("watchSession hears at once again after the LISTEN connections were killed", async () => {
    const { person } = await openWatched();
    await Promise.all(watchers.map((watcher) => watcher.until(opened)));
    // The test before may have killed them a moment ago.
    await bothListen();
    await killListeners();
    await bothListen();
    const ms = await tapAndMeasure(person);
    printFigure(`the same after LISTEN was killed, ${kinds.second}`, `${Math.round(ms)} ms`);
    expect(ms).toBeLessThan(WAKE_LIMIT_MS);
  });
});

describe("two processes", { timeout: 90_000 }, () => {
  let storage: Storage;
  let processes: Tapin[] = [];
  afterEach(async () => {
    await Promise.all(processes.splice(0).map((tapin) => tapin.end("SIGKILL")));
    await storage?.remove();
  });

  // One bot for all processes, as in production; each sandbox has one of its own.
  let telegram: BotApi;
  beforeAll(async () => {
    telegram = await startBotApi(["SharedBot"]);
  });
  afterAll(() => telegram.close());

  const start = (runtime: Runtime) =>
    startTapin({ runtime, env: { ...storage.env, ...telegram.env } });

  /** The leases of work that one process does for all. */
  async function leases(): Promise<ReadonlyMap<string, string>> {
    const text = `select name, holder from leases
      where expires_at > clock_timestamp() and (name = 'sweeper' or name like 'poll:%')`;
    const rows = await queryOnce(storage.databaseUrl, text);
    return new Map(rows.map(({ name, holder }) => [String(name), String(holder)]));
  }

  test("startTapin twice at once on an empty database brings up both", async () => {
    storage = await makePostgresStorage();
    processes = await Promise.all([start("node"), start("node"), start("deno")]);
    for (const tapin of processes) {
      const site = await makeSite(tapin);
      expect((await site.rest.createSession()).expiresIn).toBe(300);
      site.close();
    }
  });

  test("sweeping and polling have one doer; when it is killed the other one takes over", async () => {
    storage = await makePostgresStorage();
    processes = [await start("node"), await start("node")];
    const [first, second] = processes as [Tapin, Tapin];
    const site = await makeSite(first);
    const held = await awaitAnswer("both leases are held", async () => {
      const now = await leases();
      return now.size === 2 ? now : null;
    });
    // One process holds both, renews them, and gives them to nobody while it lives.
    expect(new Set(held.values()).size).toBe(1);
    const bot = telegram.bot(0);
    await bot.open((await site.rest.createSession()).telegramLink, "1");
    await bot.tap("Login", "1");
    expect(await leases()).toEqual(held);
    const { rest } = site.at(second);
    const session = await rest.createSession();
    const overdue = "update sessions set expires_at = now() - interval '1 s' where id = $1";
    await queryOnce(storage.databaseUrl, overdue, [(await rest.createSession()).sessionId]);
    await awaitCondition("the holder sweeps", async () => (await expiredCount()) === 1);

    const watch = stopwatch();
    await first.end("SIGKILL");
    await queryOnce(storage.databaseUrl, overdue, [(await rest.createSession()).sessionId]);
    await awaitCondition(
      "the other process sweeps",
      async () => (await expiredCount()) === 2,
      20_000,
    );
    printFigure("sweeping taken over after kill -9 (lease: 10 s)", String(watch));
    expect(watch.ms).toBeLessThan(15_000);

    await bot.open(session.telegramLink, "2");
    await awaitAnswer("the bot asks for the login", () => promptOf(bot, "2"), 30_000);
    printFigure("polling taken over after kill -9 (lease: 15 s)", String(watch));
    await bot.tap("Login", "2");
    expect((await rest.getSessionStatus(session.sessionId)).status).toBe("completed");
    const now = await leases();
    expect([...now.keys()].sort()).toEqual([...held.keys()].sort());
    for (const holder of now.values()) expect([...held.values()]).not.toContain(holder);
    site.close();
  });

  test("a process that is stopped gives its leases back, so that the other one need not wait", async () => {
    storage = await makePostgresStorage();
    processes = [await start("node"), await start("deno")];
    const [first] = processes as [Tapin, Tapin];
    const held = await awaitAnswer("both leases are held", async () => {
      const now = await leases();
      return now.size === 2 ? now : null;
    });
    expect(await first.end()).toBe(0);
    const watch = stopwatch();
    await awaitCondition("another process holds both", async () => {
      const now = await leases();
      return now.size === 2 && [...now].every(([name, holder]) => holder !== held.get(name));
    });
    printFigure("leases taken over after SIGTERM", String(watch));
    expect(watch.ms).toBeLessThan(8000);
  });

  /** The newest message, once it has buttons. */
  async function promptOf(bot: PretendBot, userId: string): Promise<string | null> {
    const { messages } = await bot.sandbox.getChat({ channel: "telegram", userId });
    const newest = messages.at(-1);
    return newest !== undefined && newest.buttons.length > 0 ? newest.text : null;
  }

  async function expiredCount(): Promise<number> {
    const text = "select count(*)::integer as count from sessions where status = 'expired'";
    const [row] = await queryOnce(storage.databaseUrl, text);
    return Number(row?.count);
  }
});
