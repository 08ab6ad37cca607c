// T9: one code, many verifies at the same moment. Exactly one succeeds, whatever the dialect, the
// runtime, the database or the process.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CallError, type ContractClient, type Profile } from "../support/contract-client.ts";
import { printFigure, stopwatch } from "../support/figure.ts";
import {
  confirmLogin,
  makePostgresStorage,
  makeSite,
  type Site,
  STORAGES,
  type TestStorage,
} from "../support/site.ts";
import { RUNTIMES, startTapin, type Tapin } from "../support/tapin.ts";

const CALLS = 200;

interface Verifies {
  readonly profiles: readonly Profile[];
  readonly refusals: readonly CallError[];
}

/** Verifies the code 200 times at once, by these clients in turn. */
async function verifyAtOnce(code: string, clients: readonly ContractClient[]): Promise<Verifies> {
  const calls = Array.from({ length: CALLS }, (_, index) =>
    (clients[index % clients.length] as ContractClient).verifyCode({ code }),
  );
  const profiles: Profile[] = [];
  const refusals: CallError[] = [];
  for (const result of await Promise.allSettled(calls)) {
    if (result.status === "fulfilled") profiles.push(result.value);
    else if (result.reason instanceof CallError) refusals.push(result.reason);
    else throw result.reason;
  }
  return { profiles, refusals };
}

/** Everything a refused caller can see, except the id of the request. */
function seenBy({ message, reason, code, violations }: CallError): string {
  return JSON.stringify({ message, reason, code, violations });
}

function expectOneSuccess({ profiles, refusals }: Verifies): void {
  expect(profiles).toHaveLength(1);
  expect(refusals).toHaveLength(CALLS - 1);
  const sentence = "The code is not valid.";
  const uniform = { message: sentence, reason: "code_invalid", violations: [] };
  expect(new Set(refusals.map(seenBy))).toEqual(
    new Set([
      seenBy({ ...uniform, code: 400 } as unknown as CallError),
      seenBy({ ...uniform, code: "failed_precondition" } as unknown as CallError),
    ]),
  );
}

describe.each(STORAGES)("verifyCode on $name", ({ name, makeStorage }) => {
  describe.each(RUNTIMES)("on %s", (runtime) => {
    let storage: TestStorage;
    let tapin: Tapin;
    let site: Site;
    beforeAll(async () => {
      storage = await makeStorage();
      tapin = await startTapin({ runtime, env: storage.env });
      site = await makeSite(tapin);
    });
    afterAll(async () => {
      site?.close();
      await tapin?.end();
      await storage?.remove();
    });

    test("T9 verifyCode answers one of 200 simultaneous calls, half REST, half gRPC, and refuses 199 alike", async () => {
      const login = await confirmLogin(tapin, site, { who: { first_name: "Ann" } });
      const watch = stopwatch();
      const outcome = await verifyAtOnce(login.code, [site.rest, site.grpc]);
      printFigure(`200 verifies of one code, ${name}, ${runtime}`, String(watch));
      expectOneSuccess(outcome);
      expect(outcome.profiles[0]).toMatchObject({ firstName: "Ann", channel: "telegram" });
    });

    test("verifyCode gives one answer to 50 simultaneous calls with one Idempotency-Key", async () => {
      const { code } = await confirmLogin(tapin, site);
      const headers = { "idempotency-key": "one and the same" };
      const calls = Array.from({ length: 50 }, (_, index) =>
        (index % 2 === 0 ? site.rest : site.grpc).verifyCode({ code }, { headers }),
      );
      const profiles = await Promise.all(calls);
      expect(new Set(profiles.map((profile) => JSON.stringify(profile))).size).toBe(1);
      await expect(site.rest.verifyCode({ code })).rejects.toMatchObject({
        reason: "code_invalid",
      });
    });
  });
});

describe("verifyCode at two processes on one PostgreSQL", () => {
  let storage: TestStorage;
  let processes: Tapin[] = [];
  let site: Site;
  beforeAll(async () => {
    storage = await makePostgresStorage();
    // The first one polls the bot: the lease lets only one process do it.
    processes = [await startTapin({ env: storage.env })];
    processes.push(await startTapin({ runtime: "deno", env: storage.env }));
    site = await makeSite(processes[0] as Tapin);
  });
  afterAll(async () => {
    site?.close();
    await Promise.all(processes.map((tapin) => tapin.end()));
    await storage?.remove();
  });

  test("T9 verifyCode answers one of 200 simultaneous calls at a Node and a Deno process", async () => {
    const [first, second] = processes as [Tapin, Tapin];
    const { code } = await confirmLogin(first, site);
    const other = site.at(second);
    const clients = [site.rest, other.rest, site.grpc, other.grpc];
    expectOneSuccess(await verifyAtOnce(code, clients));
  });
});
