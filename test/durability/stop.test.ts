// SIGTERM and SIGINT (contract section 6): no call is lost, every stream is told, nobody new gets
// in, and the process ends by itself with code 0.

import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { CLIENTS, DIALECTS } from "../support/clients.ts";
import {
  CallError,
  type ContractClient,
  type DialectName,
  firstOf,
  refusalOf,
  type WatchMessage,
} from "../support/contract-client.ts";
import { printFigure, stopwatch } from "../support/figure.ts";
import { queryOnce } from "../support/postgres.ts";
import { awaitLockWaits, holdLock } from "../support/row-lock.ts";
import { confirmLogin, makePostgresStorage, makeSite, type Site } from "../support/site.ts";
import { RUNTIMES, startTapin, type Tapin } from "../support/tapin.ts";

/** Forms in which streams are open: 20, 15 and 15 of them. */
const WATCHED: readonly (readonly [DialectName, number])[] = [
  ["gRPC", 20],
  ["Connect JSON", 15],
  ["REST", 15],
];

/** Forms in which unary calls are under way, two of each. */
const CALLED: readonly DialectName[] = ["gRPC", "gRPC-Web", "Connect JSON", "REST"];

const LOCK_GRANTS = "select 1 from grants for update";

/** The process must be gone after this (contract: 10 s); nothing here takes long. */
const EXIT_LIMIT_MS = 5000;

/** A watcher that has its first message. */
interface OpenStream {
  readonly dialect: DialectName;
  /** How it ends: the refusal that ends it. */
  readonly end: Promise<{ readonly reason: string; readonly code: number | string }>;
}

async function openStream(client: ContractClient, sessionId: string): Promise<OpenStream> {
  const stream = client.watchSession(sessionId)[Symbol.asyncIterator]();
  expect(((await stream.next()).value as WatchMessage).status).toBe("pending");
  const rest = { [Symbol.asyncIterator]: () => stream };
  return { dialect: client.dialect, end: refusalOf(firstOf(rest)) };
}

/** Creates sessions one after another; answers with how the first call that fails does so. */
async function createUntilRefused(website: ContractClient, onAnswer: () => void): Promise<string> {
  for (;;) {
    try {
      await website.createSession();
    } catch (error) {
      return error instanceof CallError ? error.reason : "no connection";
    }
    onAnswer();
  }
}

function portOf(tapin: Tapin): number {
  return Number(new URL(tapin.url).port);
}

async function connectSilently(tapin: Tapin): Promise<Socket> {
  const socket = connect(portOf(tapin), "127.0.0.1");
  socket.on("error", () => undefined);
  await once(socket, "connect");
  return socket;
}

async function connectionRefusal(tapin: Tapin): Promise<string | undefined> {
  const socket = connect(portOf(tapin), "127.0.0.1");
  const [error] = await Promise.race([once(socket, "error"), once(socket, "connect")]);
  socket.destroy();
  return (error as NodeJS.ErrnoException | undefined)?.code;
}

describe.each(RUNTIMES)("a process on %s", (runtime) => {
  let storage: Awaited<ReturnType<typeof makePostgresStorage>>;
  let tapin: Tapin;
  let site: Site;
  const clients: ContractClient[] = [];
  let silent: Socket[] = [];
  beforeEach(async () => {
    storage = await makePostgresStorage();
    tapin = await startTapin({ runtime, env: { ...storage.env, TAPIN_SESSION_WATCHERS: "50" } });
    site = await makeSite(tapin);
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    for (const socket of silent.splice(0)) socket.destroy();
    site?.close();
    await tapin?.end("SIGKILL");
    await storage?.remove();
  });

  function client(dialect: DialectName): ContractClient {
    const made = CLIENTS[dialect](tapin.url, site.apiKey);
    clients.push(made);
    return made;
  }

  async function openStreams(): Promise<readonly OpenStream[]> {
    const { sessionId } = await site.rest.createSession();
    return await Promise.all(
      WATCHED.flatMap(([dialect, count]) =>
        Array.from({ length: count }, () => openStream(client(dialect), sessionId)),
      ),
    );
  }

  test.each(["SIGTERM", "SIGINT"] as const)(
    "%s ends 50 streams with unavailable, answers the calls under way, lets nobody in, exits with 0",
    async (signal) => {
      const logins = await Promise.all(
        CALLED.flatMap((dialect) => [dialect, dialect]).map(async (dialect) => ({
          dialect,
          code: (await confirmLogin(tapin, site)).code,
        })),
      );
      const streams = await openStreams();
      silent = [await connectSilently(tapin), await connectSilently(tapin)];
      // While the grants are locked every verify waits, so the calls are under way for as long as
      // the test wants.
      const lock = await holdLock(storage.databaseUrl, LOCK_GRANTS);
      const calls = logins.map(({ dialect, code }) => client(dialect).verifyCode({ code }));
      let answered = 0;
      for (const call of calls) {
        call.then(
          () => answered++,
          () => undefined,
        );
      }
      await awaitLockWaits(storage.databaseUrl, calls.length);

      const watch = stopwatch();
      const exited = tapin.end(signal);
      const ends = await Promise.all(streams.map(({ end }) => end));
      printFigure(`50 streams told after ${signal}, ${runtime}`, String(watch));
      ends.forEach(({ reason, code }, index) => {
        // SSE has answered 200 long ago: the error comes as an event.
        const expected = streams[index]?.dialect === "REST" ? 200 : "unavailable";
        expect([reason, code]).toEqual(["unavailable", expected]);
      });
      expect(await connectionRefusal(tapin)).toBe("ECONNREFUSED");
      expect(answered).toBe(0);

      await lock.release();
      for (const profile of await Promise.all(calls)) expect(profile.channel).toBe("telegram");
      expect(await exited).toBe(0);
      printFigure(`exit after ${signal} with calls under way, ${runtime}`, String(watch));
      expect(watch.ms).toBeLessThan(EXIT_LIMIT_MS);
      const [last] = tapin.output().trim().split("\n").slice(-1);
      expect(last).not.toMatch(/error/i);
    },
  );

  test("SIGTERM under load in all dialects: what took effect was answered, every stream is told", async () => {
    const streams = await openStreams();
    const before = await countSessions();
    let answered = 0;
    const enough = Promise.withResolvers<void>();
    const ends = DIALECTS.flatMap((dialect) => [dialect, dialect]).map((dialect) =>
      createUntilRefused(client(dialect), () => {
        answered += 1;
        if (answered === 100) enough.resolve();
      }),
    );
    await enough.promise;
    const watch = stopwatch();
    const exited = tapin.end("SIGTERM");
    for (const { end } of streams) expect((await end).reason).toBe("unavailable");
    // A connection that grpc-js has lost has no reason of ours.
    for (const reason of await Promise.all(ends)) {
      expect(["unavailable", "no connection", ""]).toContain(reason);
    }
    expect(await exited).toBe(0);
    printFigure(
      `exit after SIGTERM under load, ${runtime}`,
      `${watch}, ${answered} calls answered`,
    );
    expect(watch.ms).toBeLessThan(10_000);
    expect((await countSessions()) - before).toBe(answered);
  });

  async function countSessions(): Promise<number> {
    const text = "select count(*)::integer as count from sessions";
    const [row] = await queryOnce(storage.databaseUrl, text);
    return Number(row?.count);
  }

  test("SIGTERM cuts off a call that does not come to an end, and exits with 0 within 10 s", async () => {
    const { code } = await confirmLogin(tapin, site);
    const lock = await holdLock(storage.databaseUrl, LOCK_GRANTS);
    const failed = expect(site.rest.verifyCode({ code })).rejects.toThrow();
    await awaitLockWaits(storage.databaseUrl, 1);
    const watch = stopwatch();
    const exit = await tapin.end("SIGTERM");
    printFigure(`exit after SIGTERM with a call that hangs, ${runtime}`, String(watch));
    await failed;
    await lock.release();
    expect(watch.ms).toBeLessThan(10_000);
    expect(exit).toBe(0);
  });

  test("SIGTERM stops accepting and tells the streams although a sweep waits for the database", async () => {
    const streams = await openStreams();
    const lock = await holdLock(storage.databaseUrl, "lock table sessions in exclusive mode");
    await awaitLockWaits(storage.databaseUrl, 1);
    const exited = tapin.end("SIGTERM");
    const watch = stopwatch();
    const ends = await Promise.all(streams.map(({ end }) => end));
    printFigure(`50 streams told while a sweep hangs, ${runtime}`, String(watch));
    for (const { reason } of ends) expect(reason).toBe("unavailable");
    expect(await connectionRefusal(tapin)).toBe("ECONNREFUSED");
    await lock.release();
    expect(await exited).toBe(0);
  });
});
