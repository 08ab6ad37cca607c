// T22: whom Login subscribes under each policy of a project, what the person reads about it, and
// how they end it. On both messengers and both runtimes.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CHANNELS, type Channel } from "../../src/core/subscriber.ts";
import type { ContractClient } from "../support/contract-client.ts";
import { type Bubble, codeOf, labelsOf, type Person } from "../support/person.ts";
import { openIn, type Stage, type StoryProject, startStage } from "../support/story-stage.ts";
import { RUNTIMES } from "../support/tapin.ts";

const SOON = { timeout: 10_000 };
const CONSENT = "You will also receive notifications. Send /stop to turn them off.";
const SUBSCRIBED = "Notifications are on. Send /stop to turn them off.";
const DONE = "You are signed in.";

describe.each(RUNTIMES)("T22 on %s", (runtime) => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await startStage({ runtime });
  });
  afterAll(() => stage?.stop());

  /** Opens a session's link and taps Login. */
  async function logIn(channel: Channel, website: ContractClient, person: Person) {
    const prompt = await openIn(channel, person, await website.createSession());
    const confirmed = await person.tap("Login");
    return { prompt, confirmed };
  }

  const verify = (website: ContractClient, confirmed: Bubble) =>
    website.verifyCode({ code: codeOf(confirmed) });

  const isSubscribed = async (person: Person) => {
    const rows = await stage.query(
      "select subscribed from subscribers where messenger_user_id = $1",
      [person.id],
    );
    return rows.map(({ subscribed }) => subscribed);
  };

  /** What the message says and offers, once it has been settled. */
  const settled = async (person: Person, { message_id }: Bubble) => {
    await expect
      .poll(async () => labelsOf(await person.bubble(message_id)), SOON)
      .not.toContain("Go to website");
    const bubble = await person.bubble(message_id);
    return [bubble.text, ...labelsOf(bubble)];
  };

  describe.each(CHANNELS)("through %s", (channel) => {
    const newPerson = () => stage.person({ channel });

    it("automatic: Login subscribes and the prompt says so; /stop ends it, the next Login begins it", async () => {
      const website = (await stage.project()).client();
      const person = newPerson();
      const { prompt, confirmed } = await logIn(channel, website, person);
      expect(prompt.text).toContain(CONSENT);
      expect(labelsOf(confirmed)).toEqual(["Go to website"]);
      expect(await isSubscribed(person)).toEqual([true]);
      await verify(website, confirmed);
      expect(await settled(person, confirmed)).toEqual([DONE]);
      expect((await person.type("/stop")).text).toMatch(/^Notifications are off\./);
      expect(await isSubscribed(person)).toEqual([false]);
      await logIn(channel, website, person);
      expect(await isSubscribed(person)).toEqual([true]);
    });

    it("ask: the person is asked after Login, and can say yes after the website let them in", async () => {
      const website = (await stage.project({ subscription: "ask" })).client();
      const person = newPerson();
      const { prompt, confirmed } = await logIn(channel, website, person);
      expect(prompt.text).not.toMatch(/notifications/i);
      expect(labelsOf(confirmed)).toEqual(["Go to website", "Notify me"]);
      await verify(website, confirmed);
      expect(await settled(person, confirmed)).toEqual([DONE, "Notify me"]);
      expect(await isSubscribed(person)).toEqual([false]);

      await person.tap("Notify me", confirmed.message_id);
      expect(await person.bubble(confirmed.message_id)).toMatchObject({
        text: SUBSCRIBED,
        buttons: [],
      });
      expect(await isSubscribed(person)).toEqual([true]);
      expect(labelsOf((await logIn(channel, website, person)).confirmed)).toEqual([
        "Go to website",
      ]);

      await person.type("/stop");
      expect(await isSubscribed(person)).toEqual([false]);
      const again = await logIn(channel, website, person);
      expect(labelsOf(again.confirmed)).toEqual(["Go to website", "Notify me"]);
      expect(await isSubscribed(person)).toEqual([false]);
    });

    it("ask: a yes at once keeps the way to the website, which goes once the code is used", async () => {
      const website = (await stage.project({ subscription: "ask" })).client();
      const person = newPerson();
      const { confirmed } = await logIn(channel, website, person);
      await person.tap("Notify me", confirmed.message_id);
      const told = await person.bubble(confirmed.message_id);
      expect(told.text).toContain(SUBSCRIBED);
      expect(labelsOf(told)).toEqual(["Go to website"]);
      expect(codeOf(told)).toBe(codeOf(confirmed));
      expect(await isSubscribed(person)).toEqual([true]);
      await verify(website, told);
      expect(await settled(person, confirmed)).toEqual([DONE]);
    });

    it("off: nobody is subscribed and nobody is asked", async () => {
      const website = (await stage.project({ subscription: "off" })).client();
      const person = newPerson();
      const { prompt, confirmed } = await logIn(channel, website, person);
      expect(prompt.text).not.toMatch(/notifications/i);
      expect(labelsOf(confirmed)).toEqual(["Go to website"]);
      await verify(website, confirmed);
      expect(await settled(person, confirmed)).toEqual([DONE]);
      expect(await isSubscribed(person)).toEqual([false]);
      expect((await person.type("/stop")).text).toMatch(/^Notifications are off\./);
    });
  });

  describe("T13 a button that asks for notifications too late", () => {
    let project: StoryProject;
    let person: Person;
    let confirmed: Bubble;
    beforeAll(async () => {
      project = await stage.project({ subscription: "ask" });
      person = stage.person();
    });

    async function tapLate(spoil: () => Promise<unknown>): Promise<void> {
      const website = project.client();
      ({ confirmed } = await logIn("telegram", website, person));
      await verify(website, confirmed);
      expect(await settled(person, confirmed)).toEqual([DONE, "Notify me"]);
      await spoil();
      await person.tap("Notify me", confirmed.message_id);
      expect(await person.bubble(confirmed.message_id)).toMatchObject({
        text: "This button no longer works. Start again on the site.",
        buttons: [],
      });
      expect(await isSubscribed(person)).toEqual([false]);
    }

    it("does nothing once its session is purged", async () => {
      await tapLate(() => stage.query("delete from sessions"));
    });

    it("does nothing once the project subscribes nobody", async () => {
      await tapLate(() =>
        stage.admin("PATCH", `projects/${project.slug}`, { subscription: "off" }),
      );
    });
  });
});
