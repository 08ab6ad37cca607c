// Processes that start at the same moment on one empty database all need the demo project.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { authenticateApiKey } from "../../src/actions/authenticate.ts";
import { listApiKeys, revokeApiKey } from "../../src/actions/manage-api-key.ts";
import { DEMO_SLUG, ensureDemoProject } from "../../src/demo-project.ts";
import { openKeyring } from "../../src/keyring.ts";
import { DATABASES, type RunningDatabase } from "../support/databases.ts";
import { portsOver } from "../support/test-ports.ts";

describe.each(DATABASES)("ensureDemoProject on $name", (kind) => {
  let database: RunningDatabase;
  beforeAll(async () => {
    database = await kind.start();
  });
  afterAll(() => database?.stop());

  const ports = () => portsOver(database);

  test("ensureDemoProject makes one project for ten simultaneous callers, each with a key that works", async () => {
    const keys = await Promise.all(
      Array.from({ length: 10 }, () =>
        ensureDemoProject(ports(), openKeyring("memory"), "http://127.0.0.1:8080"),
      ),
    );
    for (const key of keys) {
      expect(await authenticateApiKey(ports(), key)).toMatchObject({
        project: { slug: DEMO_SLUG },
      });
    }
    expect(new Set(keys).size).toBe(1);
    expect(await database.query("select slug from projects")).toEqual([{ slug: DEMO_SLUG }]);
  });

  test("ensureDemoProject without a data directory leaves no further key behind at each start", async () => {
    const start = () => ensureDemoProject(ports(), openKeyring("memory"), "http://127.0.0.1:8080");
    const first = await start();
    expect(await start()).toBe(first);
    const [key, ...others] = await listApiKeys(ports(), DEMO_SLUG);
    expect(others).toEqual([]);
    await revokeApiKey(ports(), DEMO_SLUG, key?.id ?? "");
    const second = await start();
    expect(second).not.toBe(first);
    expect(await authenticateApiKey(ports(), first)).toBeNull();
    expect(await authenticateApiKey(ports(), second)).toMatchObject({
      project: { slug: DEMO_SLUG },
    });
    expect(await start()).toBe(second);
  });
});
