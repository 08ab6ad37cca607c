// /lang: the language a person has chosen holds for everything a bot says to them, whatever the
// messenger tells. On both messengers and both runtimes.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CHANNELS } from "../../src/core/subscriber.ts";
import { codeOf, labelsOf } from "../support/person.ts";
import { openIn, type Stage, startStage } from "../support/story-stage.ts";
import { RUNTIMES } from "../support/tapin.ts";

const SOON = { timeout: 10_000 };

describe.each(RUNTIMES)("/lang on %s", (runtime) => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await startStage({ runtime });
  });
  afterAll(() => stage?.stop());

  it.each(CHANNELS)("through %s: from the choice to the end of the next login", async (channel) => {
    const website = (await stage.project()).client();
    const person = stage.person({ channel, lang: "en" });
    const open = async (by = person, site = website) =>
      await openIn(channel, by, await site.createSession());
    expect((await open()).text).toMatch(/^Sign in to /);

    const choice = await person.type("/lang");
    expect(choice.text).toBe("Choose the language of this bot:");
    await person.tap("Русский", choice.message_id);
    expect((await person.bubble(choice.message_id)).text).toMatch(/^Откройте ссылку /);

    const prompt = await open();
    expect(prompt.text).toMatch(/^Войти в /);
    expect(labelsOf(prompt)).toEqual(["Войти", "Отмена"]);
    const confirmed = await person.tap("Войти", prompt.message_id);
    // So that the website writes in it too.
    expect(await website.verifyCode({ code: codeOf(confirmed) })).toMatchObject({ lang: "ru" });
    const text = async () => (await person.bubble(prompt.message_id)).text;
    await expect.poll(text, SOON).toBe("Вход выполнен.");
    expect((await person.type("/stop")).text).toMatch(/^Уведомления отключены\./);
  });

  it.each(CHANNELS)(
    "through %s: it outlives what the messenger tells later, and is the person's only",
    async (channel) => {
      const [here, there] = [(await stage.project()).client(), (await stage.project()).client()];
      const [person, neighbour] = [
        stage.person({ channel, lang: "ru" }),
        stage.person({ channel, lang: "ru" }),
      ];
      const open = async (by = person, site = here) =>
        (await openIn(channel, by, await site.createSession())).text;
      expect(await open()).toMatch(/^Войти в /);
      await person.type("/lang");
      await person.tap("English");
      person.rename({ lang: "uk" });
      expect(await open()).toMatch(/^Sign in to /);
      person.rename({ lang: "ru" });
      expect(await open()).toMatch(/^Sign in to /);
      expect(await open(person, there)).toMatch(/^Sign in to /);
      expect(await open(neighbour)).toMatch(/^Войти в /);
    },
  );
});
