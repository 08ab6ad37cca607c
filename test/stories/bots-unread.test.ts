// Bots of projects while the database does not list them: it is asked again, and told apart from a
// roster that ended.

import { pino } from "pino";
import { expect, test } from "vitest";
import type { FleetParts } from "../../src/fleet/member.ts";
import { createRoster, placeOf } from "../../src/fleet/roster.ts";
import { awaitCondition } from "../support/await-condition.ts";

const BOT = {
  projectId: "b7d0c1de-0000-4000-8000-000000000001",
  channel: "telegram",
  messengerBotId: "1",
  username: "ShopBot",
  sealedToken: "sealed by another key",
  revision: "1",
} as const;

/** A roster whose first reads fail, and how often it has read. */
function rosterThatFails(failures: number) {
  let reads = 0;
  const list = async () => {
    reads += 1;
    if (reads <= failures) throw new Error("the database is away");
    return [BOT];
  };
  const ports = { store: { bots: { list } }, secrets: { open: () => null } };
  const log = pino({ level: "silent" });
  const roster = createRoster({ ports, log } as unknown as FleetParts);
  return { roster, reads: () => reads };
}

test("createRoster reads the bots again after a failure, without another change of them", async () => {
  const { roster } = rosterThatFails(1);
  await roster.update();
  expect(roster.sealed.size).toBe(0);
  await awaitCondition("the bots are read", async () => roster.sealed.has(placeOf(BOT)));
  await roster.close();
});

test("createRoster tries no more once it is closed", async () => {
  const { roster, reads } = rosterThatFails(Number.POSITIVE_INFINITY);
  await roster.update();
  await awaitCondition("a second try", async () => reads() === 2);
  await roster.close();
  await roster.update();
  expect(reads()).toBe(2);
});
