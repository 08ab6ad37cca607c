// Health: `/healthz` tells that the process lives, `/readyz` that it can do its work. Neither wants
// a key.

import { TapinError } from "../errors.ts";
import { answerJson } from "./exchange.ts";
import type { PlainRoute } from "./front.ts";
import { readOnlyRoute } from "./read-only-route.ts";

/** Milliseconds the checks of `/readyz` may take. */
export const READY_CHECK_MS = 2000;

/** Resolves when the process can serve, rejects with the reason otherwise. */
export type ReadyCheck = (timeoutMs: number) => Promise<void>;

/**
 * The check as all who ask share it: those who ask while one is under way get its outcome, so that
 * however many strangers ask, the database is asked once at a time. Not ready as soon as the server
 * stops.
 */
export function shareReadyCheck(check: ReadyCheck, stopping: AbortSignal): ReadyCheck {
  let underWay: Promise<void> | null = null;
  return async (timeoutMs) => {
    stopping.throwIfAborted();
    underWay ??= check(timeoutMs).finally(() => {
      underWay = null;
    });
    await underWay;
  };
}

/** The two health routes. */
export function healthRoutes(isReady: ReadyCheck): readonly PlainRoute[] {
  return [
    readOnlyRoute("/healthz", async (exchange) => {
      await answerJson(exchange, { status: 200, body: { status: "ok" } });
    }),
    readOnlyRoute("/readyz", async (exchange) => {
      try {
        await isReady(READY_CHECK_MS);
      } catch (cause) {
        throw new TapinError("UNAVAILABLE", { sentence: "Tapin is not ready.", cause });
      }
      await answerJson(exchange, { status: 200, body: { status: "ready" } });
    }),
  ];
}
