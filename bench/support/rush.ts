// Logins at a fixed rate, from their taps to their ends, and what became of them.

import { setTimeout as pause } from "node:timers/promises";
import { awaitCondition } from "../../test/support/await-condition.ts";
import type { OpenLogin } from "./open-logins.ts";
import { quantile } from "./statistics.ts";
import type { TwoProcesses, Watch } from "./two-processes.ts";

/** What is wanted. */
export interface WantedRush {
  readonly perSecond: number;
  /** How many in all. */
  readonly logins: number;
}

/** What came of it. */
export interface Rush extends WantedRush {
  /**
   * Milliseconds from the moment a tap was due until its watcher had the code; of a login that
   * failed, until its failure.
   */
  readonly p50: number;
  readonly p99: number;
  /** Logins by the second, from the first tap to the end of the last call. */
  readonly donePerSecond: number;
  /** What did not succeed, and how: a sentence each, without ids. */
  readonly failures: readonly string[];
}

/** Milliseconds after the last login in which every person has to have been answered. */
const ANSWERED_MS = 60_000;

/** Opens the logins and their watches, then taps. */
export async function rush(two: TwoProcesses, wanted: WantedRush): Promise<Rush> {
  const { perSecond } = wanted;
  const logins = await two.openLogins(wanted.logins);
  const watches = logins.map(({ sessionId }) => two.watch(sessionId));
  await Promise.all(watches.map(({ open }) => open));
  const failures: string[] = [];
  const beganAt = performance.now();
  const works = watches.map(async (watch, index) => {
    const login = logins[index] as OpenLogin;
    const dueAt = beganAt + (index * 1000) / perSecond;
    await pause(Math.max(0, dueAt - performance.now()));
    return (await logIn(two, { login, watch, failures })) - dueAt;
  });
  const delays = await Promise.all(works);
  const donePerSecond = logins.length / ((performance.now() - beganAt) / 1000);
  failures.push(...(await unanswered(two, logins)));
  const [p50, p99] = [quantile(delays, 0.5), quantile(delays, 0.99)];
  return { ...wanted, p50, p99, donePerSecond, failures };
}

interface Login {
  readonly login: OpenLogin;
  readonly watch: Watch;
  readonly failures: string[];
}

/** Taps, and does what the website does. The moment the code was told, or that it failed. */
async function logIn(two: TwoProcesses, { login, watch, failures }: Login): Promise<number> {
  const failed = (error: unknown) => {
    failures.push(sentenceOf(error, login));
    return null;
  };
  two.tap(login);
  const created = two.post("/v1/auth/session", { state: "hello" }).catch(failed);
  const told = await watch.told.catch(failed);
  const toldAt = told?.at ?? performance.now();
  if (told !== null) await two.post("/v1/auth/verify", { code: told.code }).catch(failed);
  await created;
  return toldAt;
}

function sentenceOf(error: unknown, { sessionId }: OpenLogin): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replaceAll(sessionId, "a session").replace(/,"request_id":"[^"]*"/, "");
}

async function unanswered(
  two: TwoProcesses,
  logins: readonly OpenLogin[],
): Promise<readonly string[]> {
  const left = () => logins.filter((login) => !two.isAnswered(login));
  await awaitCondition("everybody is answered", async () => left().length === 0, ANSWERED_MS).catch(
    () => undefined,
  );
  return left().map(() => "a person was left without an answer in the chat");
}
