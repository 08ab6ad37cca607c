// What is remembered of reads that something overtakes, without a database.

import { expect, test } from "vitest";
import type { Session, SessionStatus } from "../../src/core/session.ts";
import { RecentReads, RecentRows } from "../../src/store/recent-rows.ts";

const ID = "aBcDeFgH12345678";

const sessionIn = (status: SessionStatus): Session => ({
  id: ID,
  projectId: "p",
  status,
  sequence: 1,
  state: null,
  redirectUri: null,
  codeChallenge: null,
  matchCode: null,
  client: { ip: null, userAgent: null },
  ttlSeconds: 300,
  ageSeconds: 0,
  remainingMs: 300_000,
  endedMs: null,
  opened: false,
  owner: null,
});

/** A read that ends when the test says so. */
function startRead(rows: RecentRows) {
  const { promise, resolve } = Promise.withResolvers<Session | null>();
  const done = rows.readSession(ID, () => promise);
  return async (status: SessionStatus) => {
    resolve(sessionIn(status));
    await done;
  };
}

test("RecentRows keeps a pending session, and answers it only while the feed is fresh", async () => {
  let isFresh = true;
  const rows = new RecentRows(() => isFresh);
  await startRead(rows)("pending");
  expect(rows.pendingSession(ID)).toMatchObject({ projectId: "p", opened: false, sequence: 1 });
  isFresh = false;
  expect(rows.pendingSession(ID)).toBeNull();
});

test("RecentRows keeps no read that a change has overtaken", async () => {
  const rows = new RecentRows(() => true);
  const overtaken = startRead(rows);
  rows.forgetSession(ID);
  await overtaken("pending");
  expect(rows.pendingSession(ID)).toBeNull();
  const missed = startRead(rows);
  rows.forgetProjects();
  await missed("pending");
  expect(rows.pendingSession(ID)).toBeNull();
});

test("RecentRows forgets a session whose end anybody has read, whichever read began first", async () => {
  const rows = new RecentRows(() => true);
  const [early, late] = [startRead(rows), startRead(rows)];
  await late("completed");
  await early("pending");
  expect(rows.pendingSession(ID)).toBeNull();
  const [first, second] = [startRead(rows), startRead(rows)];
  await second("pending");
  expect(rows.pendingSession(ID)).not.toBeNull();
  await first("cancelled");
  expect(rows.pendingSession(ID)).toBeNull();
});

test("RecentRows remembers a session that somebody is always reading", async () => {
  const rows = new RecentRows(() => true);
  const reads = [startRead(rows), startRead(rows), startRead(rows)];
  await reads[0]?.("pending");
  expect(rows.pendingSession(ID)).not.toBeNull();
});

test("RecentRows keeps nothing of a read that failed or found nothing, and loses nothing by it", async () => {
  const rows = new RecentRows(() => true);
  const failing = rows.readSession(ID, () => Promise.reject(new Error("no")));
  await expect(failing).rejects.toThrow("no");
  expect(rows.pendingSession(ID)).toBeNull();
  await startRead(rows)("opened");
  await rows.readSession(ID, async () => null);
  expect(rows.pendingSession(ID)).not.toBeNull();
});

test("RecentReads shares a read between callers, and begins anew after a change", async () => {
  const reads = new RecentReads<{ n: number }>(() => true);
  let asked = 0;
  const read = () => reads.read("key", async () => ({ n: ++asked }));
  expect(await Promise.all([read(), read(), read()])).toEqual([{ n: 1 }, { n: 1 }, { n: 1 }]);
  const overtaken = read();
  reads.clear();
  expect([await overtaken, await read(), await read()]).toEqual([{ n: 1 }, { n: 2 }, { n: 2 }]);
});

test("RecentReads keeps neither what is not there nor what failed", async () => {
  const reads = new RecentReads<{ n: number }>(() => true);
  expect(await reads.read("key", async () => null)).toBeNull();
  await expect(reads.read("key", () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  expect(await reads.read("key", async () => ({ n: 1 }))).toEqual({ n: 1 });
});
