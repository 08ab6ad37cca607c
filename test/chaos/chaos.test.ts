// The short forms of `npm run chaos`, and the rolling replacement: what must hold for a hundred
// kills holds for a few.

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { printFigure } from "../support/figure.ts";
import { startPostgres, type TestPostgres } from "../support/postgres.ts";
import { type ChaosReport, runChaos } from "./run-chaos.ts";

/** Milliseconds a process may take to end after SIGTERM (contract section 6). */
const EXIT_LIMIT_MS = 10_000;

describe("logins through two processes on one PostgreSQL", { timeout: 300_000 }, () => {
  let postgres: TestPostgres;
  beforeEach(async () => {
    postgres = await startPostgres();
  });
  afterEach(() => postgres?.stop());

  const runtimes = ["node", "deno"] as const;

  function print(what: string, { logins, figures, longestExitMs }: ChaosReport): void {
    const all = Object.entries({ logins, ...figures, longestExitMs: Math.round(longestExitMs) });
    printFigure(what, all.map(([name, value]) => `${name} ${value}`).join(", "));
  }

  test.each(["polling", "webhook"] as const)(
    "survive kill -9 at random moments (%s): none lost, none twice",
    async (updates) => {
      const databaseUrl = await postgres.createDatabase();
      const signal = "SIGKILL";
      const report = await runChaos({ databaseUrl, updates, signal, times: 3, runtimes });
      print(`kill -9, ${updates}`, report);
      expect(report.problems).toEqual([]);
      expect(report.figures.verified).toBeGreaterThan(0);
      expect(report.figures.refused).toBeGreaterThan(0);
    },
  );

  test.each(["polling", "webhook"] as const)(
    "see no failure while both processes are replaced one after the other (%s)",
    async (updates) => {
      const databaseUrl = await postgres.createDatabase();
      const signal = "SIGTERM";
      const report = await runChaos({ databaseUrl, updates, signal, times: 2, runtimes });
      print(`rolling replacement, ${updates}`, report);
      expect(report.problems).toEqual([]);
      expect(report.figures.expired).toBe(0);
      expect(report.exits).toEqual([0, 0]);
      expect(report.longestExitMs).toBeLessThan(EXIT_LIMIT_MS);
      expect(report.figures.verified).toBeGreaterThan(0);
    },
  );
});
