// grpc.health.v1 (Check, List, Watch), asked by grpc-js with the vendored proto file and by
// `buf curl`: what it says while all is well, while the database is away, and when the server
// stops.

import { status } from "@grpc/grpc-js";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { MAX_HEALTH_WATCHES } from "../../src/server/health-service.ts";
import { awaitCondition } from "../support/await-condition.ts";
import { type Link, openLink } from "../support/link.ts";
import { startPostgres, type TestPostgres } from "../support/postgres.ts";
import { RUNTIMES, startTapin, type Tapin } from "../support/tapin.ts";
import { runBuf } from "./buf.ts";
import { type HealthClient, type Messages, openHealth } from "./grpc-tools.ts";
import { ask, jsonOf } from "./raw-http.ts";

const NAMES = [
  "",
  "tapin.admin.v1.AdminService",
  "tapin.auth.v1.AuthService",
  "tapin.sandbox.v1.SandboxService",
];

const PROTOCOLS = [
  ["connect", []],
  ["connect", ["--http2-prior-knowledge"]],
  ["grpc", ["--http2-prior-knowledge"]],
  ["grpcweb", []],
] as const;

describe.each(RUNTIMES)("grpc.health.v1 on %s", (runtime) => {
  let postgres: TestPostgres;
  let database: Link;
  let tapin: Tapin;
  let health: HealthClient;
  beforeAll(async () => {
    postgres = await startPostgres();
    const url = new URL(await postgres.createDatabase());
    database = await openLink(postgres.port);
    const throughLink = Object.assign(url, { host: `127.0.0.1:${database.port}` }).href;
    tapin = await startTapin({
      runtime,
      env: { TAPIN_DATABASE_URL: throughLink, TAPIN_SANDBOX: "on" },
    });
    health = openHealth(tapin.url);
    await awaitCondition("ready", async () => (await health.check("")) === "SERVING");
  });
  afterEach(() => database.mend());
  afterAll(async () => {
    await tapin?.end("SIGKILL");
    await database?.close();
    await postgres?.stop();
  });

  it.each(NAMES)("Check says that %j serves", async (service) => {
    expect(await health.check(service)).toBe("SERVING");
  });

  it.each(["nothing.v1.Service", "tapin.auth.v1", "tapin.auth.v1.authservice", "__proto__"])(
    "Check of %j, which is no service, is not found",
    async (service) => {
      expect(await health.check(service)).toBe(status.NOT_FOUND);
    },
  );

  it("List names the server and every service of its own", async () => {
    const { statuses } = await health.list();
    expect(statuses).toEqual(
      Object.fromEntries(NAMES.map((name) => [name, { status: "SERVING" }])),
    );
  });

  it.each(PROTOCOLS)("buf curl asks over %s %j, without a key", async (protocol, transport) => {
    const { code, out } = await runBuf(
      ...["curl", "--schema", "third_party", "--protocol", protocol, ...transport],
      ...["-d", '{"service":"tapin.auth.v1.AuthService"}'],
      `${tapin.url}/grpc.health.v1.Health/Check`,
    );
    expect([code, JSON.parse(out)]).toEqual([0, { status: "SERVING" }]);
  });

  it("Watch tells at once, when the database goes away, and when it is back", async () => {
    const watchers = NAMES.map((name) => health.watch(name));
    const next = () => Promise.all(watchers.map((watcher) => statusOf(watcher)));
    expect(await next()).toEqual(NAMES.map(() => "SERVING"));
    database.cut();
    expect(await next()).toEqual(NAMES.map(() => "NOT_SERVING"));
    expect(await health.check("tapin.auth.v1.AuthService")).toBe("NOT_SERVING");
    expect((await ask(`${tapin.url}/readyz`)).status).toBe(503);
    database.mend();
    expect(await next()).toEqual(NAMES.map(() => "SERVING"));
    for (const watcher of watchers) watcher.cancel();
  });

  it("Watch of an unknown service says so and does not end", async () => {
    const unknown = health.watch("nothing.v1.Service");
    const known = health.watch("");
    expect(await statusOf(unknown)).toBe("SERVICE_UNKNOWN");
    expect(await statusOf(known)).toBe("SERVING");
    const more = unknown.next().then(
      () => "more",
      () => "ended",
    );
    database.cut();
    // The other one has been told of a change meanwhile.
    expect(await Promise.race([statusOf(known), more])).toBe("NOT_SERVING");
    for (const watcher of [unknown, known]) watcher.cancel();
    expect(await more).toBe("ended");
  });

  it("the embedded form of an unknown service's error is the one of every error", async () => {
    const answer = await ask(`${tapin.url}/grpc.health.v1.Health/Check`, {
      body: { service: "nothing" },
    });
    expect(answer.status).toBe(404);
    expect(jsonOf(answer)).toMatchObject({
      code: "not_found",
      message: "There is no such service.",
      details: [{ type: "google.rpc.ErrorInfo" }],
    });
  });

  it("Watch is told NOT_SERVING before the server stops, and then that it is unavailable", async () => {
    const watchers = [health.watch(""), health.watch("tapin.auth.v1.AuthService")];
    for (const watcher of watchers) expect(await statusOf(watcher)).toBe("SERVING");
    const exited = tapin.end();
    for (const watcher of watchers) {
      expect(await statusOf(watcher)).toBe("NOT_SERVING");
      await expect(watcher.next()).rejects.toMatchObject({ code: status.UNAVAILABLE });
    }
    expect(await exited).toBe(0);
  });
});

describe.each(RUNTIMES)("grpc.health.v1 within limits on %s", (runtime) => {
  let tapin: Tapin;
  beforeAll(async () => {
    tapin = await startTapin({ runtime, env: { TAPIN_RATE_LIMIT: "1" } });
  });
  afterAll(async () => {
    expect(await tapin.end()).toBe(0);
  });

  it("every question counts against the address", async () => {
    const health = openHealth(tapin.url);
    const answers: unknown[] = [];
    // An address has ten.
    for (let asked = 0; asked <= 10; asked++) answers.push(await health.check(""));
    expect(answers[0]).toBe("SERVING");
    expect(answers.at(-1)).toBe(status.RESOURCE_EXHAUSTED);
  });
});

describe.each(RUNTIMES)("Watch streams of an address on %s", (runtime) => {
  let tapin: Tapin;
  beforeAll(async () => {
    tapin = await startTapin({ runtime });
  });
  afterAll(async () => {
    expect(await tapin.end()).toBe(0);
  });

  it("are limited, and one that ends makes room for another", async () => {
    const health = openHealth(tapin.url);
    const other = openHealth(tapin.url);
    const watchers = Array.from({ length: MAX_HEALTH_WATCHES }, (_, index) =>
      (index % 2 === 0 ? health : other).watch(""),
    );
    expect(await Promise.all(watchers.map(statusOf))).toEqual(watchers.map(() => "SERVING"));
    await expect(other.watch("").next()).rejects.toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
    });
    watchers[0]?.cancel();
    await awaitCondition("room", async () => {
      const told = await statusOf(other.watch("")).catch(() => null);
      return told === "SERVING";
    });
  });
});

async function statusOf(messages: Messages): Promise<unknown> {
  return (await messages.next())?.status;
}
