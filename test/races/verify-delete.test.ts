// VerifyCode while the operator deletes the same person, many times on both databases: one of the
// two is first, and neither fails because of the other.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { verifyCode } from "../../src/actions/verify-code.ts";
import { addLogin, addProject } from "../store/seed.ts";
import { DATABASES, type RunningDatabase } from "../support/databases.ts";
import { portsOver } from "../support/test-ports.ts";

const ROUNDS = 40;

describe.each(DATABASES)("verifyCode against DeleteSubscriber on $name", (kind) => {
  let database: RunningDatabase;
  beforeAll(async () => {
    database = await kind.start();
  });
  afterAll(() => database?.stop());

  test("the person is deleted, and the code is answered or not valid", async () => {
    const { store } = database;
    const project = await addProject(store);
    const ports = portsOver(database);
    const outcomes = new Set<unknown>();
    // One of the two begins some round trips later, so that they meet at different steps.
    const wait = async (trips: number) => {
      for (let trip = 0; trip < trips; trip += 1) await store.ping(10_000);
    };
    const raceOnce = async (lead: number): Promise<void> => {
      const { subscriber, grant } = await addLogin(store, { project });
      const remove = async () => {
        await wait(Math.max(0, -lead));
        return await store.subscribers.delete(project.id, subscriber.id);
      };
      const verify = async () => {
        await wait(Math.max(0, lead));
        await verifyCode(ports, project, { code: grant.code, codeVerifier: null }, null);
        return "verified";
      };
      const refused = (error: { reason?: string }) => error.reason ?? error;
      const [deleted, verified] = await Promise.all([remove(), verify().catch(refused)]);
      outcomes.add(deleted).add(verified);
    };
    for (let round = 0; round < ROUNDS; round += 1) {
      await Promise.all([-1, 1, 2, 3].map(raceOnce));
    }
    expect(outcomes).toEqual(new Set([true, "verified", "CODE_INVALID"]));
  }, 60_000);
});
