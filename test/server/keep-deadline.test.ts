// keepDeadline, called directly: what it leaves behind.

import { expect, it } from "vitest";
import { alarms, keepDeadline } from "../../src/server/deadline.ts";
import type { Waiting } from "../../src/server/waiting.ts";

it.each([
  ["throws before it promises anything", () => unable()],
  ["rejects", async () => unable()],
])("keepDeadline of work that %s leaves no alarm and no listener", async (_, begin) => {
  let listening = 0;
  const onOver: Waiting["onOver"] = () => {
    listening += 1;
    return () => {
      listening -= 1;
    };
  };
  const late: unknown[] = [];
  const onLateFailure = (error: unknown) => late.push(error);
  const deadline = { waiting: { throwIfOver: () => {}, onOver }, leftMs: 30_000, onLateFailure };
  await expect(async () => keepDeadline<void>(begin, deadline)).rejects.toThrow("unable");
  expect(alarms.size).toBe(0);
  expect(listening).toBe(0);
  expect(late).toEqual([]);
});

function unable(): never {
  throw new Error("unable");
}
