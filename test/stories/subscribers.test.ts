// Who a person is for a project: the same subscriber under any name, a subscription they can end, a
// bot they can block.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ContractClient, Profile } from "../support/contract-client.ts";
import { codeOf, type Person } from "../support/person.ts";
import { type Stage, startStage } from "../support/story-stage.ts";

let stage: Stage;
let website: ContractClient;
beforeAll(async () => {
  stage = await startStage();
  website = (await stage.project()).client();
});
afterAll(() => stage.stop());

async function logIn(person: Person, site = website): Promise<Profile> {
  const { telegramLink } = await site.createSession();
  return await site.verifyCode({ code: codeOf(await person.logIn(telegramLink)) });
}

async function rowOf({ subscriberId }: Profile): Promise<Record<string, unknown> | undefined> {
  const [row] = await stage.query(
    `select channel, messenger_user_id, first_name, last_name, username, lang, tags, subscribed,
       reachable
     from subscribers where id = $1`,
    [subscriberId],
  );
  return row;
}

describe("T17 identity", () => {
  it("is kept through every change of names", async () => {
    const person = stage.person({ first_name: "John", username: "johndoe" });
    const before = await logIn(person);
    person.rename({ first_name: "Johnny", username: "jd_2026", last_name: "Doe", lang: "ru" });
    await person.open((await website.createSession()).telegramLink);
    const { telegramLink } = await website.createSession();
    await person.open(telegramLink);
    const after = await website.verifyCode({ code: codeOf(await person.tap("Войти")) });
    expect(after).toEqual({ ...before, firstName: "Johnny", username: "jd_2026", lang: "ru" });
  });

  it("does not pass to the next owner of a username", async () => {
    const first = stage.person({ username: "recycled" });
    const before = await logIn(first);
    first.rename({ username: "moved_on" });
    const heir = await logIn(stage.person({ username: "recycled" }));
    expect(heir.username).toBe("recycled");
    expect(heir.subscriberId).not.toBe(before.subscriberId);
  });

  it("is another one for each project", async () => {
    const person = stage.person();
    const other = (await stage.project()).client();
    const ids = new Set([
      (await logIn(person)).subscriberId,
      (await logIn(person, other)).subscriberId,
      (await logIn(person)).subscriberId,
    ]);
    expect(ids.size).toBe(2);
  });
});

describe("T22 the subscription", () => {
  it("begins with Login, of which the prompt tells, and is there with names and language", async () => {
    const person = stage.person({ first_name: "John", last_name: "Doe", username: "johndoe" });
    const { telegramLink } = await website.createSession();
    const prompt = await person.open(telegramLink);
    expect(prompt.text).toContain(
      "You will also receive notifications. Send /stop to turn them off.",
    );
    const before = await stage.query("select id from subscribers where messenger_user_id = $1", [
      person.id,
    ]);
    expect(before).toEqual([]);
    const profile = await website.verifyCode({ code: codeOf(await person.tap("Login")) });
    expect(await rowOf(profile)).toEqual({
      channel: "telegram",
      messenger_user_id: person.id,
      first_name: "John",
      last_name: "Doe",
      username: "johndoe",
      lang: "en",
      tags: [],
      subscribed: true,
      reachable: true,
    });
  });

  it("ends with /stop in every project, and begins again with the next Login there", async () => {
    const person = stage.person();
    const other = (await stage.project()).client();
    const [here, there] = [await logIn(person), await logIn(person, other)];
    const stopped = await person.type("/stop");
    expect(stopped.text).toBe(
      "Notifications are off. Signing in to a site may turn them on again; the request says so then.",
    );
    expect(await rowOf(here)).toMatchObject({ subscribed: false });
    expect(await rowOf(there)).toMatchObject({ subscribed: false });
    expect((await logIn(person)).subscriberId).toBe(here.subscriberId);
    expect(await rowOf(here)).toMatchObject({ subscribed: true });
    expect(await rowOf(there)).toMatchObject({ subscribed: false });
  });

  it("of somebody else is not touched by /stop", async () => {
    const [person, neighbour] = [stage.person(), stage.person()];
    const theirs = await logIn(neighbour);
    await logIn(person);
    await person.type("/stop");
    expect(await rowOf(theirs)).toMatchObject({ subscribed: true });
  });

  it("/stop by somebody who never logged in is answered and changes nothing", async () => {
    const person = stage.person();
    await person.open((await website.createSession()).telegramLink);
    expect((await person.type("/stop")).text).toMatch(/^Notifications are off\./);
  });
});

describe("a blocked bot", () => {
  it("marks the subscriber unreachable until it is unblocked", async () => {
    const person = stage.person();
    const profile = await logIn(person);
    const reachable = async () => (await rowOf(profile))?.reachable;
    await person.block(true);
    await expect.poll(reachable, { timeout: 10_000 }).toBe(false);
    await person.block(false);
    await expect.poll(reachable, { timeout: 10_000 }).toBe(true);
    expect(await rowOf(profile)).toMatchObject({ subscribed: true });
  });

  it("does not keep the person from the next login, which unblocks it", async () => {
    const person = stage.person();
    const before = await logIn(person);
    await person.block(true);
    const after = await logIn(person);
    expect(after.subscriberId).toBe(before.subscriberId);
    expect(await rowOf(after)).toMatchObject({ reachable: true });
  });
});

describe("T27 a hostile name", () => {
  it.each([
    ["control characters", "Jo\u0007hn\n\t Doe\u0085", "John Doe"],
    ["zero-width characters", "J\u200bo\u200dh\ufeffn", "John"],
    ["bidirectional overrides", "\u202eJohn\u2066", "John"],
    ["markup, which stays plain text", "<b>John</b> & *co*", "<b>John</b> & *co*"],
    ["an emoji, which stays", "John 🙂", "John 🙂"],
  ])("is cleaned of %s", async (_, first_name, cleaned) => {
    expect(await logIn(stage.person({ first_name }))).toMatchObject({ firstName: cleaned });
  });
});
