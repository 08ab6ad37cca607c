// Pictures of people, on the service on Node and on Deno (T18): Telegram's come from our own
// endpoint, MAX's from MAX.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { avatarId, parseAvatarId } from "../../src/core/avatar.ts";
import { createSecrets } from "../../src/core/secret.ts";
import { awaitCondition } from "../support/await-condition.ts";
import type { ContractClient, Profile } from "../support/contract-client.ts";
import { type FaultProxy, startFaultProxy } from "../support/fault-proxy.ts";
import { type MessengerServer, startMessengers } from "../support/messenger-server.ts";
import { makeSite, type Site } from "../support/site.ts";
import { RUNTIMES, startTapin, type Tapin, TEST_SECRET } from "../support/tapin.ts";

const SECRETS = createSecrets([TEST_SECRET]);
const NOT_THERE = { error: "There is nothing here.", code: "not_found", retryable: false };
const AWAY = { code: "unavailable", retryable: true };

describe.each(RUNTIMES)("pictures of people in Telegram, on %s", (runtime) => {
  let telegram: MessengerServer;
  let proxy: FaultProxy;
  let tapin: Tapin;
  let site: Site;
  beforeAll(async () => {
    telegram = await startMessengers();
    proxy = await startFaultProxy(telegram.sandbox.telegramApiRoot(), (_, path) =>
      path.startsWith("/file/") ? "file" : (path.split("/").at(-1) ?? ""),
    );
    const env = { TAPIN_AVATARS: "on", TAPIN_SECRET: TEST_SECRET };
    const reach = { ...telegram.telegramEnv, TAPIN_TELEGRAM_API_URL: proxy.url };
    tapin = await startTapin({ runtime, env: { ...reach, ...env } });
    site = await makeSite(tapin);
  });
  afterAll(async () => {
    const { token } = telegram.sandbox.telegram;
    const [, secret = ""] = token.split(":");
    // Whatever went wrong in the tests of this file was logged, and the token was not.
    expect(tapin.output()).not.toContain(secret);
    site?.close();
    expect(await tapin?.end()).toBe(0);
    await proxy?.close();
    await telegram?.close();
  });

  let lastId = 70_000;
  type Photo = Parameters<MessengerServer["sandbox"]["telegram"]["setPhoto"]>[1];

  /** Somebody new logs in; what the website learns of them. */
  async function logIn(photo: Photo = "drawn"): Promise<{ userId: string; profile: Profile }> {
    const userId = String(++lastId);
    const code = await confirm(telegram, site.rest, { userId, photo });
    return { userId, profile: await site.rest.verifyCode({ code }) };
  }

  /**
   * The same, while Telegram does not say at once whether there is a picture: nothing is kept of
   * it.
   */
  async function logInUnasked(photo: Photo = "drawn"): Promise<string> {
    proxy.fail("getUserProfilePhotos", failure(500));
    return urlOf((await logIn(photo)).profile);
  }

  it("T18 the address is ours and tells nothing; it leads to image bytes and nothing else", async () => {
    const { userId, profile } = await logIn();
    const url = urlOf(profile);
    expect(url).toMatch(new RegExp(`^${tapin.url}/avatars/[A-Za-z0-9_-]{40,400}$`));
    const id = url.slice(`${tapin.url}/avatars/`.length);
    expect(id + Buffer.from(id, "base64url").toString("latin1")).not.toContain(userId);
    expect(id).not.toContain(profile.subscriberId);

    const answer = await fetch(url, {
      redirect: "manual",
      headers: { origin: "https://a.example" },
    });
    const bytes = new Uint8Array(await answer.arrayBuffer());
    expect(answer.status).toBe(200);
    expect(bytes).toEqual(await photoOf(telegram, userId, 320));
    const headers = Object.fromEntries(answer.headers);
    expect(headers).toMatchObject({
      "content-type": "image/jpeg",
      "content-length": String(bytes.length),
      "x-content-type-options": "nosniff",
      "cache-control": "private, max-age=3600",
      "content-security-policy": "default-src 'none'",
      "cross-origin-resource-policy": "cross-origin",
    });
    const [, secret = ""] = telegram.sandbox.telegram.token.split(":");
    const told = [JSON.stringify(profile), JSON.stringify(headers), latin1(bytes)].join("\n");
    for (const vendor of [secret, new URL(proxy.url).host, "telegram.org", "file_"]) {
      expect(told).not.toContain(vendor);
    }
  });

  it("HEAD has the headers of GET and no body; other methods are refused", async () => {
    const url = urlOf((await logIn()).profile);
    const [get, head] = [await fetch(url), await fetch(url, { method: "HEAD" })];
    expect(head.status).toBe(200);
    expect((await head.arrayBuffer()).byteLength).toBe(0);
    const fixed = ({ headers }: Response) =>
      [...headers].filter(
        ([name]) =>
          !["x-request-id", "date", "connection", "keep-alive", "ratelimit"].includes(name),
      );
    expect(fixed(head)).toEqual(fixed(get));
    await get.arrayBuffer();
    const post = await fetch(url, { method: "POST", body: "x" });
    expect([post.status, post.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
    expect(await post.json()).toMatchObject({ code: "method_not_allowed" });
  });

  it("a person without a picture, or with none that is served, has null", async () => {
    const oversize = Buffer.concat([Buffer.from("ffd8ff", "hex"), Buffer.alloc(1024 * 1024)]);
    const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>');
    for (const photo of ["none", oversize, svg, Buffer.from("<!doctype html>")] as const) {
      expect((await logIn(photo)).profile.avatarUrl).toBeNull();
    }
  });

  it("PNG and WebP are served as what they are", async () => {
    const png = Buffer.from("89504e470d0a1a0a0000000d49484452", "hex");
    const webp = Buffer.from("RIFF\x10\0\0\0WEBPVP8 ", "latin1");
    const types = [];
    for (const photo of [png, webp]) {
      const answer = await fetch(urlOf((await logIn(photo)).profile));
      types.push(answer.headers.get("content-type"));
      expect(Buffer.from(await answer.arrayBuffer())).toEqual(photo);
    }
    expect(types).toEqual(["image/png", "image/webp"]);
  });

  it("T18 an id that is foreign, garbled or expired, a gone person and no picture: one 404", async () => {
    const { profile } = await logIn();
    const url = urlOf(profile);
    const id = url.slice(url.lastIndexOf("/") + 1);
    const ticket = parseAvatarId(SECRETS, id);
    if (ticket === null) throw new Error("the id was not made with the secret of the service");
    const { projectId, subscriberId, expiresAt } = ticket;
    const day = 86_400_000;
    expect(Math.abs(expiresAt.getTime() - Date.now() - day)).toBeLessThan(60_000);

    const live = new Date(Date.now() + 60_000);
    const remade = avatarId(SECRETS, { projectId, subscriberId, expiresAt: live });
    const soon = await fetch(`${tapin.url}/avatars/${remade}`);
    expect(
      Number(/max-age=(\d+)$/.exec(soon.headers.get("cache-control") ?? "")?.[1]),
    ).toBeLessThan(61);
    await soon.arrayBuffer();

    const somebody = "00000000-0000-4000-8000-000000000000";
    const ids = [
      `${id.startsWith("A") ? "B" : "A"}${id.slice(1)}`,
      id.slice(0, -4),
      "",
      "..%2f..%2fetc",
      profile.subscriberId,
      SECRETS.seal("12345:a-bot-token-and-no-ticket-at-all", (count) => new Uint8Array(count)),
      avatarId(createSecrets([`${TEST_SECRET}, another`]), ticket),
      avatarId(SECRETS, { ...ticket, expiresAt: new Date(Date.now() - 2000) }),
      avatarId(SECRETS, { ...ticket, subscriberId: somebody }),
      avatarId(SECRETS, { ...ticket, projectId: somebody }),
    ];
    const urls = ids.map((each) => `${tapin.url}/avatars/${each}`);
    for (const each of [...urls, await logInUnasked("none")]) {
      const answer = await fetch(each);
      const { request_id: _, ...body } = await answer.json();
      expect({ status: answer.status, body }, each).toEqual({ status: 404, body: NOT_THERE });
    }
  });

  it("verify says the same address again for the same Idempotency-Key, and waits for no slow Telegram", async () => {
    const userId = String(++lastId);
    const code = await confirm(telegram, site.rest, { userId, photo: "drawn" });
    proxy.fail("getUserProfilePhotos", { kind: "slow", ms: 3000 });
    const headers = { "idempotency-key": `avatar-${runtime}` };
    const first = await site.rest.verifyCode({ code }, { headers });
    expect(proxy.callsOf("getUserProfilePhotos").at(-1)?.answered).toBe(false);
    expect(await site.rest.verifyCode({ code }, { headers })).toEqual(first);
    expect((await fetch(urlOf(first))).status).toBe(200);
  });

  it("T18 what Telegram sends is refused when it is too large, no image, or a redirect", async () => {
    const tooLarge = Buffer.concat([Buffer.from("ffd8ff", "hex"), Buffer.alloc(1024 * 1024)]);
    for (const photo of [tooLarge, Buffer.from("<script>alert(1)</script>")]) {
      const answer = await fetch(await logInUnasked(photo));
      expect([answer.status, (await answer.json()).code]).toEqual([404, "not_found"]);
    }
    const elsewhere = { location: `${proxy.url}/elsewhere` };
    const url = await logInUnasked();
    proxy.fail("file", { kind: "answer", status: 302, headers: elsewhere, body: "" });
    const answer = await fetch(url, { redirect: "manual" });
    expect([answer.status, answer.headers.get("location")]).toEqual([503, null]);
    expect(proxy.callsOf("elsewhere")).toEqual([]);
    for (const path of ["../../botX/deleteWebhook", "/var/lib/telegram/photo.jpg", "x/y.jpg?a=b"]) {
      const odd = await logInUnasked();
      const result = { file_id: "x", file_unique_id: "x", file_path: path };
      proxy.fail("getFile", { kind: "answer", status: 200, body: { ok: true, result } });
      const before = proxy.calls.length;
      expect((await fetch(odd)).status).toBe(503);
      expect(proxy.calls.slice(before).map(({ method }) => method)).not.toContain("file");
    }
  });

  it.each(["getUserProfilePhotos", "getFile", "file"])(
    "T18 while %s fails the answer is `unavailable`, without a word of Telegram's; then it works",
    async (call) => {
      const { token } = telegram.sandbox.telegram;
      const [, secret = ""] = token.split(":");
      let url = "";
      for (const status of [500, 429, 401]) {
        url = await logInUnasked();
        proxy.fail(call, failure(status, `/file/bot${token}/photos/file_1.jpg`));
        const answer = await fetch(url);
        const text = await answer.text();
        expect(answer.status).toBe(503);
        expect(answer.headers.get("cache-control")).toBe("no-store");
        expect(JSON.parse(text)).toMatchObject(AWAY);
        expect(text).not.toContain(secret);
      }
      // Whoever asks again at once costs Telegram nothing; a little later it is asked.
      const before = proxy.calls.filter(({ method }) => method === call).length;
      expect((await fetch(url)).status).toBe(503);
      expect(proxy.calls.filter(({ method }) => method === call)).toHaveLength(before);
      await awaitCondition("the picture", async () => {
        const answer = await fetch(url);
        await answer.arrayBuffer();
        return answer.status === 200;
      });
      const line = /"error":"[^\n]*bot<token>[^\n]*a picture could not be read/;
      await awaitCondition("the log tells it", async () => line.test(tapin.output()));
    },
  );

  it("a Telegram that does not come to an end is given up", async () => {
    const url = await logInUnasked();
    proxy.fail("file", { kind: "slow", ms: 9000 });
    const answer = await fetch(url);
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject(AWAY);
    expect(proxy.callsOf("file").at(-1)?.answered).toBe(false);
  });

  it("pages that ask at once and again make Telegram be asked once", async () => {
    const url = await logInUnasked();
    const before = proxy.callsOf("file").length;
    const answers = await Promise.all(Array.from({ length: 20 }, () => fetch(url)));
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
    expect((await fetch(url)).status).toBe(200);
    expect(proxy.callsOf("file").length).toBe(before + 1);
  });
});

/** Telegram's answer when it fails. */
function failure(status: number, description = "Internal Server Error") {
  const body = { ok: false, error_code: status, description };
  return { kind: "answer", status, body } as const;
}

/** A person opens the link of a new session and taps Login; the code. */
async function confirm(
  { sandbox }: MessengerServer,
  website: ContractClient,
  { userId, photo }: { userId: string; photo: "drawn" | "none" | Uint8Array },
): Promise<string> {
  const user = { id: userId, firstName: "Anna", lang: "en" };
  sandbox.telegram.addPerson(user);
  sandbox.telegram.setPhoto(userId, photo);
  const { telegramLink } = await website.createSession();
  const { messages } = await sandbox.openLink({ link: telegramLink ?? "", user });
  const owner = { channel: "telegram", userId } as const;
  const messageId = messages.at(-1)?.messageId ?? "";
  const chat = await sandbox.tapButton({ ...owner, messageId, label: "Login" });
  const { url = "" } = chat.messages.at(-1)?.buttons[0] ?? {};
  return new URL(url).searchParams.get("code") ?? "";
}

/** What Telegram itself has of a person's picture in this size. */
async function photoOf(
  { sandbox }: MessengerServer,
  userId: string,
  side: number,
): Promise<Uint8Array> {
  const root = sandbox.telegramApiRoot();
  const { token } = sandbox.telegram;
  const call = async (query: string) =>
    (await (await fetch(`${root}/bot${token}/${query}`)).json()).result;
  const { photos } = await call(`getUserProfilePhotos?user_id=${userId}`);
  const size = photos[0].find(({ width }: { width: number }) => width === side);
  const { file_path: path } = await call(`getFile?file_id=${size.file_id}`);
  return new Uint8Array(await (await fetch(`${root}/file/bot${token}/${path}`)).arrayBuffer());
}

function urlOf({ avatarUrl }: Profile): string {
  if (avatarUrl === null) throw new Error("there is no address");
  return avatarUrl;
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("latin1");
}
