// keepDeadline, called directly: what it leaves behind.

import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { keepDeadline } from "../../src/server/deadline.ts";
import type { Waiting } from "../../src/server/waiting.ts";

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
  let listening = 0;
  const onOver: Waiting["onOver"] = () => {
    listening += 1;
    return () => {
      listening -= 1;
    };
  };
  const late: unknown[] = [];
  const onLateFailure = (error: unknown) => late.push(error);
  const kept = keepDeadline<void>(begin, {
    waiting: { throwIfOver: () => {}, onOver },
    leftMs: 30_000,
    onLateFailure,
  });
  await expect(kept).rejects.toThrow("unable");
  expect(vi.getTimerCount()).toBe(0);
  expect(listening).toBe(0);
  expect(late).toEqual([]);
});

function unable(): never {
  throw new Error("unable");
}
