// What may be asked on the command line.

import { parseArgs } from "node:util";
import type { Effort, Scenario } from "./scenario.ts";

/** What was asked. */
export interface Options {
  readonly scenarios: readonly Scenario[];
  readonly effort: Effort;
  /** File for the report as JSON; null = none. */
  readonly json: string | null;
  /** Whether to put the table into docs/performance.md. */
  readonly write: boolean;
}

const FULL = { rounds: 5, warmUps: 1, length: { seconds: 4 }, scale: 1 } as const;

/** Only to see that everything runs: the figures say nothing. */
const SMOKE = { rounds: 1, warmUps: 0, length: { calls: 256 }, scale: 0.002 } as const;

/** How to call it, with the names of all scenarios. */
export function usage(all: readonly Scenario[]): string {
  const lines = all.map(({ name, about, leftOut }) => {
    return `  ${name.padEnd(14)} ${about}${leftOut === null ? "" : ` (only when named: ${leftOut})`}`;
  });
  return `npm run bench -- [options]
  --only <names>   these scenarios, with commas between (--scenario is the same)
  --rounds <n>     pairs of rounds, default ${FULL.rounds}
  --seconds <n>    seconds of a round, default ${FULL.length.seconds}
  --scale <part>   part of all large numbers (watchers, codes, logins), default ${FULL.scale}
  --sessions <n>   rows of sessions in big-tables, default 10000000
  --smoke          everything for a moment, to see that it runs
  --json <file>    the report with every round's figures
  --write          puts the table into docs/performance.md

${lines.join("\n")}
`;
}

/** Reads the arguments. Throws a sentence when one is wrong. */
export function parseOptions(args: readonly string[], all: readonly Scenario[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: "string" },
      scenario: { type: "string" },
      rounds: { type: "string" },
      seconds: { type: "string" },
      sessions: { type: "string" },
      scale: { type: "string" },
      smoke: { type: "boolean", default: false },
      json: { type: "string" },
      write: { type: "boolean", default: false },
    },
  });
  const seconds = positive("seconds", values.seconds);
  const usual = values.smoke ? SMOKE : FULL;
  return {
    scenarios: chosen(values.only ?? values.scenario, all),
    effort: {
      rounds: positive("rounds", values.rounds) ?? usual.rounds,
      warmUps: usual.warmUps,
      mayInstall: !values.smoke,
      length: seconds === null ? usual.length : { seconds },
      scale: positive("scale", values.scale) ?? usual.scale,
      bigSessions: positive("sessions", values.sessions) ?? 10_000_000,
    },
    json: values.json ?? null,
    write: values.write,
  };
}

function chosen(names: string | undefined, all: readonly Scenario[]): readonly Scenario[] {
  if (names === undefined) return all.filter(({ leftOut }) => leftOut === null);
  return names.split(",").map((name) => {
    const found = all.find((scenario) => scenario.name === name.trim());
    if (found === undefined) throw new Error(`There is no scenario ${name}.`);
    return found;
  });
}

function positive(name: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  const value = Number(text);
  if (!(value > 0)) throw new Error(`--${name} must be a number above 0, not ${text}.`);
  return value;
}
