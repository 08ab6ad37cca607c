// The timer wheel: never early, at most a tick late, each time once, and no timer while nobody
// waits.

import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { TICK_MS, TimerWheel } from "../../src/store/timer-wheel.ts";

beforeEach(
  () => void vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] }),
);
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

interface Item {
  readonly name: string;
  dueTick: number;
}

const item = (name: string): Item => ({ name, dueTick: 0 });

/** A wheel, and who was due when. */
function makeWheel() {
  const due: [string, number][] = [];
  const wheel = new TimerWheel<Item>(({ name }) => due.push([name, performance.now()]));
  return { wheel, due };
}

it("TimerWheel calls back once for each, in their order, never early and at most a tick late", () => {
  const { wheel, due } = makeWheel();
  const delays = [0, 1, 249, 250, 251, 1000, 14_000, 2 ** 31];
  const began = performance.now();
  for (const delay of delays.toReversed()) wheel.set(item(String(delay)), delay);
  vi.advanceTimersByTime(20_000);
  expect(due.map(([name]) => Number(name)).sort((a, b) => a - b)).toEqual(delays.slice(0, -1));
  for (const [name, at] of due) {
    expect(at - began).toBeGreaterThanOrEqual(Number(name));
    expect(at - began).toBeLessThanOrEqual(Number(name) + TICK_MS);
  }
  expect(vi.getTimerCount()).toBe(1);
});

it("TimerWheel set again calls back at the new time only, and delete not at all", () => {
  const { wheel, due } = makeWheel();
  const [first, second] = [item("first"), item("second")];
  wheel.set(first, 1000);
  wheel.set(second, 1000);
  wheel.set(first, 5000);
  wheel.delete(second);
  wheel.delete(second);
  vi.advanceTimersByTime(4000);
  expect(due).toEqual([]);
  vi.advanceTimersByTime(2000);
  expect(due.map(([name]) => name)).toEqual(["first"]);
});

it("TimerWheel runs its timer only while anybody waits", () => {
  const { wheel, due } = makeWheel();
  expect(vi.getTimerCount()).toBe(0);
  const only = item("only");
  wheel.set(only, 100);
  expect(vi.getTimerCount()).toBe(1);
  wheel.delete(only);
  expect(vi.getTimerCount()).toBe(0);
  vi.advanceTimersByTime(60_000);
  wheel.set(only, 100);
  vi.advanceTimersByTime(1000);
  expect(due).toHaveLength(1);
  expect(vi.getTimerCount()).toBe(0);
});

it("TimerWheel lets who is due set itself again and take others back", () => {
  const due: string[] = [];
  const [first, second] = [item("first"), item("second")];
  const wheel = new TimerWheel<Item>((who) => {
    due.push(who.name);
    if (who !== first) return;
    wheel.delete(second);
    if (due.length < 3) wheel.set(first, 0);
  });
  wheel.set(first, 0);
  wheel.set(second, 0);
  vi.advanceTimersByTime(10 * TICK_MS);
  expect(due).toEqual(["first", "first", "first"]);
  expect(vi.getTimerCount()).toBe(0);
});

it("TimerWheel makes up for the moments of a process that was held up, in their order", () => {
  const { wheel, due } = makeWheel();
  for (const delay of [2000, 300, 900]) wheel.set(item(String(delay)), delay);
  const late = performance.now() + 5000;
  vi.spyOn(performance, "now").mockImplementation(() => late);
  vi.advanceTimersByTime(TICK_MS);
  expect(due.map(([name]) => name)).toEqual(["300", "900", "2000"]);
});
