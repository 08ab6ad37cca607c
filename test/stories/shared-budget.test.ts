// Two processes on one PostgreSQL, one on Node and one on Deno, share a project's budget.

import { afterAll, beforeAll, expect, it } from "vitest";
import { CLIENTS } from "../support/clients.ts";
import { CallError } from "../support/contract-client.ts";
import { printFigure } from "../support/figure.ts";
import { type Stage, startStage } from "../support/story-stage.ts";
import { startTapin, type Tapin } from "../support/tapin.ts";

const BUDGET = 60;

let stage: Stage;
let second: Tapin;
beforeAll(async () => {
  stage = await startStage({ env: { TAPIN_RATE_LIMIT: String(BUDGET) } });
  second = await startTapin({
    runtime: "deno",
    env: {
      TAPIN_DATABASE_URL: stage.databaseUrl,
      TAPIN_SANDBOX: "off",
      TAPIN_RATE_LIMIT: String(BUDGET),
    },
  });
});
afterAll(async () => {
  expect(await second.end()).toBe(0);
  await stage.stop();
});

it("two processes together allow a project's budget, and little more; another project keeps its own", async () => {
  const [project, other] = [await stage.project(), await stage.project()];
  const sites = [project.client(), CLIENTS.REST(second.url, project.apiKey)];
  let allowed = 0;
  for (let call = 0; call < 2 * BUDGET; call++) {
    const site = sites[call % 2];
    try {
      await site?.getLink();
      allowed += 1;
    } catch (error) {
      if (!(error instanceof CallError) || error.reason !== "rate_limited") throw error;
    }
  }
  printFigure("allowed of a budget of 60 by two processes", String(allowed));
  expect(allowed).toBeGreaterThanOrEqual(BUDGET);
  // Each may not know of a tenth of the budget that the other has counted, and of what comes while it asks.
  expect(allowed).toBeLessThanOrEqual(BUDGET * 1.5);
  expect(await CLIENTS.REST(second.url, other.apiKey).getLink()).toBeTruthy();
});
