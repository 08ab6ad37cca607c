// PostgreSQL away, as the whole service shows it: calls say `unavailable` within seconds, streams are told or go on,
// `/readyz` tells, nothing committed is lost, and what comes back needs no restart.

import { randomBytes } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { LISTENER_NAME } from "../../src/store/listener.ts";
import { awaitAnswer, awaitCondition } from "../support/await-condition.ts";
import { CLIENTS, DIALECTS } from "../support/clients.ts";
import {
  type ContractClient,
  type CreatedSession,
  type DialectName,
  refusalOf,
} from "../support/contract-client.ts";
import { copyDatabase } from "../support/copy-database.ts";
import { type DatabaseProxy, startDatabaseProxy } from "../support/database-proxy.ts";
import { printFigure, stopwatch } from "../support/figure.ts";
import { type OpenWatch, openWatch } from "../support/open-watch.ts";
import { makePerson } from "../support/person.ts";
import {
  type OwnPostgres,
  queryOnce,
  startOwnPostgres,
  startPostgres,
  type TestPostgres,
} from "../support/postgres.ts";
import { confirmLogin, makeSite, openPrompt, type Site } from "../support/site.ts";
import { RUNTIMES, startTapin, type Tapin } from "../support/tapin.ts";

/** Milliseconds within which a caller must be told: 5 s are promised, the rest is for a busy machine. */
const ANSWER_LIMIT_MS = 9_000;

/** Milliseconds until what came back must be in use again. */
const RECOVERY_LIMIT_MS = 20_000;

const WATCHED: readonly DialectName[] = ["gRPC", "Connect JSON", "REST"];

/** A role without a superuser's privileges, such as never being refused a connection. */
const ROLE = `tapin_${randomBytes(4).toString("hex")}`;
const PASSWORD = "hush";

/** The same database for ROLE. */
function asRole(databaseUrl: string): string {
  return Object.assign(new URL(databaseUrl), { username: ROLE, password: PASSWORD }).href;
}

async function createRole({ url }: TestPostgres): Promise<void> {
  await queryOnce(url, `create role ${ROLE} login password '${PASSWORD}'`);
}

describe.each(RUNTIMES)("a database that is away, on %s", { timeout: 120_000 }, (runtime) => {
  let postgres: OwnPostgres;
  let databaseUrl: string;
  let database: string;
  let proxy: DatabaseProxy;
  let tapin: Tapin;
  let site: Site;
  const clients: ContractClient[] = [];
  beforeAll(async () => {
    postgres = await startOwnPostgres();
    await createRole(postgres);
  });
  afterAll(() => postgres?.stop());
  beforeEach(async () => {
    databaseUrl = await postgres.createDatabase();
    database = new URL(databaseUrl).pathname.slice(1);
    await queryOnce(databaseUrl, `alter database ${database} owner to ${ROLE}`);
    proxy = await startDatabaseProxy(asRole(databaseUrl));
    const env = { TAPIN_DATABASE_URL: proxy.url, TAPIN_SANDBOX: "on" };
    tapin = await startTapin({ runtime, env });
    site = await makeSite(tapin);
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    site?.close();
    await tapin?.end("SIGKILL");
    await proxy?.close();
  });

  function client(dialect: DialectName): ContractClient {
    const made = CLIENTS[dialect](tapin.url, site.apiKey);
    clients.push(made);
    return made;
  }

  const figure = (what: string, ms: number) =>
    printFigure(`${what}, ${runtime}`, `${Math.round(ms)} ms`);

  /** Opens a stream in each form, once all of them stand. */
  async function watchAll(session: CreatedSession): Promise<readonly OpenWatch[]> {
    const watches = WATCHED.map((dialect) => openWatch(client(dialect), session));
    await Promise.all(watches.map(({ first }) => first));
    return watches;
  }

  /** A session that is watched, and the person who is asked. */
  async function openWatched() {
    const session = await site.rest.createSession();
    const person = makePerson(tapin.url);
    const { message_id } = await openPrompt(person, session.telegramLink);
    const watches = await watchAll(session);
    return { session, watches, tapLogin: () => person.tap("Login", message_id) };
  }

  /** Every watcher is told the same code. */
  async function allAreTold(watches: readonly OpenWatch[]): Promise<void> {
    const codes = await Promise.all(watches.map(({ code }) => code));
    expect(new Set(codes).size).toBe(1);
  }

  /** Every dialect is told `unavailable`, in time; answers with the longest wait in milliseconds. */
  async function callsAreUnavailable(): Promise<number> {
    const watch = stopwatch();
    const calls = DIALECTS.flatMap((dialect) => {
      const speaker = client(dialect);
      return [speaker.createSession(), speaker.verifyCode({ code: "no-code" })];
    });
    const reasons = (await Promise.all(calls.map(refusalOf))).map(({ reason }) => reason);
    const { ms } = watch;
    expect(reasons).toEqual(reasons.map(() => "unavailable"));
    expect(ms).toBeLessThan(ANSWER_LIMIT_MS);
    return ms;
  }

  const readiness = async () => (await fetch(`${tapin.url}/readyz`)).status;

  /** Until the service works again by itself: milliseconds. */
  async function recovery(): Promise<number> {
    const watch = stopwatch();
    const create = () => site.rest.createSession().catch(() => null);
    await awaitAnswer("a session is created", create, RECOVERY_LIMIT_MS);
    const { ms } = watch;
    const isReady = async () => (await readiness()) === 200;
    await awaitCondition("it is ready", isReady, RECOVERY_LIMIT_MS);
    return ms;
  }

  test("one that answers nothing: unavailable within 5 s; its streams are told; then all goes on", async () => {
    const login = await confirmLogin(tapin, site, { input: { state: "tab-1" } });
    const { session, watches, tapLogin } = await openWatched();

    proxy.silence();
    figure("longest answer as the database falls silent", await callsAreUnavailable());
    figure("longest answer while it is silent", await callsAreUnavailable());
    expect(await readiness()).toBe(503);
    expect((await fetch(`${tapin.url}/healthz`)).status).toBe(200);
    // What was sent and not answered may still be carried out once the network is back: the key tells.
    const keyed = { headers: { "idempotency-key": "verify-of-tab-1" } };
    const { code } = login;
    expect((await refusalOf(site.rest.verifyCode({ code }, keyed))).reason).toBe("unavailable");
    const ends = await Promise.all(watches.map(({ end }) => end));
    expect(ends).toEqual(ends.map(() => "unavailable"));

    proxy.restore();
    figure("works again after the silence", await recovery());
    expect((await site.rest.verifyCode({ code }, keyed)).state).toBe("tab-1");
    expect((await refusalOf(site.grpc.verifyCode({ code }))).reason).toBe("code_invalid");
    const again = await watchAll(session);
    await tapLogin();
    await allAreTold(again);
  });

  test.each(["stop", "crash"] as const)(
    "a server that goes (%s) and comes back: nothing answered is lost, streams go on, a tap waits",
    async (how) => {
      const { code } = await confirmLogin(tapin, site);
      const { watches, tapLogin } = await openWatched();
      const answered: CreatedSession[] = [];
      let isDown = false;
      const creating = DIALECTS.map(async (dialect) => {
        const speaker = client(dialect);
        while (!isDown) {
          const created = await speaker.createSession().catch(() => null);
          if (created !== null) answered.push(created);
        }
      });
      await awaitCondition("sessions are created", async () => answered.length >= 20);
      await postgres.halt(how);
      figure(`longest answer after ${how}`, await callsAreUnavailable());
      isDown = true;
      await Promise.all(creating);
      expect(await readiness()).toBe(503);
      const tapped = tapLogin();
      await postgres.resume();
      figure(`works again after ${how}`, await recovery());
      await tapped;
      // Nobody has opened these streams again.
      await allAreTold(watches);
      for (const { sessionId } of answered) {
        expect((await site.rest.getSessionStatus(sessionId)).status).toBe("pending");
      }
      expect((await site.rest.verifyCode({ code })).channel).toBe("telegram");
    },
  );

  test("one without a free connection: unavailable at once; then all goes on", async () => {
    const { watches, tapLogin } = await openWatched();
    await queryOnce(databaseUrl, `alter role ${ROLE} connection limit 0`);
    proxy.cut();
    figure("longest answer without a free connection", await callsAreUnavailable());
    expect(await readiness()).toBe(503);
    await queryOnce(databaseUrl, `alter role ${ROLE} connection limit -1`);
    figure("works again with connections", await recovery());
    await tapLogin();
    await allAreTold(watches);
  });

  test("connections that break as they are made leave room in the pool", async () => {
    proxy.breakAtQuery(true);
    proxy.cut();
    // More calls than the pool has places.
    for (let round = 0; round < 3; round++) await callsAreUnavailable();
    proxy.breakAtQuery(false);
    figure("works again after connections that broke", await recovery());
  });

  test("an old primary that still answers is left for the new one, with all its logins", async () => {
    const other = await startPostgres();
    await createRole(other);
    const copy = Object.assign(new URL(other.url), { pathname: `/${database}` }).href;
    await queryOnce(other.url, `create database ${database} owner ${ROLE}`);
    try {
      const { code } = await confirmLogin(tapin, site, { input: { state: "tab-2" } });
      const { session, tapLogin } = await openWatched();
      await queryOnce(databaseUrl, "alter system set default_transaction_read_only = on");
      await queryOnce(databaseUrl, "select pg_reload_conf()");
      const isUnready = async () => (await readiness()) === 503;
      await awaitCondition("it is not ready", async () => {
        const { reason } = await refusalOf(site.rest.createSession());
        expect(reason).toBe("unavailable");
        return await isUnready();
      });
      await copyDatabase({ from: databaseUrl, to: copy, toOwner: asRole(copy) });
      proxy.redirect(other.port);
      figure("works again after a failover", await recovery());
      expect((await site.rest.verifyCode({ code })).state).toBe("tab-2");
      const watches = await watchAll(session);
      await tapLogin();
      await allAreTold(watches);
      await awaitCondition("nobody listens at the old one", async () => {
        const text = "select 1 from pg_stat_activity where datname = $1 and application_name = $2";
        return (await queryOnce(postgres.url, text, [database, LISTENER_NAME])).length === 0;
      });
    } finally {
      await queryOnce(databaseUrl, "alter system reset default_transaction_read_only");
      await queryOnce(databaseUrl, "select pg_reload_conf()");
      await tapin.end("SIGKILL");
      await queryOnce(other.url, `drop database ${database} with (force)`);
      await queryOnce(other.url, `drop role ${ROLE}`);
      await other.stop();
    }
  });

  test("watchers are told although the LISTEN connection has fallen silent", async () => {
    const { watches, tapLogin } = await openWatched();
    proxy.silence(LISTENER_NAME);
    const watch = stopwatch();
    await tapLogin();
    await allAreTold(watches);
    figure("told although LISTEN has fallen silent", watch.ms);
  });
});
