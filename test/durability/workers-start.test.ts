// TAPIN_WORKERS where it cannot be, and workers that cannot start: sentences a person can act on,
// told once, and no process left behind.

import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { awaitCondition } from "../support/await-condition.ts";
import { type FailedStart, failToStart } from "../support/failed-start.ts";
import { queryOnce, startPostgres, type TestPostgres } from "../support/postgres.ts";
import { RUNTIMES, startTapin, TEST_SECRET } from "../support/tapin.ts";
import { awaitGone, getAlone, workerPids } from "./workers-stage.ts";

/** What it wrote, when it ended with 1 and wrote nothing else. */
function complaintOf({ code, complaint }: FailedStart): string {
  expect(code, complaint).toBe(1);
  return complaint;
}

describe("TAPIN_WORKERS=2", { timeout: 120_000 }, () => {
  let postgres: TestPostgres;
  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(() => postgres?.stop());

  const settings = async () => ({
    TAPIN_PORT: "0",
    TAPIN_DATABASE_URL: await postgres.createDatabase(),
    TAPIN_SECRET: TEST_SECRET,
    TAPIN_WORKERS: "2",
  });

  test.each(RUNTIMES)("is refused with the embedded database, on %s", async (runtime) => {
    const start = await failToStart(runtime, { TAPIN_PORT: "0", TAPIN_WORKERS: "2" });
    expect(complaintOf(start)).toBe(
      "Tapin cannot start:\n  - TAPIN_WORKERS is 2, and the embedded database has one process: set TAPIN_DATABASE_URL to a PostgreSQL, or TAPIN_WORKERS to 1.\n",
    );
  });

  test("is refused on Deno, where workers would have all permissions", async () => {
    const start = await failToStart("deno", await settings());
    expect(complaintOf(start)).toBe(
      "Tapin cannot start: TAPIN_WORKERS is 2, which needs Node (npm start). On Deno, start several processes with a TAPIN_PORT each.\n",
    );
  });

  test("tells once that the port is taken, by workers of another start, which go on", async () => {
    const env = await settings();
    const first = await startTapin({ env });
    onTestFinished(async () => void (await first.end()));
    const { port } = new URL(first.url);
    const sentence = `Tapin cannot start: Tapin cannot listen on 127.0.0.1:${port}: the port is in use; stop what uses it, or choose another one (TAPIN_PORT).\n`;
    for (const TAPIN_WORKERS of ["2", "1"]) {
      const second = await failToStart("node", { ...env, TAPIN_PORT: port, TAPIN_WORKERS });
      expect(complaintOf(second)).toBe(sentence);
    }
    expect((await getAlone(`${first.url}/readyz`, "")).status).toBe(200);
  });

  test("gives up when no worker can start any more, and goes on while one serves", async () => {
    const env = await settings();
    const tapin = await startTapin({ env });
    onTestFinished(async () => void (await tapin.end("SIGKILL")));
    const pids = workerPids(tapin);
    const unknown = "insert into migrations (name) values ('9999-from-the-future')";
    await queryOnce(env.TAPIN_DATABASE_URL, unknown);
    process.kill(pids.get(1) ?? 0, "SIGKILL");
    const refusals = async () => (tapin.output().match(/Tapin cannot start/g) ?? []).length >= 2;
    await awaitCondition("it has tried to start another one twice", refusals, 60_000);
    expect((await getAlone(`${tapin.url}/readyz`, "")).status).toBe(200);
    // A signal that changes nothing: the end is its own.
    const ended = tapin.end("SIGCONT");
    process.kill(pids.get(2) ?? 0, "SIGKILL");
    expect(await ended).toBe(1);
    expect(tapin.output()).toMatch(
      /^Tapin ends: its workers could not start, \d times in a row\.$/m,
    );
    await awaitGone(pids.values(), 10_000);
  });
});
