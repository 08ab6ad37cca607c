// Processes that start at the same moment on one empty database all need the demo project.

import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { authenticateApiKey } from "../../src/actions/authenticate.ts";
import { createSecrets } from "../../src/core/secret.ts";
import { DEMO_SLUG, ensureDemoProject } from "../../src/demo-project.ts";
import { openKeyring } from "../../src/keyring.ts";
import { DATABASES, type RunningDatabase } from "../support/databases.ts";
import { NO_BOTS } from "../support/no-bots.ts";

describe.each(DATABASES)("ensureDemoProject on $name", (kind) => {
  let database: RunningDatabase;
  beforeAll(async () => {
    database = await kind.start();
  });
  afterAll(() => database?.stop());

  test("ensureDemoProject makes one project for ten simultaneous callers, each with a key that works", async () => {
    const ports = {
      store: database.store,
      changes: database.changes,
      secrets: createSecrets(["a secret for tests that is long enough"]),
      random: (count: number) => randomBytes(count),
      bots: NO_BOTS,
      settings: { sessionTtlSeconds: 300, codeTtlSeconds: 300 },
    };
    const keys = await Promise.all(
      Array.from({ length: 10 }, () =>
        ensureDemoProject(ports, openKeyring("memory"), "http://127.0.0.1:8080"),
      ),
    );
    for (const key of keys) {
      expect(await authenticateApiKey(ports, key)).toMatchObject({ slug: DEMO_SLUG });
    }
    expect(await database.query("select slug from projects")).toEqual([{ slug: DEMO_SLUG }]);
  });
});
