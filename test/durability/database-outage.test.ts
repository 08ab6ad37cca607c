// PostgreSQL away, as the whole service shows it: calls say `unavailable` within seconds, streams
// are told or go on, `/readyz` tells, nothing committed is lost, and what comes back needs no
// restart. Node and Deno side by side.

import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { LISTENER_NAME } from "../../src/store/listener.ts";
import { awaitCondition } from "../support/await-condition.ts";
import { type CallError, type CreatedSession, refusalOf } from "../support/contract-client.ts";
import { copyDatabase } from "../support/copy-database.ts";
import { type DatabaseProxy, startDatabaseProxy } from "../support/database-proxy.ts";
import { stopwatch } from "../support/figure.ts";
import {
  type OwnPostgres,
  queryOnce,
  startOwnPostgres,
  startPostgres,
} from "../support/postgres.ts";
import { confirmLogin } from "../support/site.ts";
import { RUNTIMES } from "../support/tapin.ts";
import { createRole, type OutageStage, type Role, startOutageStage } from "./outage-stage.ts";

/** Milliseconds for which the database answers nothing. */
const SILENCE_MS = 30_000;

describe.concurrent.each(RUNTIMES)("a database that is away, on %s", (runtime) => {
  let postgres: OwnPostgres;
  let role: Role;
  let databaseUrl: string;
  let database: string;
  let proxy: DatabaseProxy;
  let stage: OutageStage;
  beforeAll(async () => {
    postgres = await startOwnPostgres();
    role = await createRole(postgres.url);
  });
  afterAll(() => postgres?.stop());
  beforeEach(async () => {
    databaseUrl = await postgres.createDatabase();
    database = new URL(databaseUrl).pathname.slice(1);
    await queryOnce(databaseUrl, `alter database ${database} owner to ${role.name}`);
    proxy = await startDatabaseProxy(role.at(databaseUrl));
    stage = await startOutageStage(runtime, proxy.url);
  });
  afterEach(async () => {
    await stage?.close();
    await proxy?.close();
  });

  const story = (name: string, tell: () => Promise<void>) =>
    test(name, { timeout: 120_000, concurrent: false }, tell);

  story(
    "one that answers nothing for 30 s: unavailable within 5 s; its streams are told; then all goes on",
    async () => {
      const { tapin, site } = stage;
      const login = await confirmLogin(tapin, site, { input: { state: "tab-1" } });
      const { session, watches, tapLogin } = await stage.openWatched();

      proxy.silence();
      const silence = stopwatch();
      stage.figure(
        "longest answer as the database falls silent",
        await stage.callsAreUnavailable(),
      );
      stage.figure("longest answer while it is silent", await stage.callsAreUnavailable());
      expect(await stage.readiness()).toBe(503);
      expect((await fetch(`${tapin.url}/healthz`)).status).toBe(200);
      // What was sent and not answered may still be carried out once the network is back: the key
      // tells.
      const keyed = { headers: { "idempotency-key": "verify-of-tab-1" } };
      const { code } = login;
      expect((await refusalOf(site.rest.verifyCode({ code }, keyed))).reason).toBe("unavailable");
      const ends = await Promise.all(watches.map(({ end }) => end));
      expect(ends).toEqual(ends.map(() => "unavailable"));
      while (silence.ms < SILENCE_MS) await stage.callsAreUnavailable();

      proxy.restore();
      stage.figure(`works again after ${silence} of silence`, await stage.recovery());
      expect((await site.rest.verifyCode({ code }, keyed)).state).toBe("tab-1");
      expect((await refusalOf(site.grpc.verifyCode({ code }))).reason).toBe("code_invalid");
      const again = await stage.watchAll(session);
      await tapLogin();
      await stage.allAreTold(again);
    },
  );

  for (const how of ["stop", "crash"] as const) {
    story(
      `a server that goes (${how}) and comes back: nothing answered is lost, streams go on, a tap waits`,
      async () => {
        const { site } = stage;
        const { code } = await confirmLogin(stage.tapin, site);
        const { watches, tapLogin } = await stage.openWatched();
        const answered: CreatedSession[] = [];
        let isDown = false;
        const creating = stage.createUntil(() => isDown, answered);
        await awaitCondition("sessions are created", async () => answered.length >= 20);
        await postgres.halt(how);
        stage.figure(`longest answer after ${how}`, await stage.callsAreUnavailable());
        isDown = true;
        await creating;
        expect(await stage.readiness()).toBe(503);
        const tapped = tapLogin();
        await postgres.resume();
        stage.figure(`works again after ${how}`, await stage.recovery());
        await tapped;
        // Nobody has opened these streams again.
        await stage.allAreTold(watches);
        for (const { sessionId } of answered) {
          expect((await site.rest.getSessionStatus(sessionId)).status).toBe("pending");
        }
        expect((await site.rest.verifyCode({ code })).channel).toBe("telegram");
      },
    );
  }

  story(
    "one whose connections somebody else has used up: unavailable; then all goes on",
    async () => {
      const { tapin, site } = stage;
      const { code } = await confirmLogin(tapin, site);
      const other = await createRole(postgres.url);
      const clients = Array.from({ length: 16 }, () => new pg.Client(other.at(databaseUrl)));
      // Should the test end before it ends them.
      for (const taker of clients) taker.on("error", () => undefined);
      await Promise.all(clients.map((taker) => taker.connect()));
      const { watches, tapLogin } = await stage.openWatched();
      await queryOnce(databaseUrl, `alter database ${database} connection limit ${clients.length}`);
      // Those the service has are its own until they break.
      expect((await site.rest.createSession()).expiresIn).toBe(300);
      proxy.cut();
      stage.figure("longest answer without a free connection", await stage.callsAreUnavailable());
      expect(await stage.readiness()).toBe(503);
      expect((await fetch(`${tapin.url}/healthz`)).status).toBe(200);
      const tapped = tapLogin();
      await Promise.all(clients.map((taker) => taker.end()));
      stage.figure("works again with connections", await stage.recovery());
      await tapped;
      await stage.allAreTold(watches);
      expect((await site.rest.verifyCode({ code })).channel).toBe("telegram");
    },
  );

  story("connections that break as they are made leave room in the pool", async () => {
    proxy.breakAtQuery(true);
    proxy.cut();
    // More calls than the pool has places.
    for (let round = 0; round < 3; round++) await stage.callsAreUnavailable();
    proxy.breakAtQuery(false);
    stage.figure("works again after connections that broke", await stage.recovery());
  });

  story(
    "an old primary that still answers is left for the new one, with all its logins",
    async () => {
      const { tapin, site } = stage;
      const other = await startPostgres();
      await createRole(other.url, role.name);
      const copy = Object.assign(new URL(other.url), { pathname: `/${database}` }).href;
      await queryOnce(other.url, `create database ${database} owner ${role.name}`);
      try {
        const { code } = await confirmLogin(tapin, site, { input: { state: "tab-2" } });
        const { session, tapLogin } = await stage.openWatched();
        await queryOnce(databaseUrl, "alter system set default_transaction_read_only = on");
        await queryOnce(databaseUrl, "select pg_reload_conf()");
        // Each of its processes reads the new setting in its own time.
        await awaitCondition("it is not ready, and says so", async () => {
          const created = site.rest.createSession().then(() => null);
          const reason = await created.catch((error: unknown) => (error as CallError).reason);
          return reason === "unavailable" && (await stage.readiness()) === 503;
        });
        await copyDatabase({ from: databaseUrl, to: copy, toOwner: role.at(copy) });
        proxy.redirect(other.port);
        stage.figure("works again at another server", await stage.recovery());
        expect((await site.rest.verifyCode({ code })).state).toBe("tab-2");
        const watches = await stage.watchAll(session);
        await tapLogin();
        await stage.allAreTold(watches);
        await awaitCondition("nobody listens at the old one", async () => {
          const text =
            "select 1 from pg_stat_activity where datname = $1 and application_name = $2";
          return (await queryOnce(postgres.url, text, [database, LISTENER_NAME])).length === 0;
        });
      } finally {
        await queryOnce(databaseUrl, "alter system reset default_transaction_read_only");
        await queryOnce(databaseUrl, "select pg_reload_conf()");
        await tapin.end("SIGKILL");
        await queryOnce(other.url, `drop database ${database} with (force)`);
        await queryOnce(other.url, `drop role ${role.name}`);
        await other.stop();
      }
    },
  );

  story("watchers are told although the LISTEN connection has fallen silent", async () => {
    const { watches, tapLogin } = await stage.openWatched();
    proxy.silence(LISTENER_NAME);
    const watch = stopwatch();
    await tapLogin();
    await stage.allAreTold(watches);
    stage.figure("told although LISTEN has fallen silent", watch.ms);
  });
});
