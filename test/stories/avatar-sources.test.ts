// Where a picture comes from (T18): a project's own bot reads it, MAX's stays at MAX, and without
// TAPIN_AVATARS there is none from Telegram.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { avatarId } from "../../src/core/avatar.ts";
import { createSecrets } from "../../src/core/secret.ts";
import { awaitCondition } from "../support/await-condition.ts";
import { type BotApi, startBotApi } from "../support/bot-api.ts";
import { codeOf, makePerson } from "../support/person.ts";
import { restFetch } from "../support/rest-client.ts";
import { makeSite, type Site } from "../support/site.ts";
import { RUNTIMES, startTapin, type Tapin, TEST_SECRET } from "../support/tapin.ts";

describe("TAPIN_AVATARS on, with a project's own bot", () => {
  let api: BotApi;
  let tapin: Tapin;
  let site: Site;
  beforeAll(async () => {
    api = await startBotApi(["GatewayBot", "ShopLoginBot"]);
    tapin = await startTapin({ env: { ...api.env, TAPIN_AVATARS: "on" } });
    site = await makeSite(tapin);
  });
  afterAll(async () => {
    site?.close();
    await tapin?.end();
    await api?.close();
  });

  async function pictureBy(index: number, userId: string): Promise<Response> {
    const { telegramLink } = await site.rest.createSession();
    await api.bot(index).open(telegramLink, userId);
    const address = new URL((await api.bot(index).tap("Login", userId)) ?? "");
    const code = address.searchParams.get("code") ?? "";
    return await fetch((await site.rest.verifyCode({ code })).avatarUrl ?? "");
  }

  const downloads = () => [0, 1].map((index) => api.bot(index).calls.filter(isDownload).length);
  const isDownload = (call: string) => call === "file";

  it("T18 the bot through which the project reaches a person reads the picture", async () => {
    const first = await pictureBy(0, "4711");
    expect([first.status, first.headers.get("content-type")]).toEqual([200, "image/jpeg"]);
    expect((await pictureBy(0, "4712")).status).toBe(200);
    expect(downloads()).toEqual([2, 0]);

    await restFetch(`${tapin.url}/v1/admin/projects/${site.slug}/bots/telegram`, {
      method: "PUT",
      bearer: tapin.adminToken,
      body: { token: api.bot(1).token },
    });
    await awaitCondition("the link shows the project's bot", async () =>
      ((await site.rest.getLink()).telegramLink ?? "").includes("ShopLoginBot"),
    );
    expect((await pictureBy(1, "4712")).status).toBe(200);
    expect(downloads()).toEqual([2, 1]);
    // The new bot has never met this person: there is no picture any more.
    expect((await fetch(first.url)).status).toBe(404);
    const told = JSON.stringify(await site.rest.getLink()) + tapin.output();
    for (const index of [0, 1]) expect(told).not.toContain(api.bot(index).token.split(":")[1]);
  });
});

describe.each(RUNTIMES)("TAPIN_AVATARS with the sandbox, on %s", (runtime) => {
  let tapin: Tapin;
  beforeAll(async () => {
    tapin = await startTapin({ runtime, env: { TAPIN_AVATARS: "on" } });
  });
  afterAll(() => tapin?.end());

  it("on: Telegram's pictures come from us, MAX's from MAX as ever", async () => {
    const site = await makeSite(tapin);
    const { telegramLink } = await site.rest.createSession();
    const anna = makePerson(tapin.url);
    const code = codeOf(await anna.logIn(telegramLink));
    const { avatarUrl } = await site.rest.verifyCode({ code });
    expect(avatarUrl?.startsWith(`${tapin.url}/avatars/`)).toBe(true);
    const answer = await fetch(avatarUrl ?? "");
    expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "image/jpeg"]);

    const ben = makePerson(tapin.url, { channel: "max" });
    const { maxLink } = await site.rest.createSession();
    const profile = await site.rest.verifyCode({ code: codeOf(await ben.logIn(maxLink)) });
    expect(profile.avatarUrl).toBe(`${tapin.url}/sandbox/avatars/${ben.id}.svg?size=full`);
    site.close();
  });
});

describe("TAPIN_AVATARS off", () => {
  let api: BotApi;
  let tapin: Tapin;
  let site: Site;
  beforeAll(async () => {
    api = await startBotApi(["GatewayBot"]);
    tapin = await startTapin({ env: { ...api.env, TAPIN_SECRET: TEST_SECRET } });
    site = await makeSite(tapin);
  });
  afterAll(async () => {
    site?.close();
    await tapin?.end();
    await api?.close();
  });

  it("T18 avatar_url is null, nobody asks Telegram, and an id leads nowhere", async () => {
    const { telegramLink } = await site.rest.createSession();
    await api.bot(0).open(telegramLink, "4711");
    const address = new URL((await api.bot(0).tap("Login", "4711")) ?? "");
    const code = address.searchParams.get("code") ?? "";
    const { avatarUrl, subscriberId } = await site.rest.verifyCode({ code });
    expect(avatarUrl).toBeNull();
    expect(api.bot(0).calls).not.toContain("getUserProfilePhotos");
    const id = avatarId(createSecrets([TEST_SECRET]), {
      projectId: "00000000-0000-4000-8000-000000000000",
      subscriberId,
      expiresAt: new Date(Date.now() + 60_000),
    });
    const answer = await fetch(`${tapin.url}/avatars/${id}`);
    expect([answer.status, (await answer.json()).code]).toEqual([404, "not_found"]);
  });
});
