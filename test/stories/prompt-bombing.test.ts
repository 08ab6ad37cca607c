// T11: nobody can be bombed with a project's prompts. One is live for a person, and who has
// cancelled three within ten minutes gets no more for a while. On both messengers and both
// runtimes.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CHANNELS } from "../../src/core/subscriber.ts";
import type { ContractClient, CreatedSession } from "../support/contract-client.ts";
import { labelsOf, type Person } from "../support/person.ts";
import { openIn, type Stage, startStage } from "../support/story-stage.ts";
import { RUNTIMES } from "../support/tapin.ts";

const SOON = { timeout: 10_000 };
const BUTTONS = ["Login", "Cancel"];
const COOLDOWN = "Too many requests were cancelled. Try again in a few minutes.";

describe.each(RUNTIMES)("T11 on %s", (runtime) => {
  let stage: Stage;
  let website: ContractClient;
  beforeAll(async () => {
    stage = await startStage({ runtime });
    website = (await stage.project()).client();
  });
  afterAll(() => stage?.stop());

  describe.each(CHANNELS)("through %s", (channel) => {
    const newPerson = () => stage.person({ channel });
    const open = (person: Person, session: CreatedSession) => openIn(channel, person, session);
    const openNew = async (person: Person, site = website) =>
      await open(person, await site.createSession());

    it("one live prompt for each person and project: the newer replaces the older and says so", async () => {
      const [person, neighbour] = [newPerson(), newPerson()];
      const other = (await stage.project()).client();
      const older = await openNew(person);
      const [elsewhere, theirs] = [await openNew(person, other), await openNew(neighbour)];
      const session = await website.createSession();
      const newer = await open(person, session);
      await expect
        .poll(() => person.bubble(older.message_id), SOON)
        .toMatchObject({ text: "A newer sign-in request has replaced this one.", buttons: [] });
      for (const [who, { message_id }] of [
        [person, newer],
        [person, elsewhere],
        [neighbour, theirs],
      ] as const) {
        expect(labelsOf(await who.bubble(message_id))).toEqual(BUTTONS);
      }
      await person.tap("Login", newer.message_id);
      expect(await website.getSessionStatus(session.sessionId)).toMatchObject({
        status: "completed",
      });
    });

    it("three cancels within ten minutes: no prompt of that project until one of them is older", async () => {
      const [person, neighbour] = [newPerson(), newPerson()];
      const other = (await stage.project()).client();
      for (let turn = 0; turn < 3; turn += 1) {
        expect(labelsOf(await openNew(person))).toEqual(BUTTONS);
        expect((await person.tap("Cancel")).text).toBe("Sign-in cancelled.");
      }
      const session = await website.createSession();
      expect(await open(person, session)).toMatchObject({ text: COOLDOWN, buttons: [] });
      expect(await website.getSessionStatus(session.sessionId)).toEqual({ status: "pending" });
      expect(labelsOf(await openNew(person, other))).toEqual(BUTTONS);
      expect(labelsOf(await openNew(neighbour))).toEqual(BUTTONS);

      await stage.query(
        `update prompts set closed_at = closed_at - interval '10 minutes' where token = (
           select token from prompts where messenger_user_id = $1 and status = 'cancelled' limit 1
         )`,
        [person.id],
      );
      expect(labelsOf(await open(person, session))).toEqual(BUTTONS);
      await person.tap("Login");
      expect(await website.getSessionStatus(session.sessionId)).toMatchObject({
        status: "completed",
      });
    });
  });
});
