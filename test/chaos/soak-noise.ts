// What happens to a service beside logins: watchers that leave politely, that vanish, that never
// read, and calls that are refused.

import { setTimeout as pause } from "node:timers/promises";
import { CLIENTS, DIALECTS } from "../support/clients.ts";
import { firstOf, refusalOf } from "../support/contract-client.ts";
import { RAW_WATCHERS } from "../support/raw-watcher.ts";
import { restFetch } from "../support/rest-client.ts";

/** Where the noise is made. */
export interface NoiseParts {
  readonly url: string;
  readonly apiKey: string;
}

/** Milliseconds between two rounds. */
const ROUND_MS = 250;

/**
 * Makes noise until the signal; resolves when all that was opened is closed. Rejects when an answer
 * is not what it must be.
 */
export async function makeNoise(parts: NoiseParts, signal: AbortSignal): Promise<void> {
  const { sessionId, watchToken } = await CLIENTS.REST(parts.url, parts.apiKey).createSession();
  let watched = { sessionId, watchToken, since: performance.now() };
  for (let round = 0; !signal.aborted; round++) {
    if (performance.now() - watched.since > 60_000) {
      const next = await CLIENTS.REST(parts.url, parts.apiKey).createSession();
      watched = { ...next, since: performance.now() };
    }
    await Promise.all([
      watchAndLeave(parts, watched, round),
      watchAndVanish(parts, watched, round),
      beRefused(parts, round),
    ]);
    await pause(ROUND_MS);
  }
}

interface Watched {
  readonly sessionId: string;
  readonly watchToken: string;
}

async function watchAndLeave(
  { url }: NoiseParts,
  { sessionId, watchToken }: Watched,
  round: number,
): Promise<void> {
  const dialect = DIALECTS[round % DIALECTS.length] ?? "REST";
  const client = CLIENTS[dialect](url, watchToken);
  // connect-web goes on reading a stream that is merely left.
  const leave = new AbortController();
  await firstOf(client.watchSession(sessionId, { signal: leave.signal }));
  leave.abort();
  client.close();
}

async function watchAndVanish(
  { url }: NoiseParts,
  { sessionId, watchToken: bearer }: Watched,
  round: number,
): Promise<void> {
  const port = Number(new URL(url).port);
  const forms = Object.values(RAW_WATCHERS);
  const open = forms[round % forms.length];
  if (open === undefined) return;
  const watcher = await open({ port, bearer, sessionId, reads: round % 4 < 2 });
  await pause(Math.random() * 2000);
  watcher.vanish(round % 2 === 0);
}

async function beRefused({ url, apiKey }: NoiseParts, round: number): Promise<void> {
  const dialect = DIALECTS[round % DIALECTS.length] ?? "REST";
  const client = CLIENTS[dialect](url, apiKey);
  const bearer = `tapin_live_${"x".repeat(32)}`;
  const reasons = [
    (await refusalOf(client.verifyCode({ code: "no-code" }))).reason,
    (await refusalOf(client.getSessionStatus("aBcDeFgH12345678"))).reason,
    (await refusalOf(client.getLink({ bearer }))).reason,
    (await refusalOf(client.createSession({ state: "two words" }))).reason,
  ];
  client.close();
  const expected = ["code_invalid", "session_not_found", "unauthorized", "validation_failed"];
  if (String(reasons) !== String(expected)) throw new Error(`refused with ${reasons}`);
  const lost = await restFetch(`${url}/no/such/path`);
  await lost.body?.cancel();
}
