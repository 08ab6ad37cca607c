// watchSession on a signal that outlives it, as one combined from several does: Node keeps such a signal for as long
// as anybody listens to it, so a watch that has ended must not.

import { getEventListeners } from "node:events";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Caller } from "../../src/actions/caller.ts";
import { cancelSession } from "../../src/actions/cancel-session.ts";
import { createSession } from "../../src/actions/create-session.ts";
import { watchSession } from "../../src/actions/watch-session.ts";
import type { Ports } from "../../src/core/ports.ts";
import { addKey, addProject } from "../store/seed.ts";
import { DATABASES, type RunningDatabase } from "../support/databases.ts";
import { portsOver } from "../support/test-ports.ts";

let database: RunningDatabase | undefined;
let ports: Ports;
let caller: Caller & { kind: "api_key" };
beforeAll(async () => {
  const [kind] = DATABASES;
  if (kind === undefined) throw new Error("there is no database");
  database = await kind.start();
  ports = portsOver(database);
  const project = await addProject(database.store);
  const { keyHash } = await addKey(database.store, project);
  caller = { kind: "api_key", project, keyHash };
});
afterAll(() => database?.stop());

/** A watch of a new session, and how many listen to its signal. */
async function begin() {
  const client = { ip: null, userAgent: null };
  const input = { state: null, redirectUri: null, codeChallenge: null, matchCode: false, client };
  const { session } = await createSession(ports, caller.project, input, null);
  const { signal } = new AbortController();
  const views = watchSession(ports, {
    caller,
    sessionId: session.id,
    reader: null,
    signal,
    enter: () => () => {},
  });
  const listeners = () => getEventListeners(signal, "abort").length;
  return { session, views, listeners };
}

it("watchSession that ends with its session leaves nobody listening to the signal", async () => {
  const { session, views, listeners } = await begin();
  await views.next();
  expect(listeners()).toBe(1);
  await cancelSession(ports, { caller, sessionId: session.id });
  while ((await views.next()).done !== true);
  expect(listeners()).toBe(0);
});

it("watchSession whose reader leaves early leaves nobody listening to the signal", async () => {
  const { views, listeners } = await begin();
  await views.next();
  await views.return();
  expect(listeners()).toBe(0);
});
