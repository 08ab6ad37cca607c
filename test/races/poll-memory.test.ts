// Polls answered from memory while another process completes the session: which order of answers
// holds.

import { afterAll, beforeAll, expect, it } from "vitest";
import { deliverStatus } from "../../src/actions/deliver-status.ts";
import type { Project } from "../../src/core/project.ts";
import { type OpenedStore, openStore } from "../../src/store/open.ts";
import { BELIEF_MS } from "../../src/store/recent-rows.ts";
import { addGrant, addKey, addProject, addSession, person } from "../store/seed.ts";
import { awaitCondition } from "../support/await-condition.ts";
import { startPostgres, type TestPostgres } from "../support/postgres.ts";
import { portsOver } from "../support/test-ports.ts";

const SESSIONS = 20;
const POLLERS = 5;

interface Poll {
  readonly began: number;
  readonly ended: number;
  readonly status: string;
}

let server: TestPostgres;
let here: OpenedStore;
let there: OpenedStore;
let project: Project;
let keyHash: string;
beforeAll(async () => {
  server = await startPostgres();
  const options = { databaseUrl: await server.createDatabase(), dataDir: "memory" } as const;
  [here, there] = await Promise.all([openStore(options), openStore(options)]);
  project = await addProject(there.store);
  keyHash = (await addKey(there.store, project)).keyHash;
});
afterAll(async () => {
  await here?.close();
  await there?.close();
  await server?.stop();
});

/** Polls here until told of the end; every poll in the order of its answer. */
async function pollToEnd(sessionId: string, polls: Poll[]): Promise<void> {
  const ports = portsOver(here);
  const caller = { kind: "api_key", project, keyHash } as const;
  for (;;) {
    const began = performance.now();
    const { status } = await deliverStatus(ports, { caller, sessionId, reader: null });
    polls.push({ began, ended: performance.now(), status });
    if (status !== "pending") return;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

it("nobody is told pending after anybody here was told completed, nor 700 ms after it was committed", async () => {
  const who = person();
  const subscriber = await there.store.subscribers.upsert(project.id, who, true);
  const rounds = Array.from({ length: SESSIONS }, async () => {
    const { id } = await addSession(there.store, project);
    await there.store.sessions.open(id, who);
    const polls: Poll[] = [];
    const pollers = Array.from({ length: POLLERS }, () => pollToEnd(id, polls));
    await awaitCondition("it is polled from memory", async () => {
      return (await here.store.sessions.findPending(id)) !== null;
    });
    await there.store.transaction(async (inside) => {
      await inside.sessions.approve(project.id, id, who);
      await addGrant(inside, project, { sessionId: id, subscriberId: subscriber.id });
    });
    const committed = performance.now();
    await Promise.all(pollers);
    return { polls, committed };
  });
  for (const { polls, committed } of await Promise.all(rounds)) {
    const told = Math.min(
      ...polls.filter(({ status }) => status !== "pending").map(({ ended }) => ended),
    );
    const late = polls.filter(
      ({ began, status }) =>
        status === "pending" && (began > told || began > committed + BELIEF_MS),
    );
    expect(late).toEqual([]);
    expect(polls.filter(({ status }) => status === "completed")).toHaveLength(POLLERS);
  }
});
