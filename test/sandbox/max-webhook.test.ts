// How the pretend MAX pushes updates to webhooks: what may be subscribed, what a delivery looks
// like, what counts as taken, how often it tries again, and when it gives up on a URL. Real
// sockets; only the waiting is compressed.

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { assertUpdate } from "../support/max-schema.ts";
import {
  type MaxServer,
  startMaxServer,
  startWebhook,
  type WebhookReceiver,
  type WireUpdate,
} from "./max-server.ts";

const anna = { id: "5151", firstName: "Анна", lang: "ru" };
const HOUR_MS = 3600_000;
let server: MaxServer;
let hook: WebhookReceiver;

beforeEach(async () => {
  server = await startMaxServer({ retryScale: 0 });
  hook = await startWebhook();
});

afterEach(async () => {
  await server.close();
  await hook.close();
});

async function subscribe(body: object): Promise<number> {
  return (await server.max("POST", "/subscriptions", body)).status;
}

async function subscribed(): Promise<unknown> {
  return (await server.max("GET", "/subscriptions")).body.subscriptions;
}

// A person acts; nobody waits for the reaction of the bot.
function start(id: string, payload = "auths_x"): void {
  void server.sandbox.max.start({ ...anna, id }, payload);
}

describe("subscriptions", () => {
  test("accumulate, one for each URL, and never show the secret", async () => {
    const { clock } = server;
    const first = {
      url: "https://bot.example/a",
      secret: "s3cr-et_",
      update_types: ["bot_started"],
    };
    await subscribe(first);
    await subscribe({ url: "https://bot.example/b" });
    const [a, b] = [
      { url: first.url, time: clock.now, update_types: ["bot_started"] },
      { url: "https://bot.example/b", time: clock.now, update_types: null },
    ];
    expect(await subscribed()).toEqual([a, b]);
    await subscribe({ url: first.url, update_types: [] });
    expect(await subscribed()).toEqual([b, { ...a, update_types: null }]);
    const path = `/subscriptions?url=${encodeURIComponent(first.url)}`;
    expect((await server.max("DELETE", path)).body).toEqual({ success: true });
    expect((await server.max("DELETE", path)).body.success).toBe(false);
    expect(await subscribed()).toEqual([b]);
  });

  test.each([
    ["https", "https://bot.example/hook?a=1", 200],
    ["http", "http://bot.example/hook", 400],
    ["http on a loopback host", "http://127.0.0.1:8080/hook", 400],
    ["a port, even 443", "https://bot.example:443/hook", 400],
    ["a name before the host", "https://user@bot.example/hook", 400],
    ["no URL", "bot.example", 400],
    ["no text", 5, 400],
    ["over 2048 characters", `https://bot.example/${"x".repeat(2048)}`, 400],
  ])("the real rule for a URL: %s", async (_, url, status) => {
    server.sandbox.max.rules.webhookUrls = "https";
    expect(await subscribe({ url } as object)).toBe(status);
  });

  test.each([
    ["4 characters", "abcd", 400],
    ["5 characters", "ab_-9", 200],
    ["256 characters", "x".repeat(256), 200],
    ["257 characters", "x".repeat(257), 400],
    ["a dot", "abc.de", 400],
  ])("a secret of %s", async (_, secret, status) => {
    expect(await subscribe({ url: hook.url, secret })).toBe(status);
  });

  test.each([
    ["no list", "bot_started"],
    ["twice the same", ["bot_started", "bot_started"]],
    ["numbers", [1]],
  ])("update_types refuses %s", async (_, types) => {
    expect(await subscribe({ url: hook.url, update_types: types })).toBe(400);
  });
});

describe("a delivery", () => {
  test("is one bare update with the secret in its header", async () => {
    await subscribe({ url: hook.url, secret: "s3cret" });
    start("5151");
    await hook.until(1);
    const [delivery] = hook.deliveries;
    expect(delivery?.headers["x-max-bot-api-secret"]).toBe("s3cret");
    expect(delivery?.headers["content-type"]).toBe("application/json");
    expect(delivery?.update).toMatchObject({ update_type: "bot_started", payload: "auths_x" });
    assertUpdate(delivery?.update as WireUpdate);
  });

  test("has no secret header without a secret, and comes only to URLs that want the kind", async () => {
    const other = await startWebhook();
    await subscribe({ url: hook.url, update_types: ["bot_stopped"] });
    await subscribe({ url: other.url });
    start("5151");
    await other.until(1);
    void server.sandbox.max.setBlocked("5151", true);
    await other.until(3);
    await hook.until(1);
    expect(hook.deliveries.map(({ update }) => update.update_type)).toEqual(["bot_stopped"]);
    expect(other.deliveries[0]?.headers).not.toHaveProperty("x-max-bot-api-secret");
    await other.close();
  });

  test("while a URL is subscribed a poll waits in vain; without one it gets updates again", async () => {
    await subscribe({ url: hook.url });
    const waiting = server.max("GET", "/updates?timeout=1");
    start("5151");
    await hook.until(1);
    expect((await waiting).body.updates).toEqual([]);
    await server.max("DELETE", `/subscriptions?url=${encodeURIComponent(hook.url)}`);
    start("6161");
    const { body } = await server.max("GET", "/updates?timeout=5");
    expect(body.updates).toMatchObject([{ update_type: "bot_started", user_id: 6161 }]);
  });

  test("keeps the order of one dialog", async () => {
    await subscribe({ url: hook.url });
    start("5151");
    for (const text of ["1", "2", "3"]) void server.sandbox.max.sendText("5151", text);
    await hook.until(4);
    const texts = hook.deliveries.map(({ update }) => update.message?.body.text ?? "start");
    expect(texts).toEqual(["start", "1", "2", "3"]);
  });

  test("lets the person's action end once the bot took it and reacted", async () => {
    await subscribe({ url: hook.url });
    const { max } = server.sandbox;
    const begun = performance.now();
    const opening = max.start(anna, "auths_x");
    await hook.until(1);
    await server.max("POST", "/messages?user_id=5151", { text: "Sign in?" });
    expect((await opening).messages.at(-1)?.text).toBe("Sign in?");
    await max.setBlocked("5151", true);
    expect(performance.now() - begun).toBeLessThan(1800);
  });
});

describe("what counts as taken", () => {
  test.each([201, 204, 302, 400, 401, 404, 410, 500, 503])(
    "%i does not, and the delivery is tried again",
    async (status) => {
      await subscribe({ url: hook.url });
      hook.answers.push(status);
      start("5151");
      await hook.until(2);
      expect(hook.deliveries[1]?.text).toBe(hook.deliveries[0]?.text);
    },
  );

  test("an answer that takes too long does not", async () => {
    server.sandbox.max.rules.webhookTimeoutMs = 50;
    await subscribe({ url: hook.url });
    hook.answers.push("never");
    start("5151");
    await hook.until(2);
    expect(hook.deliveries[1]?.text).toBe(hook.deliveries[0]?.text);
  });

  test("a failed update does not hold up the next one of the same dialog", async () => {
    server.sandbox.max.rules.retryScale = 1;
    await subscribe({ url: hook.url });
    hook.answers.push(500);
    start("5151");
    void server.sandbox.max.sendText("5151", "1");
    await hook.until(2);
    expect(hook.deliveries.map(({ update }) => update.update_type)).toEqual([
      "bot_started",
      "message_created",
    ]);
  });

  test("10 further attempts, then it is given up", async () => {
    await subscribe({ url: hook.url });
    hook.answers.push(...Array<number>(20).fill(500));
    start("5151");
    await hook.until(11);
    hook.answers.length = 0;
    start("6161");
    await hook.until(12);
    const ids = hook.deliveries.map(({ update }) => update.user?.user_id);
    expect(ids).toEqual([...Array<number>(11).fill(5151), 6161]);
  });

  test("the waits are 60 s x 2.5^n, compressed by the scale", async () => {
    server.sandbox.max.rules.retryScale = 0.001;
    await subscribe({ url: hook.url });
    hook.answers.push(500, 500, 500);
    start("5151");
    await hook.until(1);
    const begun = performance.now();
    const waits: number[] = [];
    for (const count of [2, 3, 4]) {
      await hook.until(count);
      waits.push(performance.now() - begun);
    }
    [60, 210, 585].forEach((least, index) => {
      expect(waits[index]).toBeGreaterThan(least - 15);
    });
  });
});

describe("8 hours without a success", () => {
  test("end the subscription, at the attempt that fails after them", async () => {
    await subscribe({ url: hook.url });
    server.clock.now += 100 * HOUR_MS;
    hook.answers.push(500);
    start("5151");
    await hook.until(2);
    // A quiet night is no failure, and one that was made good again is forgotten.
    expect(await subscribed()).toHaveLength(1);
    // The second attempt hangs: once it has come, the first is known to have failed.
    hook.answers.push(500, "never");
    start("6161");
    await hook.until(4);
    server.clock.now += 8 * HOUR_MS - 1;
    expect(await subscribed()).toHaveLength(1);
    server.clock.now += 1;
    expect(await subscribed()).toEqual([]);
    start("7171");
    const { body } = await server.max("GET", "/updates?timeout=5");
    expect(body.updates).toMatchObject([{ user_id: 7171 }]);
  });

  test("of a URL that cannot be reached at all", async () => {
    const gone = await startWebhook();
    await gone.close();
    await subscribe({ url: gone.url });
    server.sandbox.max.rules.retryScale = 1;
    start("5151");
    const list = async (): Promise<unknown[]> => (await subscribed()) as unknown[];
    await expect.poll(list).toHaveLength(1);
    await expect
      .poll(async () => {
        server.clock.now += 8 * HOUR_MS;
        return (await list()).length;
      })
      .toBe(0);
  });
});
