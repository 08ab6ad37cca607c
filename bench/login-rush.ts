// A thousand logins a second: taps at fixed moments whether or not the ones before are through (an
// open loop, so that a queue shows in the figures), each followed by VerifyCode, while as many
// sessions are created. Links are opened beforehand.

import { setTimeout as pause } from "node:timers/promises";
import type { Scenario } from "./support/scenario.ts";
import { quantile } from "./support/statistics.ts";
import { type OpenLogin, startTwoProcesses, type TwoProcesses } from "./support/two-processes.ts";

const PER_SECOND = 1000;

/** Seconds of a round. */
const SECONDS = 2;

/** Links being opened at a time. */
const AT_ONCE = 20;

/** The scenario. */
export const loginRush: Scenario = {
  name: "login-rush",
  about: `the same under ${PER_SECOND} logins a second`,
  leftOut: null,
  missing: () => null,
  async run(stage, { rounds, warmUps, scale }) {
    const two = await startTwoProcesses(stage);
    const logins = Math.max(20, PER_SECOND * SECONDS * scale);
    const longest: number[] = [];
    const rates: number[] = [];
    let failed = 0;
    for (let round = 0; round < rounds + warmUps; round += 1) {
      const people = Array.from({ length: logins }, (_, n) => String(round * 1_000_000 + n + 1));
      const open = await openLogins(two, people);
      const { delays, perSecond, failures } = await rush(two, open);
      if (round < warmUps) continue;
      failed += failures;
      longest.push(quantile(delays, 0.99));
      rates.push(perSecond);
    }
    await two.stop();
    return [
      {
        what: `login, tap to completed, ${PER_SECOND} a second, p99`,
        unit: "ms",
        floorName: null,
        floor: [],
        tapin: longest,
        goal: { of: "value", is: "at most", limit: 50 },
        note: `${logins} logins a round, with CreateSession and VerifyCode for each, ${failed} failed in all; done at ${Math.round(quantile(rates, 0.5))} a second, with both processes on one core and the pretend messenger, PostgreSQL and the watchers on the other`,
      },
    ];
  },
};

async function openLogins(
  two: TwoProcesses,
  people: readonly string[],
): Promise<readonly OpenLogin[]> {
  const waiting = people.values();
  const open: OpenLogin[] = [];
  const work = async () => {
    for (const userId of waiting) open.push(await two.openLogin(userId));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return open;
}

interface Rush {
  /**
   * Milliseconds from the moment a tap was due to the code; of a login that failed, to its failure.
   */
  readonly delays: readonly number[];
  readonly failures: number;
  readonly perSecond: number;
}

async function rush(two: TwoProcesses, logins: readonly OpenLogin[]): Promise<Rush> {
  const watches = logins.map(({ sessionId }) => two.watch(sessionId));
  await Promise.all(watches.map(({ open }) => open));
  const beganAt = performance.now();
  let failures = 0;
  const works = logins.map(async (login, index) => {
    const dueAt = beganAt + (index * 1000) / PER_SECOND;
    await pause(Math.max(0, dueAt - performance.now()));
    two.tap(login);
    let toldAt: number | null = null;
    try {
      const created = two.post("/v1/auth/session", { state: "hello" });
      const verified = watches[index]?.told.then(({ code, at }) => {
        toldAt = at;
        return two.post("/v1/auth/verify", { code });
      });
      await Promise.all([created, verified]);
    } catch {
      failures += 1;
    }
    return (toldAt ?? performance.now()) - dueAt;
  });
  const delays = await Promise.all(works);
  const seconds = (performance.now() - beganAt) / 1000;
  return { delays, failures, perSecond: logins.length / seconds };
}
