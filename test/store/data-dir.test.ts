// The embedded database on disk: one process at a time, and nothing lost or blocked by a killed
// one.

import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { lockDataDir } from "../../src/store/data-dir-lock.ts";
import { openStore } from "../../src/store/open.ts";
import { startChild } from "./child.ts";
import { addLogin } from "./seed.ts";

// Making a database takes seconds on a busy machine, and most tests here make one.
vi.setConfig({ testTimeout: 90_000 });

let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "tapin-data-"));
});
afterAll(() => rm(home, { recursive: true, force: true }));

const open = (dataDir: string) => openStore({ databaseUrl: null, dataDir });

test("openStore keeps its data in the directory, for its owner only and one store at a time", async () => {
  const dataDir = join(home, "kept", "deeper");
  const first = await open(dataDir);
  await expect(open(dataDir)).rejects.toThrow(/deeper is in use by another Tapin process/);
  const { project, grant } = await addLogin(first.store);
  await first.close();
  expect((await stat(dataDir)).mode & 0o077).toBe(0);
  expect((await readdir(dataDir)).sort()).toEqual(["db", "lock"]);
  const second = await open(dataDir);
  expect(await second.store.projects.find(project.id)).toEqual(project);
  expect(await second.store.grants.verify(project.id, grant.codeHash, null)).not.toBeNull();
  await second.close();
});

test("openStore frees at once what a process before had in hand: nobody else can be there", async () => {
  const dataDir = join(home, "in-hand");
  const first = await open(dataDir);
  await first.store.leases.acquire("work", "one", 60);
  await first.store.processes.hear("one");
  await first.store.updates.note("telegram:1", { key: "u1", payload: "a", holder: "one" });
  await first.close();
  const { store, close } = await open(dataDir);
  expect(await store.leases.acquire("work", "two", 60)).toBe(true);
  const take = { holder: "two", olderThanSeconds: 90, maxAgeSeconds: 1800, limit: 50 };
  expect(await store.updates.takeUnfinished("telegram:1", take)).toEqual([
    { key: "u1", payload: "a" },
  ]);
  expect(await store.updates.takeUnfinished("telegram:1", take)).toEqual([]);
  await close();
});

test("openStore refuses a directory it cannot use, in a sentence that names it", async () => {
  const file = join(home, "file");
  await writeFile(file, "");
  await expect(open(file)).rejects.toThrow(file);
});

test("lockDataDir is free again after release, and release twice is harmless", async () => {
  const directory = await mkdtemp(join(home, "lock-"));
  const lock = lockDataDir(directory);
  expect(() => lockDataDir(directory)).toThrow("in use");
  lock.release();
  lock.release();
  lockDataDir(directory).release();
});

describe.each(["node", "deno"] as const)("a process of %s", (runtime) => {
  test("starts over a killed start, holds its directory until it is killed, and loses no commit", async () => {
    const dataDir = join(home, `killed-${runtime}`);
    // What a process leaves that was killed while it made its database.
    await mkdir(join(dataDir, "db.new"), { recursive: true });
    await writeFile(join(dataDir, "db.new", "PG_VERSION"), "18\n");
    const child = await startChild(runtime, dataDir);
    expect(child.said).toEqual({ made: true, woken: "changed", status: "opened", sequence: 2 });
    await expect(open(dataDir)).rejects.toThrow("in use by another Tapin process");
    const other = await startChild(runtime === "node" ? "deno" : "node", dataDir);
    expect(other.said).toEqual({ failed: expect.stringContaining("in use by another") });
    await other.end();
    await child.kill();
    const opened = await open(dataDir);
    expect(await opened.store.sessions.findAny("childSession1234")).toMatchObject({
      status: "opened",
      sequence: 2,
    });
    await opened.close();
    const next = await startChild(runtime, dataDir);
    expect(next.said).toMatchObject({ made: false, status: "opened" });
    expect(await next.end()).toBe(0);
  });
});

test("Deno opens and writes in memory with nothing to read but its own code and packages", async () => {
  const child = await startChild("deno", "memory");
  expect(child.said).toEqual({ made: true, woken: "changed", status: "opened", sequence: 2 });
  expect(await child.end()).toBe(0);
});
