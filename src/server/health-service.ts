// grpc.health.v1, the health protocol of gRPC
// (https://github.com/grpc/grpc/blob/master/doc/health-checking.md): what /readyz says, for the
// server and for each of its services. Anybody may ask.

import { setTimeout as pause } from "node:timers/promises";
import {
  Health,
  HealthCheckResponse_ServingStatus as Status,
} from "#gen/grpc/health/v1/health_pb.ts";
import { callerNetwork } from "../core/address.ts";
import { TapinError } from "../errors.ts";
import { READY_CHECK_MS, type ReadyCheck } from "./health.ts";
import { type Operation, serverStream, unary } from "./operation.ts";
import { createPlaces } from "./places.ts";

/** Milliseconds between two looks for those who watch: a change is told at most so much later. */
export const HEALTH_LOOK_MS = 1000;

/**
 * Milliseconds after which a status that has not changed is said again: a watcher that is gone
 * without goodbye is noticed by that, and a proxy does not take the stream for dead.
 */
export const HEALTH_REPEAT_MS = 30_000;

/** Open Watch streams one address, or IPv6 /64, may have; each costs a look every second. */
export const MAX_HEALTH_WATCHES = 100;

/** What the health service is made of. */
export interface HealthParts {
  /**
   * Full names of the services whose health may be asked for, besides "", the server as a whole.
   */
  readonly services: readonly string[];
  readonly isReady: ReadyCheck;
  /**
   * Aborts when the server is about to stop, so that watchers are told before their stream ends.
   */
  readonly stopping: AbortSignal;
  /** Default: HEALTH_LOOK_MS. */
  readonly lookMs?: number;
  /** Default: HEALTH_REPEAT_MS. */
  readonly repeatMs?: number;
}

/** The operations of Health. */
export function healthOperations(parts: HealthParts): readonly Operation[] {
  const names = ["", ...parts.services];
  const look = async () => {
    try {
      await parts.isReady(READY_CHECK_MS);
      return Status.SERVING;
    } catch {
      return Status.NOT_SERVING;
    }
  };
  const take = createPlaces("health-watchers");
  return [
    unary(Health.method.check, "anybody", async ({ service }) => {
      if (names.includes(service)) return { status: await look() };
      throw new TapinError("NOT_FOUND", { sentence: "There is no such service." });
    }),
    unary(Health.method.list, "anybody", async () => {
      const status = await look();
      return { statuses: Object.fromEntries(names.map((name) => [name, { status }])) };
    }),
    serverStream(Health.method.watch, "anybody", async function* ({ service }, call) {
      const { signal } = call.waiting;
      const id = callerNetwork(call.address);
      const leave = take([{ what: "address", id, most: MAX_HEALTH_WATCHES }]);
      // Services do not come and go while the process lives, so an unknown one stays unknown.
      const lookAt = names.includes(service) ? look : async () => Status.SERVICE_UNKNOWN;
      try {
        for await (const status of watch(parts, lookAt, signal)) yield { status };
      } finally {
        leave();
      }
    }),
  ];
}

async function* watch(
  { stopping, lookMs = HEALTH_LOOK_MS, repeatMs = HEALTH_REPEAT_MS }: HealthParts,
  look: () => Promise<Status>,
  signal: AbortSignal,
): AsyncIterable<Status> {
  let said: Status | null = null;
  let saidAt = 0;
  const woken = AbortSignal.any([signal, stopping]);
  while (!signal.aborted) {
    const status = await look();
    if (status !== said || performance.now() - saidAt >= repeatMs) {
      yield status;
      said = status;
      saidAt = performance.now();
    }
    const wake = stopping.aborted ? signal : woken;
    await pause(lookMs, undefined, { signal: wake }).catch(() => {});
  }
}
