// createWatchSession: what is read and what is told, with a store that counts and that the test can
// hold up.

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { SessionView } from "../../src/actions/deliver-status.ts";
import { createWatchSession, HEARTBEAT_MS, type Watch } from "../../src/actions/watch-session.ts";
import type { Project } from "../../src/core/project.ts";
import type { Session } from "../../src/core/session.ts";
import { TapinError } from "../../src/errors.ts";
import { ChangeHub } from "../../src/store/change-feed.ts";
import { portsOver } from "../support/test-ports.ts";

const PROJECT = { id: "p" } as Project;
const ID = "aBcDeFgH12345678";

/** A store of one session, whose reads are counted and may be held up. */
function makeWorld() {
  let isFresh = true;
  let isKnown = true;
  let hold: Promise<void> | null = null;
  let reads = 0;
  let row = { id: ID, projectId: "p", status: "pending", opened: false, sequence: 1 } as Session;
  const session = async () => {
    reads += 1;
    const found = { ...row, remainingMs: 300_000, endedMs: null };
    await hold;
    return found;
  };
  const store = {
    apiKeys: { findProject: async () => (isKnown ? PROJECT : null) },
    sessions: { find: session, findAny: session },
    grants: {
      read: async () => ({ session: await session(), grant: null }),
      deliver: async () => null,
    },
  };
  const changes = new ChangeHub(undefined, () => isFresh);
  const ports = portsOver({ store, changes } as never);
  const watchSession = createWatchSession(ports);
  return {
    changes,
    reads: () => reads,
    change: (next: Partial<Session>) => {
      row = { ...row, ...next };
    },
    forgetKey() {
      isKnown = false;
    },
    becomeStale() {
      isFresh = false;
    },
    holdReads(until: Promise<void>) {
      hold = until;
    },
    watch(more: Partial<Watch> = {}) {
      const told: (SessionView | "beat")[] = [];
      const ends: unknown[] = [];
      let left = 0;
      const running = watchSession({
        caller: { kind: "watch_token", token: ports.secrets.watchTokenOf(ID) },
        sessionId: ID,
        reader: { kind: "watch_token" },
        enter: () => () => (left += 1),
        tell: (view, isBeat) => told.push(isBeat ? "beat" : view),
        end: (failure) => ends.push(failure),
        ...more,
      });
      return { running, told, ends, left: () => left };
    },
  };
}

const byKey = { caller: { kind: "api_key", project: PROJECT, keyHash: "h" } } as const;

let world: ReturnType<typeof makeWorld>;
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
  world = makeWorld();
});
afterEach(() => void vi.useRealTimers());

/** Lets everything that waits for nothing but its turn go on. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

const pass = async (ms: number) => {
  vi.advanceTimersByTime(ms);
  await settle();
};

describe("watchSession", () => {
  it("reads the row once for all watchers with the token that one change wakes, and tells all the same object", async () => {
    const watchers = Array.from({ length: 50 }, () => world.watch());
    await settle();
    const before = world.reads();
    world.change({ opened: true, sequence: 2 });
    world.changes.wake(ID);
    await settle();
    expect(world.reads() - before).toBe(1);
    const [first] = watchers;
    for (const { told } of watchers) {
      expect(told).toHaveLength(2);
      expect(told[1]).toBe(first?.told[1]);
    }
  });

  it("beats without reading while the feed is fresh, and reads when nobody knows", async () => {
    const { told, running } = world.watch();
    await settle();
    const before = world.reads();
    for (let beat = 1; beat <= 5; beat += 1) await pass(HEARTBEAT_MS + 250);
    expect(told.slice(1)).toEqual(Array(5).fill("beat"));
    expect(world.reads()).toBe(before);
    world.becomeStale();
    world.change({ opened: true, sequence: 2 });
    await pass(HEARTBEAT_MS + 250);
    expect(world.reads()).toBe(before + 1);
    expect(told.slice(6)).toEqual(["beat", expect.objectContaining({ sequence: 2 })]);
    running.stop();
  });

  it("beats although the database does not answer", async () => {
    world.becomeStale();
    const { told, running } = world.watch();
    await settle();
    world.holdReads(new Promise(() => {}));
    for (let beat = 1; beat <= 3; beat += 1) await pass(HEARTBEAT_MS + 250);
    expect(told.slice(1)).toEqual(["beat", "beat", "beat"]);
    running.stop();
  });

  it("hears a change that comes while it reads", async () => {
    const { told, running } = world.watch();
    await settle();
    const { promise, resolve } = Promise.withResolvers<void>();
    world.holdReads(promise);
    world.changes.wake(ID);
    await settle();
    world.change({ opened: true, sequence: 2 });
    world.changes.wake(ID);
    resolve();
    await settle();
    expect(told.at(-1)).toMatchObject({ sequence: 2 });
    running.stop();
  });

  it("ends after a terminal status, and leaves no follower and no place", async () => {
    const { told, ends, left } = world.watch();
    await settle();
    world.change({ status: "cancelled", sequence: 2 });
    world.changes.wake(ID);
    await settle();
    expect(told.at(-1)).toMatchObject({ status: "cancelled" });
    expect([ends, left(), world.changes.size]).toEqual([[null], 1, 0]);
    await pass(2 * HEARTBEAT_MS);
    expect(told).toHaveLength(2);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("looks at the row when its time is over", async () => {
    const { told, ends } = world.watch();
    await settle();
    world.change({ status: "expired", sequence: 2 });
    await pass(300_000 + 500);
    expect(told.at(-1)).toMatchObject({ status: "expired" });
    expect(ends).toEqual([null]);
  });

  it("fails with unauthorized as its key is revoked", async () => {
    const { ends, left } = world.watch(byKey);
    await settle();
    world.forgetKey();
    world.changes.wakeProject("p");
    await settle();
    expect(ends).toEqual([expect.objectContaining({ reason: "UNAUTHORIZED" })]);
    expect([left(), world.changes.size]).toEqual([1, 0]);
  });

  it("stopped tells nothing more, and who was refused took no place", async () => {
    const stopped = world.watch();
    stopped.running.stop();
    const refused = world.watch({
      enter() {
        throw new TapinError("RATE_LIMITED");
      },
    });
    await settle();
    expect(stopped.told).toEqual([]);
    expect(refused.ends).toEqual([expect.objectContaining({ reason: "RATE_LIMITED" })]);
    expect([stopped.left(), refused.left(), world.changes.size]).toEqual([0, 0, 0]);
  });
});
