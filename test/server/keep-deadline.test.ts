// keepDeadline, called directly: what it leaves behind.

import { getEventListeners } from "node:events";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { keepDeadline } from "../../src/server/deadline.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
});
afterEach(() => {
  vi.useRealTimers();
});

it.each([
  ["throws before it promises anything", () => unable()],
  ["rejects", async () => unable()],
])("keepDeadline of work that %s leaves no timer and no listener", async (_, begin) => {
  const { signal } = new AbortController();
  const late: unknown[] = [];
  const onLateFailure = (error: unknown) => late.push(error);
  const kept = keepDeadline<void>(begin, { signal, leftMs: 30_000, onLateFailure });
  await expect(kept).rejects.toThrow("unable");
  expect(vi.getTimerCount()).toBe(0);
  expect(getEventListeners(signal, "abort")).toEqual([]);
  expect(late).toEqual([]);
});

function unable(): never {
  throw new Error("unable");
}
