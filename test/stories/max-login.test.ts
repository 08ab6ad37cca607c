// The login through MAX, on the service on Node and on Deno: by the link, and by the text that
// stands for it where MAX tells a bot nothing of a link.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { codeOf, labelsOf, websiteOf } from "../support/person.ts";
import { type Stage, type StoryProject, startStage } from "../support/story-stage.ts";
import { RUNTIMES } from "../support/tapin.ts";

describe.each(RUNTIMES)("through MAX, on %s", (runtime) => {
  let stage: Stage;
  let project: StoryProject;
  beforeAll(async () => {
    stage = await startStage({ runtime });
    project = await stage.project();
  });
  afterAll(() => stage.stop());

  const someone = () => stage.person({ channel: "max", first_name: "Anna", username: "anna_k" });
  const typed = (link: string | null) => `/start ${new URL(link ?? "").searchParams.get("start")}`;

  it("createSession, the bot, watchSession and verifyCode carry a login from start to profile", async () => {
    const website = project.client();
    const { sessionId, maxLink, watchToken } = await website.createSession({ state: "abc" });
    expect(maxLink).toBe(`${stage.url}/sandbox/max/id770001_bot?start=auths_${sessionId}`);
    const person = someone();
    const seen: object[] = [];
    for await (const { status, opened } of stage
      .client("REST", watchToken)
      .watchSession(sessionId)) {
      seen.push({ status, opened });
      if (status !== "pending") break;
      if (opened) await person.tap("Login");
      else expect(labelsOf(await person.open(maxLink))).toEqual(["Login", "Cancel"]);
    }
    expect(seen).toEqual([
      { status: "pending", opened: false },
      { status: "pending", opened: true },
      { status: "completed", opened: true },
    ]);
    const confirmed = (await person.chat()).at(-1);
    if (confirmed === undefined) throw new Error("the chat is empty");
    const site = websiteOf(confirmed);
    expect(site.origin + site.pathname).toBe("https://shop.example/login");
    expect(site.searchParams.get("state")).toBe("abc");
    const code = codeOf(confirmed);
    expect(await website.verifyCode({ code })).toEqual({
      channel: "max",
      firstName: "Anna",
      // MAX has no usernames that people choose.
      username: null,
      avatarUrl: expect.stringMatching(
        `^${stage.url}/sandbox/avatars/${person.id}\\.svg\\?size=full$`,
      ),
      subscriberId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      lang: "en",
      tags: [],
      state: "abc",
    });
    await expect(website.verifyCode({ code })).rejects.toMatchObject({ reason: "code_invalid" });
  });

  it("in a running dialog the link does nothing, and the typed text stands for it", async () => {
    const website = project.client();
    const person = someone();
    const first = await website.createSession();
    const before = await person.logIn(first.maxLink);
    const known = await website.verifyCode({ code: codeOf(before) });

    const { maxLink, sessionId } = await website.createSession();
    const silent = await person.open(maxLink);
    expect(silent.message_id).toBe((await person.chat()).at(-1)?.message_id);
    expect(labelsOf(silent)).not.toContain("Login");

    const prompt = await person.type(typed(maxLink));
    expect(prompt.text).toContain("Sign in to Corner Shop?");
    expect(await website.getSessionStatus(sessionId)).toEqual({ status: "pending" });
    const code = codeOf(await person.tap("Login"));
    expect(await website.getSessionStatus(sessionId)).toEqual({ status: "completed", code });
    expect((await website.verifyCode({ code })).subscriberId).toBe(known.subscriberId);
  });

  it("Cancel cancels, and the same person in Telegram is another subscriber", async () => {
    const website = project.client();
    const person = someone();
    const cancelled = await website.createSession();
    await person.open(cancelled.maxLink);
    expect((await person.tap("Cancel")).text).toBe("Sign-in cancelled.");
    expect(await website.getSessionStatus(cancelled.sessionId)).toEqual({ status: "cancelled" });

    const ids = new Set<string>();
    for (const channel of ["max", "telegram"] as const) {
      const { maxLink, telegramLink } = await website.createSession();
      const self = stage.person({ channel, id: "4711" });
      const code = codeOf(await self.logIn(channel === "max" ? maxLink : telegramLink));
      const profile = await website.verifyCode({ code });
      expect(profile.channel).toBe(channel);
      ids.add(profile.subscriberId);
    }
    expect(ids.size).toBe(2);
  });
});
