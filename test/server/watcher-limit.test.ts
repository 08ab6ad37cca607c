// The places of watchers (T24): given back once, by whatever path the watcher leaves.

import { expect, it } from "vitest";
import { TapinError } from "../../src/errors.ts";
import { createWatcherLimit } from "../../src/server/watcher-limit.ts";

function makeRoom(watchersPerSession: number) {
  const enter = createWatcherLimit({ watchersPerSession, watchersPerProject: 0 });
  return () => enter({ sessionId: "s", projectId: "p", address: "203.0.113.9" });
}

it("T24 a watcher that leaves gives its place back, once however often it says so", () => {
  const enter = makeRoom(1);
  const leave = enter();
  expect(() => enter()).toThrow(TapinError);
  leave();
  const leaveNext = enter();
  // What ends later takes nobody else's place away.
  leave();
  leave();
  expect(() => enter()).toThrow(TapinError);
  leaveNext();
  enter();
});

it("a refused watcher takes no place: of a full project it is not counted for its session", () => {
  const enter = createWatcherLimit({ watchersPerSession: 2, watchersPerProject: 2 });
  const watch = (sessionId: string, projectId: string) =>
    enter({ sessionId, projectId, address: null });
  watch("a", "p");
  const leave = watch("b", "p");
  expect(() => watch("c", "p")).toThrow("Too many watchers of this project");
  leave();
  watch("c", "p");
  watch("c", "other");
});

it("0 is no limit", () => {
  const enter = makeRoom(0);
  for (let watcher = 0; watcher < 1000; watcher++) enter();
});
