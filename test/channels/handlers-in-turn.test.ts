// How many handlers of a bot are at work at once, and that none is left in line.

import { expect, it } from "vitest";
import { HANDLERS_AT_ONCE, handlersInTurn } from "../../src/channels/handlers-in-turn.ts";
import type { BotHandlers } from "../../src/core/bot-ports.ts";
import type { Person } from "../../src/core/subscriber.ts";

const PERSON = { userId: "1" } as Person;

it("handlersInTurn: in a crowd a few are at work, in order, and one that fails makes room too", async () => {
  const begun: string[] = [];
  let running = 0;
  let most = 0;
  const start: BotHandlers["start"] = async (_, payload) => {
    begun.push(payload);
    running += 1;
    most = Math.max(most, running);
    await new Promise((resolve) => setImmediate(resolve));
    running -= 1;
    if (payload.endsWith("3")) throw new Error(payload);
    return { kind: "help" };
  };
  const handlers = handlersInTurn({ start } as BotHandlers);
  const payloads = Array.from({ length: 100 }, (_, index) => `person ${index}`);
  const results = await Promise.allSettled(payloads.map((it) => handlers.start(PERSON, it)));
  expect(most).toBe(HANDLERS_AT_ONCE);
  expect(begun).toEqual(payloads);
  expect(results.filter(({ status }) => status === "rejected")).toHaveLength(10);
});

it("handlersInTurn: an update is noted however many are at work", async () => {
  const never: BotHandlers["tap"] = () => new Promise(() => undefined);
  const note: BotHandlers["note"] = async () => "fresh";
  const handlers = handlersInTurn({ tap: never, note } as BotHandlers);
  for (let count = 0; count < 2 * HANDLERS_AT_ONCE; count += 1) void handlers.tap(PERSON, "l:x");
  expect(await handlers.note({ key: "1", payload: null })).toBe("fresh");
});
