// watchSession on a signal that outlives it, as one combined from several does: Node keeps such a signal for as long
// as anybody listens to it, so a watch that has ended must not.

import { randomBytes } from "node:crypto";
import { getEventListeners } from "node:events";
import { afterAll, beforeAll, expect, it } from "vitest";
import { cancelSession } from "../../src/actions/cancel-session.ts";
import { createSession } from "../../src/actions/create-session.ts";
import { watchSession } from "../../src/actions/watch-session.ts";
import { NO_OBSERVER } from "../../src/core/observer.ts";
import type { Ports } from "../../src/core/ports.ts";
import type { Project } from "../../src/core/project.ts";
import { createSecrets } from "../../src/core/secret.ts";
import { DATABASES, type RunningDatabase } from "../support/databases.ts";
import { NO_BOTS } from "../support/no-bots.ts";

let database: RunningDatabase | undefined;
let ports: Ports;
let project: Project;
beforeAll(async () => {
  const [kind] = DATABASES;
  if (kind === undefined) throw new Error("there is no database");
  database = await kind.start();
  const { store, changes } = database;
  ports = {
    store,
    changes,
    secrets: createSecrets(["a secret for tests that is long enough"]),
    random: (count) => randomBytes(count),
    bots: NO_BOTS,
    observer: NO_OBSERVER,
    settings: { sessionTtlSeconds: 300, codeTtlSeconds: 300, avatarsUrl: null },
  };
  const made = await store.projects.create({
    slug: "shop",
    name: "Shop",
    callbackUrl: "https://shop.example/login",
    originUrl: null,
    redirectUris: [],
    matchCodeRequired: false,
    subscription: "automatic",
  });
  if (made === null) throw new Error("no project");
  project = made;
});
afterAll(() => database?.stop());

/** A watch of a new session, and how many listen to its signal. */
async function begin() {
  const client = { ip: null, userAgent: null };
  const input = { state: null, redirectUri: null, codeChallenge: null, matchCode: false, client };
  const { session } = await createSession(ports, project, input, null);
  const { signal } = new AbortController();
  const views = watchSession(ports, {
    caller: { kind: "api_key", project },
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
  await cancelSession(ports, { caller: { kind: "api_key", project }, sessionId: session.id });
  while ((await views.next()).done !== true);
  expect(listeners()).toBe(0);
});

it("watchSession whose reader leaves early leaves nobody listening to the signal", async () => {
  const { views, listeners } = await begin();
  await views.next();
  await views.return();
  expect(listeners()).toBe(0);
});
