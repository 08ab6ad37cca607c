// A PostgreSQL that fails over, as it does in production: a standby streams from it and confirms
// every commit, the primary dies amid the traffic of two processes, the standby becomes the
// primary, and the address leads there.

import { afterAll, beforeAll, expect, test } from "vitest";
import { awaitCondition } from "../support/await-condition.ts";
import { type CreatedSession, refusalOf } from "../support/contract-client.ts";
import { type DatabaseProxy, startDatabaseProxy } from "../support/database-proxy.ts";
import { printFigure, stopwatch } from "../support/figure.ts";
import {
  type OwnPostgres,
  queryOnce,
  type Standby,
  startOwnPostgres,
} from "../support/postgres.ts";
import { confirmLogin } from "../support/site.ts";
import { RUNTIMES } from "../support/tapin.ts";
import { createRole, type OutageStage, startOutageStage } from "./outage-stage.ts";

let postgres: OwnPostgres;
let standby: Standby;
let proxy: DatabaseProxy;
let stages: readonly OutageStage[] = [];
beforeAll(async () => {
  postgres = await startOwnPostgres();
  standby = await postgres.startStandby();
  const role = await createRole(postgres.url);
  const databaseUrl = await postgres.createDatabase();
  const database = new URL(databaseUrl).pathname.slice(1);
  await queryOnce(databaseUrl, `alter database ${database} owner to ${role.name}`);
  proxy = await startDatabaseProxy(role.at(databaseUrl));
  stages = await Promise.all(RUNTIMES.map((runtime) => startOutageStage(runtime, proxy.url)));
});
afterAll(async () => {
  await Promise.all(stages.map((stage) => stage.close()));
  await proxy?.close();
  await postgres?.stop();
});

/** The same at every process, side by side. */
const atEach = <T>(work: (stage: OutageStage) => Promise<T>) => Promise.all(stages.map(work));

test("a primary that dies for its standby: nothing committed is lost, open watchers are told, no restart", {
  timeout: 120_000,
}, async () => {
  const verified = await atEach(async ({ tapin, site }) => {
    const { code } = await confirmLogin(tapin, site);
    await site.rest.verifyCode({ code });
    return code;
  });
  const confirmed = await atEach(({ tapin, site }) => confirmLogin(tapin, site));
  const answered = stages.map((): CreatedSession[] => []);
  let isOver = false;
  const creating = stages.map((stage, at) => stage.createUntil(() => isOver, answered[at] ?? []));
  await awaitCondition("sessions are created at both", async () =>
    answered.every(({ length }) => length >= 20),
  );

  const watched = await atEach((stage) => stage.openWatched());
  const away = stopwatch();
  await postgres.halt("crash");
  await atEach(async (stage) => {
    stage.figure("longest answer as the primary dies", await stage.callsAreUnavailable());
    expect(await stage.readiness()).toBe(503);
  });
  isOver = true;
  await Promise.all(creating);
  // The address leads there too early: a standby takes no writes.
  proxy.redirect(standby.port);
  await atEach(async (stage) => {
    await stage.callsAreUnavailable();
    expect(await stage.readiness()).toBe(503);
  });
  const tapped = watched.map(({ tapLogin }) => tapLogin());

  await standby.promote();
  await atEach(async (stage) =>
    stage.figure("works again after the failover", await stage.recovery()),
  );
  printFigure("from the primary's death to work as before", `${away}`);
  await Promise.all(tapped);
  // Nobody has opened these streams again.
  await Promise.all(stages.map((stage, at) => stage.allAreTold(watched[at]?.watches ?? [])));
  await Promise.all(
    stages.map(async ({ site }, at) => {
      for (const { sessionId } of answered[at] ?? []) {
        expect((await site.rest.getSessionStatus(sessionId)).status).toBe("pending");
      }
      const code = verified[at] ?? "";
      expect((await refusalOf(site.rest.verifyCode({ code }))).reason).toBe("code_invalid");
      expect(await site.rest.verifyCode({ code: confirmed[at]?.code ?? "" })).toMatchObject({
        channel: "telegram",
      });
    }),
  );
  const count = answered.flat().length;
  printFigure("sessions answered before it, all there after it", String(count));
});
