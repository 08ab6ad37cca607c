// healthOperations and shareReadyCheck, called directly: what would take half a minute over the
// wire, and how often the database is asked.

import { create, type Message } from "@bufbuild/protobuf";
import { expect, it } from "vitest";
import {
  Health,
  HealthCheckRequestSchema,
  type HealthCheckResponse,
  HealthCheckResponse_ServingStatus as Status,
} from "#gen/grpc/health/v1/health_pb.ts";
import type { AdmittedCall } from "../../src/server/call.ts";
import { shareReadyCheck } from "../../src/server/health.ts";
import { healthOperations, MAX_HEALTH_WATCHES } from "../../src/server/health-service.ts";
import { iterate } from "../../src/server/iterate.ts";
import type { Operation, Outflow, StreamOperation } from "../../src/server/operation.ts";
import { Waiting } from "../../src/server/waiting.ts";

function open(operations: readonly Operation[], call: AdmittedCall): AsyncIterator<Message> {
  const watch = operations.find(({ method }) => method === Health.method.watch);
  const { start } = watch as StreamOperation;
  const request = create(HealthCheckRequestSchema);
  return iterate((outflow) => {
    // What it fails with is what it throws, as it is.
    start(request, call, outflow as Outflow);
  })[Symbol.asyncIterator]();
}

function watch({ isReady, repeatMs }: { isReady: () => Promise<void>; repeatMs: number }) {
  const waiting = new Waiting();
  const operations = healthOperations({
    services: [],
    isReady,
    stopping: new AbortController().signal,
    lookMs: 1,
    repeatMs,
  });
  const answers = open(operations, { waiting, address: "127.0.0.1" } as AdmittedCall);
  const next = async () =>
    ((await answers.next()).value as HealthCheckResponse | undefined)?.status;
  return { next, leave: () => waiting.leave() };
}

it("Watch says the same status again after a while, so that a watcher who is gone is noticed", async () => {
  const { next, leave } = watch({ isReady: async () => undefined, repeatMs: 2 });
  expect([await next(), await next(), await next()]).toEqual(Array(3).fill(Status.SERVING));
  leave();
  expect(await next()).toBeUndefined();
});

it("Watch streams of one IPv6 /64 are counted together, and who is refused is told the limit", async () => {
  const operations = healthOperations({
    services: [],
    isReady: async () => undefined,
    stopping: new AbortController().signal,
  });
  const waiting = new Waiting();
  const ask = async (address: string) =>
    await open(operations, { waiting, address } as AdmittedCall).next();
  for (let host = 1; host <= MAX_HEALTH_WATCHES; host++) await ask(`2001:db8::${host}`);
  await expect(ask("2001:db8::ffff")).rejects.toMatchObject({
    reason: "RATE_LIMITED",
    headers: [
      ["ratelimit-policy", `"health-watchers-of-address";q=${MAX_HEALTH_WATCHES}`],
      ["ratelimit", '"health-watchers-of-address";r=0'],
    ],
  });
  expect((await ask("2001:db8:0:1::1")).done).toBe(false);
  waiting.leave();
});

it("Watch says nothing while nothing changes", async () => {
  let looks = 0;
  const isReady = async () => {
    looks += 1;
    if (looks > 20) throw new Error("not ready");
  };
  const { next, leave } = watch({ isReady, repeatMs: 3_600_000 });
  expect([await next(), await next()]).toEqual([Status.SERVING, Status.NOT_SERVING]);
  expect(looks).toBe(21);
  leave();
});

it("shareReadyCheck asks once for all who ask at the same moment", async () => {
  let asked = 0;
  let answer = () => {};
  const stopping = new AbortController();
  const check = shareReadyCheck(() => {
    asked += 1;
    return new Promise((resolve) => {
      answer = resolve;
    });
  }, stopping.signal);
  const checks = Array.from({ length: 100 }, () => check(1000));
  answer();
  await Promise.all(checks);
  expect(asked).toBe(1);
  const later = check(1000);
  answer();
  await later;
  expect(asked).toBe(2);
  stopping.abort(new Error("stopping"));
  await expect(check(1000)).rejects.toThrow("stopping");
});
