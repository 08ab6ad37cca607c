// The matrix of what goes wrong around a call: a used-up budget, a service that is off, and a
// database that is slow, broken or gone. Every RPC that is concerned x every dialect x both
// runtimes, from the descriptors as in answers.test.ts.

import { randomBytes } from "node:crypto";
import type { DescMethod } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Reason } from "../../src/errors.ts";
import { awaitCondition } from "../support/await-condition.ts";
import type { DialectName } from "../support/contract-client.ts";
import { queryOnce, startPostgres, type TestPostgres } from "../support/postgres.ts";
import { awaitLockWaits, holdLock } from "../support/row-lock.ts";
import { RUNTIMES, startTapin, type Tapin } from "../support/tapin.ts";
import { bearerFor, METHOD_ROWS, messageOf, recipeOf } from "./methods.ts";
import { expectAnswer, expectRefusal } from "./outcome.ts";
import type { Prepared } from "./recipes.ts";
import { type Relay, startRelay } from "./relay.ts";
import { type Ask, closeGrpc, DIALECTS, SPEAK } from "./speak.ts";
import { startWorld, type World } from "./world.ts";

const TABLES = ["projects", "api_keys", "sessions"];
const ALL_LOCKED = `lock table ${TABLES.join(", ")} in access exclusive mode`;

const stored = METHOD_ROWS.filter(([, method]) => !recipeOf(method).withoutDatabase);
const keyed = METHOD_ROWS.filter(([, method]) => /^api_key/.test(recipeOf(method).takes));
const watched = keyed.filter(([, method]) => recipeOf(method).takes !== "api_key");
const admin = METHOD_ROWS.filter(([, method]) => recipeOf(method).takes === "admin");

describe.each(RUNTIMES)("faults on %s", (runtime) => {
  let postgres: TestPostgres;
  let databaseUrl: string;
  let relay: Relay;
  let world: World;
  /** A second process: one request a minute for each project, AdminService off. */
  let small: Tapin;
  /** For each RPC a request that would be answered. */
  const prepared = new Map<DescMethod, Prepared>();

  beforeAll(async () => {
    postgres = await startPostgres();
    databaseUrl = await postgres.createDatabase();
    relay = await startRelay(databaseUrl);
    world = await startWorld(runtime, { TAPIN_DATABASE_URL: relay.url });
    const env = {
      TAPIN_DATABASE_URL: databaseUrl,
      TAPIN_ADMIN_TOKEN: "",
      TAPIN_RATE_LIMIT: "1",
      TAPIN_SANDBOX: "off",
    };
    small = await startTapin({ runtime, env });
    for (const [, method] of METHOD_ROWS) {
      prepared.set(method, await recipeOf(method).answered(world));
    }
  });
  afterAll(async () => {
    closeGrpc(small.url);
    await small.end();
    await world.stop();
    await postgres.stop();
  });

  /** Calls an RPC of the first process with its prepared request. */
  function ask(method: DescMethod, dialect: DialectName, more: Partial<Ask> = {}, url?: string) {
    const { request, headers } = prepared.get(method) ?? { request: {} };
    return SPEAK[dialect](url ?? world.stage.url, {
      method,
      request: messageOf(method, request),
      bearer: bearerFor(recipeOf(method), world),
      ...more,
      headers: { ...headers, ...more.headers },
    });
  }

  /** Refused alike over these dialects, which are asked at once. */
  async function refusedAlike(
    method: DescMethod,
    reason: Reason,
    {
      dialects = DIALECTS,
      url,
      ...more
    }: Partial<Ask> & {
      dialects?: readonly DialectName[];
      url?: string;
    } = {},
  ): Promise<void> {
    const isStream = method.methodKind !== "unary";
    const sentences = await Promise.all(
      dialects.map(async (dialect) => {
        const outcome = await ask(method, dialect, more, url);
        return expectRefusal(outcome, reason, { dialect, isStream }).sentence;
      }),
    );
    expect(sentences).toEqual(sentences.map(() => sentences[0]));
  }

  /** Runs something while the database lets nobody at the tables. */
  async function whileHeld(run: () => Promise<void>): Promise<void> {
    const lock = await holdLock(databaseUrl, ALL_LOCKED);
    try {
      await run();
    } finally {
      await lock.release();
    }
  }

  /**
   * Credentials for this RPC that the service has to ask the database for: no call has shown them
   * yet.
   */
  async function unknownBearer(method: DescMethod): Promise<string | null> {
    const { takes } = recipeOf(method);
    if (takes === "admin" || takes === "nothing") return bearerFor(recipeOf(method), world);
    const { stage, slug } = world;
    const response = await fetch(`${stage.url}/v1/admin/projects/${slug}/keys`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${stage.tapin.adminToken}`,
        "content-type": "application/json",
      },
      body: JSON.stringify({ name: "not used yet" }),
    });
    return ((await response.json()) as { api_key: string }).api_key;
  }

  it("the budget of the project is used up by one call", async () => {
    const [, getLink] = keyed[0] ?? [];
    expectAnswer(await ask(getLink as DescMethod, "REST", {}, small.url));
  });

  it.each(keyed)("%s: rate_limited", async (_, method) => {
    await refusedAlike(method, "RATE_LIMITED", { url: small.url });
  });

  it.each(admin)("%s: forbidden while AdminService is off", async (_, method) => {
    await refusedAlike(method, "FORBIDDEN", { url: small.url });
  });

  // REST has no deadline of the caller's; its own of 30 s is held against a clock in
  // test/server/deadline.
  const withDeadline = DIALECTS.filter((dialect) => dialect !== "REST");
  it.each(stored)("%s: deadline_exceeded while the database is held", async (_, method) => {
    const bearer = await unknownBearer(method);
    const more = { dialects: withDeadline, timeoutMs: 400, bearer };
    await whileHeld(() => refusedAlike(method, "DEADLINE_EXCEEDED", more));
  });

  it.each(watched)("%s: deadline_exceeded with a watch token too", async (_, method) => {
    // A session that nobody has read yet: one that is remembered is answered without the database.
    prepared.set(method, await recipeOf(method).answered(world));
    const bearer = prepared.get(method)?.watchToken ?? null;
    const more = { dialects: withDeadline, timeoutMs: 400, bearer };
    await whileHeld(() => refusedAlike(method, "DEADLINE_EXCEEDED", more));
  });

  it.each(stored)("%s: canceled by the caller, and logged so", async (_, method) => {
    const ids = DIALECTS.map(() => randomBytes(9).toString("hex"));
    const bearers = await Promise.all(DIALECTS.map(() => unknownBearer(method)));
    const leaving = new AbortController();
    await whileHeld(async () => {
      const calls = DIALECTS.map((dialect, index) => {
        const headers = { "x-request-id": ids[index] ?? "" };
        const bearer = bearers[index] ?? null;
        return ask(method, dialect, { signal: leaving.signal, headers, bearer });
      });
      const ends = Promise.allSettled(calls);
      await awaitLockWaits(databaseUrl, DIALECTS.length);
      leaving.abort();
      expect((await ends).map(({ status }) => status)).toEqual(DIALECTS.map(() => "rejected"));
      const isLogged = (id: string) =>
        new RegExp(`"request_id":"${id}".*"reason":"CANCELED"`).test(world.stage.tapin.output());
      await awaitCondition("all are logged as canceled", async () => ids.every(isLogged));
    });
  });

  it("no given-up work has failed unseen", () => {
    expect(world.stage.tapin.output()).not.toContain("unhandled_rejection");
  });

  it("internal: the tables are not what the service thinks they are", async () => {
    for (const table of TABLES) {
      await queryOnce(databaseUrl, `alter table ${table} rename to ${table}_gone`);
    }
    for (const [, method] of stored) await refusedAlike(method, "INTERNAL");
    for (const table of TABLES) {
      await queryOnce(databaseUrl, `alter table ${table}_gone rename to ${table}`);
    }
  });

  it("unavailable: the database is gone", async () => {
    await relay.cut();
    for (const [, method] of stored) await refusedAlike(method, "UNAVAILABLE");
  });

  it("what needs no database is answered all the same", async () => {
    for (const [, method] of METHOD_ROWS.filter(([, each]) => recipeOf(each).withoutDatabase)) {
      if (!/^Get/.test(method.name)) continue;
      for (const dialect of DIALECTS) expectAnswer(await ask(method, dialect));
    }
  });
});
