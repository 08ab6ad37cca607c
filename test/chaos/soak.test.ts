// The short form of `npm run soak`: that it runs, and that nothing is left of its traffic.

import { afterEach, beforeEach, expect, test } from "vitest";
import { printFigure } from "../support/figure.ts";
import { startPostgres, type TestPostgres } from "../support/postgres.ts";
import { runSoak } from "./run-soak.ts";

let postgres: TestPostgres;
beforeEach(async () => {
  postgres = await startPostgres();
});
afterEach(() => postgres?.stop());

test("some seconds of logins, departed watchers and refusals leaves nothing behind", {
  timeout: 240_000,
}, async () => {
  const databaseUrl = await postgres.createDatabase();
  const report = await runSoak({ databaseUrl, seconds: 12, everySeconds: 2 });
  const { before, after, logins, problems, samples } = report;
  printFigure("soak, 12 s", `${logins} logins, after ${JSON.stringify(after)}`);
  expect(problems).toEqual([]);
  expect(logins).toBeGreaterThan(0);
  expect(Math.max(...samples.map(({ watchers }) => watchers))).toBeGreaterThan(0);
  expect(after.watchers).toBe(0);
  // What the pool of the database holds now, and was not opened before the traffic.
  expect(after.descriptors).toBeLessThanOrEqual(before.descriptors + 10);
});
