// Alarms: each rings once and in time, whatever the others do, with one timer for all.

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Alarms } from "../../src/server/alarms.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe("Alarms", () => {
  it("rings each in its time and once, in whatever order they were set", () => {
    const alarms = new Alarms();
    const rung: number[] = [];
    for (const ms of [300, 100, 200]) alarms.set(ms, () => rung.push(ms));
    vi.advanceTimersByTime(99);
    expect(rung).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(rung).toEqual([100]);
    vi.advanceTimersByTime(900);
    expect(rung).toEqual([100, 200, 300]);
    expect(alarms.size).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("rings none that was called off, and those after it still in time", () => {
    const alarms = new Alarms();
    const rung: string[] = [];
    const callOff = alarms.set(100, () => rung.push("called off"));
    alarms.set(150, () => rung.push("kept"));
    callOff();
    vi.advanceTimersByTime(149);
    expect([rung, alarms.size]).toEqual([[], 1]);
    vi.advanceTimersByTime(1);
    expect(rung).toEqual(["kept"]);
  });

  it("has one timer for a thousand, and none once its time is over", () => {
    const alarms = new Alarms();
    const callOffs = Array.from({ length: 1000 }, () => alarms.set(30_000, () => {}));
    expect(vi.getTimerCount()).toBe(1);
    for (const callOff of callOffs) callOff();
    vi.advanceTimersByTime(30_000);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("rings one that another sets when it rings", () => {
    const alarms = new Alarms();
    const rung: string[] = [];
    alarms.set(10, () => alarms.set(5, () => rung.push("second")));
    alarms.set(1000, () => rung.push("last"));
    vi.advanceTimersByTime(15);
    expect(rung).toEqual(["second"]);
  });
});
