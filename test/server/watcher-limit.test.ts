// The places of watchers (T24): given back once, by whatever path the watcher leaves.

import { expect, it } from "vitest";
import { TapinError } from "../../src/errors.ts";
import { createWatcherLimit } from "../../src/server/watcher-limit.ts";

function makeRoom(watchersPerSession: number) {
  const enter = createWatcherLimit({ watchersPerSession, watchersPerProject: 0 });
  return (signal: AbortSignal) =>
    enter({ sessionId: "s", projectId: "p", address: "203.0.113.9", signal });
}

const living = () => new AbortController().signal;

it("T24 a watcher that stalls and vanishes, so that only its signal tells, gives its place back", () => {
  const enter = makeRoom(1);
  const watcher = new AbortController();
  const leave = enter(watcher.signal);
  expect(() => enter(living())).toThrow(TapinError);
  watcher.abort();
  const leaveNext = enter(living());
  // What ends later takes nobody else's place away.
  leave();
  leave();
  expect(() => enter(living())).toThrow(TapinError);
  leaveNext();
  enter(living());
});

it("T24 a watcher that has gone already takes no place", () => {
  const enter = makeRoom(1);
  expect(() => enter(AbortSignal.abort())).toThrow("aborted");
  enter(living());
});

it("a refused watcher takes no place: of a full project it is not counted for its session", () => {
  const enter = createWatcherLimit({ watchersPerSession: 2, watchersPerProject: 2 });
  const watch = (sessionId: string, projectId: string) =>
    enter({ sessionId, projectId, address: null, signal: living() });
  watch("a", "p");
  const leave = watch("b", "p");
  expect(() => watch("c", "p")).toThrow("Too many watchers of this project");
  leave();
  watch("c", "p");
  watch("c", "other");
});

it("0 is no limit", () => {
  const enter = makeRoom(0);
  for (let watcher = 0; watcher < 1000; watcher++) enter(living());
});
