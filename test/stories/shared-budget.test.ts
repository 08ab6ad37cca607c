// Two processes on one PostgreSQL, one on Node and one on Deno, share the budgets of projects and
// of addresses.

import { afterAll, beforeAll, expect, it } from "vitest";
import { createSecrets } from "../../src/core/secret.ts";
import { awaitCondition } from "../support/await-condition.ts";
import { CLIENTS } from "../support/clients.ts";
import { CallError, type ContractClient } from "../support/contract-client.ts";
import { printFigure } from "../support/figure.ts";
import { type Stage, startStage } from "../support/story-stage.ts";
import { startTapin, type Tapin, TEST_SECRET } from "../support/tapin.ts";

const REQUESTS = 60;
const FAILURES = 40;
const SESSIONS = 20;

const LIMITS = {
  TAPIN_RATE_LIMIT: String(REQUESTS),
  TAPIN_FAILURE_LIMIT: String(FAILURES),
  TAPIN_SESSION_LIMIT: String(SESSIONS),
  TAPIN_TRUSTED_PROXIES: "127.0.0.0/8, ::1",
};

let stage: Stage;
let second: Tapin;
beforeAll(async () => {
  stage = await startStage({ env: LIMITS });
  second = await startTapin({
    runtime: "deno",
    env: { TAPIN_DATABASE_URL: stage.databaseUrl, TAPIN_SANDBOX: "off", ...LIMITS },
  });
});
afterAll(async () => {
  expect(await second.end()).toBe(0);
  await stage.stop();
});

/** The same caller at both processes. */
function bothOf(bearer: string | null): readonly [ContractClient, ContractClient] {
  return [stage.client("REST", bearer), CLIENTS.REST(second.url, bearer)];
}

/** Whether the call is anything but `rate_limited`. */
async function isAllowed(call: Promise<unknown>): Promise<boolean> {
  try {
    await call;
    return true;
  } catch (error) {
    if (!(error instanceof CallError)) throw error;
    return error.reason !== "rate_limited";
  }
}

/** How many calls are allowed before one is not, of at most so many. */
async function countAllowed(most: number, call: () => Promise<unknown>): Promise<number> {
  let allowed = 0;
  while (allowed < most && (await isAllowed(call()))) allowed += 1;
  return allowed;
}

/**
 * What is added up of a caller: the key of its row is made from the secret that all processes have.
 */
async function sumOf(caller: string): Promise<number> {
  const key = createSecrets([TEST_SECRET]).derive(`budget|${caller}`);
  const [row] = await stage.query("select used from budgets where key = $1", [key]);
  return Number(row?.used ?? 0);
}

/**
 * Uses a budget up at the first process, then asks the second one, which does not know the caller
 * yet.
 */
async function expectShared(
  caller: string,
  budget: number,
  [here, there]: readonly [() => Promise<unknown>, () => Promise<unknown>],
): Promise<void> {
  expect(await countAllowed(2 * budget, here)).toBe(budget);
  await awaitCondition("the first has added up", async () => (await sumOf(caller)) === budget);
  const tenth = budget / 10;
  expect(await countAllowed(tenth, there)).toBe(tenth);
  await awaitCondition("the second asked", async () => (await sumOf(caller)) === budget + tenth);
  const more = await countAllowed(budget, there);
  const [what = ""] = caller.split(" ");
  printFigure(`${what} allowed by two processes, of ${budget}`, String(budget + tenth + more));
  // A few while it takes the sum over; a whole budget, if it did not.
  expect(more).toBeLessThan(budget / 2);
}

async function idOf({ slug }: { slug: string }): Promise<string> {
  const [row] = await stage.query("select id from projects where slug = $1", [slug]);
  return String(row?.id);
}

it("two processes together allow a project's budget, and little more; another project keeps its own", async () => {
  const [project, other] = [await stage.project(), await stage.project()];
  const sites = bothOf(project.apiKey);
  let allowed = 0;
  for (let call = 0; call < REQUESTS; call++) {
    for (const site of sites) if (await isAllowed(site.getLink())) allowed += 1;
  }
  printFigure(`requests allowed by two processes, of ${REQUESTS}`, String(allowed));
  expect(allowed).toBeGreaterThanOrEqual(REQUESTS);
  // Each may not know of a tenth of the budget that the other has counted, and of what comes while
  // it asks.
  expect(allowed).toBeLessThanOrEqual(REQUESTS * 1.5);
  expect(await CLIENTS.REST(second.url, other.apiKey).getLink()).toBeTruthy();
});

it("T10 failed lookups of an address count together, and those of another address do not", async () => {
  const from = (address: string) => ({ headers: { "x-forwarded-for": address } });
  const [here, there] = bothOf(null);
  await expectShared("failures address 203.0.113.7", FAILURES, [
    () => here.getLink(from("203.0.113.7")),
    () => there.getLink(from("203.0.113.7")),
  ]);
  const neighbour = there.getLink(from("203.0.113.8"));
  await expect(neighbour).rejects.toMatchObject({ reason: "unauthorized" });
});

it("T10 unknown sessions and codes count together for a project", async () => {
  const project = await stage.project();
  const [here, there] = bothOf(project.apiKey);
  await expectShared(`failures project ${await idOf(project)}`, FAILURES, [
    () => here.verifyCode({ code: "x" }),
    () => there.getSessionStatus("aBcDeFgH12345678"),
  ]);
});

it("sessions for one client address count together, and those for another do not", async () => {
  const project = await stage.project();
  const [here, there] = bothOf(project.apiKey);
  const client = { ip: "203.0.113.9" };
  await expectShared(`sessions ${await idOf(project)} 203.0.113.9`, SESSIONS, [
    () => here.createSession({ client }),
    () => there.createSession({ client }),
  ]);
  expect(await there.createSession({ client: { ip: "203.0.113.10" } })).toBeTruthy();
});

it("no address and no project can be read from what is kept of them", async () => {
  const rows = await stage.query("select key from budgets");
  expect(rows.length).toBeGreaterThanOrEqual(4);
  for (const { key } of rows) expect(key).toMatch(/^[A-Za-z0-9_-]{43}$/);
});
