// Logins by the second: taps at fixed moments whether or not the ones before are through (an open
// loop, so that a queue shows in the figures), each followed by VerifyCode, while as many sessions
// are created. First a thousand a second, then the most that are through within the goal.

import { type Rush, rush } from "./support/rush.ts";
import type { Effort, Scenario } from "./support/scenario.ts";
import { median } from "./support/statistics.ts";
import { startTwoProcesses, type TwoProcesses } from "./support/two-processes.ts";

const PER_SECOND = 1000;

/** Seconds of a round. */
const SECONDS = 2;

/** Milliseconds from the tap to the code, of 99 in 100. */
const GOAL_MS = 50;

/** Rates that are tried in turn: each a quarter above the one before, the last is PER_SECOND. */
const RATES = Array.from({ length: 14 }, (_, n) =>
  Math.min(PER_SECOND, Math.round(50 * 1.25 ** n)),
);

/** Logins of a try, at least: fewer have no 99th part. */
const LEAST_LOGINS = 200;

const WHERE =
  "both processes on one core, the pretend messenger, PostgreSQL and the watchers on the other";

/** The scenario. */
export const loginRush: Scenario = {
  name: "login-rush",
  about: `the same under ${PER_SECOND} logins a second, and the most that are carried`,
  leftOut: null,
  missing: () => null,
  async run(stage, { rounds, warmUps, scale }) {
    const two = await startTwoProcesses(stage);
    const full: Rush[] = [];
    const climbs: Climb[] = [];
    for (let round = 0; round < rounds + warmUps; round += 1) {
      const whole = await rush(two, { perSecond: PER_SECOND, logins: loginsOf(PER_SECOND, scale) });
      if (round < warmUps) continue;
      full.push(whole);
      climbs.push(await climb(two, scale));
    }
    await two.stop();
    return [
      {
        what: `login, tap to completed, ${PER_SECOND} a second, p99`,
        unit: "ms",
        floorName: null,
        floor: [],
        tapin: full.map(({ p99 }) => p99),
        goal: { of: "value", is: "at most", limit: GOAL_MS },
        note: `a round is ${full[0]?.logins} logins with CreateSession and VerifyCode for each, ${WHERE}: ${inWords(full)}`,
      },
      {
        what: `login, tap to completed, most a second with p99 <= ${GOAL_MS} ms`,
        unit: "logins/s",
        floorName: null,
        floor: [],
        tapin: climbs.map(({ carried }) => carried?.perSecond ?? 0),
        goal: null,
        note: `rates from ${RATES[0]} a second on, each a quarter above the one before, until one fails twice; ${climbInWords(climbs)}`,
      },
    ];
  },
};

function loginsOf(perSecond: number, scale: Effort["scale"]): number {
  const logins = Math.max(LEAST_LOGINS, perSecond * SECONDS);
  return Math.max(10, Math.round(logins * scale));
}

interface Climb {
  /** The last rate that was carried; null = not even the first. */
  readonly carried: Rush | null;
  /** The one that was not; null = all were. */
  readonly missed: Rush | null;
}

async function climb(two: TwoProcesses, scale: number): Promise<Climb> {
  let carried: Rush | null = null;
  for (const perSecond of RATES) {
    const wanted = { perSecond, logins: loginsOf(perSecond, scale) };
    let tried = await rush(two, wanted);
    // Anything else on the machine may have been in the way for a moment.
    if (!isCarried(tried)) tried = await rush(two, wanted);
    if (!isCarried(tried)) return { carried, missed: tried };
    carried = tried;
  }
  return { carried, missed: null };
}

function isCarried({ p99, failures }: Rush): boolean {
  return p99 <= GOAL_MS && failures.length === 0;
}

function inWords(rushes: readonly Rush[]): string {
  const doneAt = Math.round(median(rushes.map(({ donePerSecond }) => donePerSecond)));
  const half = Math.round(median(rushes.map(({ p50 }) => p50)));
  const failures = rushes.flatMap((each) => each.failures);
  const why = failures.length === 0 ? "" : ` (${[...new Set(failures)].slice(0, 3).join("; ")})`;
  return `${doneAt} a second were done, half within ${half} ms of their tap, ${failures.length} failed in all${why}`;
}

function climbInWords(climbs: readonly Climb[]): string {
  const texts = climbs.map(({ carried, missed }) => {
    const best = carried === null ? "none carried" : rateInWords(carried);
    return missed === null ? best : `${best}, then ${rateInWords(missed)}`;
  });
  return `p50 and p99 of each round: ${texts.join("; ")}`;
}

function rateInWords({ perSecond, p50, p99, failures }: Rush): string {
  const failed = failures.length === 0 ? "" : `, ${failures.length} failed`;
  return `${p50.toFixed(1)} and ${p99.toFixed(1)} ms at ${perSecond}${failed}`;
}
