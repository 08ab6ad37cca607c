// How the pretend Telegram pushes updates to a webhook: what a delivery looks like, what counts as
// taken, how often it tries again, and what getWebhookInfo tells of it. Real sockets; only the
// waiting is compressed.

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type SandboxServer, startSandboxServer } from "./chat-server.ts";
import { startWebhook, type WebhookReceiver } from "./max-server.ts";

const anna = { id: "4242", firstName: "Анна", lang: "ru" };
const clock = { now: Date.now() };
let server: SandboxServer;
let hook: WebhookReceiver;

beforeEach(async () => {
  server = await startSandboxServer({ telegramRules: { retryScale: 0 }, now: () => clock.now });
  hook = await startWebhook();
});

afterEach(async () => {
  await server.close();
  await hook.close();
});

async function set(args: object = {}): Promise<void> {
  expect(await server.call("setWebhook", { url: hook.url, ...args })).toMatchObject({ ok: true });
}

async function info(): Promise<unknown> {
  return (await server.call("getWebhookInfo")).result;
}

// A person acts; nobody waits for the reaction of the bot.
function write(text: string, id = "4242"): void {
  void server.sandbox.telegram.start({ ...anna, id }, text);
}

function textsOf({ deliveries }: WebhookReceiver): (string | undefined)[] {
  return deliveries.map(({ update }) => (update.message as { text?: string } | undefined)?.text);
}

describe("a delivery", () => {
  test("is one update with the secret in its header", async () => {
    await set({ secret_token: "s3cret" });
    write("a");
    await hook.until(1);
    const [delivery] = hook.deliveries;
    expect(delivery?.headers["x-telegram-bot-api-secret-token"]).toBe("s3cret");
    expect(delivery?.headers["content-type"]).toBe("application/json");
    expect(delivery?.update).toMatchObject({
      update_id: expect.any(Number),
      message: { text: "/start a", from: { id: 4242, first_name: "Анна" } },
    });
  });

  test("has no secret header without a secret; allowed_updates pick the kinds", async () => {
    await set({ allowed_updates: ["my_chat_member"] });
    await server.sandbox.telegram.start(anna, "a");
    void server.sandbox.telegram.setBlocked("4242", true);
    await hook.until(1);
    expect(hook.deliveries[0]?.update).toHaveProperty("my_chat_member");
    expect(hook.deliveries[0]?.headers).not.toHaveProperty("x-telegram-bot-api-secret-token");
  });

  test("what waited before goes to the webhook, unless it is dropped", async () => {
    write("before");
    await expect.poll(info).toMatchObject({ pending_update_count: 1 });
    await set();
    await hook.until(1);
    await server.call("deleteWebhook");
    write("dropped");
    await set({ drop_pending_updates: true });
    write("after");
    await hook.until(2);
    expect(textsOf(hook)).toEqual(["/start before", "/start after"]);
  });

  test("what it did not take waits for getUpdates", async () => {
    server.sandbox.telegram.rules.retryScale = 1;
    await set();
    hook.answers.push(500, 500);
    write("a");
    await hook.until(2);
    await server.call("deleteWebhook");
    expect((await server.call("getUpdates")).result).toMatchObject([
      { message: { text: "/start a" } },
    ]);
  });

  test("lets the person's action end once the bot took it and reacted", async () => {
    await set();
    const begun = performance.now();
    const starting = server.sandbox.telegram.start(anna, "a");
    await hook.until(1);
    await server.call("sendMessage", { chat_id: 4242, text: "Sign in?" });
    expect((await starting).messages.at(-1)?.text).toBe("Sign in?");
    await server.sandbox.telegram.setBlocked("4242", true);
    expect(performance.now() - begun).toBeLessThan(1800);
  });
});

describe("what counts as taken", () => {
  test.each([200, 201, 204, 299])("%i does", async (status) => {
    await set();
    hook.answers.push(status);
    write("a");
    write("b");
    await hook.until(2);
    expect(textsOf(hook)).toEqual(["/start a", "/start b"]);
    await expect.poll(info).toMatchObject({ pending_update_count: 0 });
    expect(await info()).not.toHaveProperty("last_error_message");
  });

  test.each([302, 400, 401, 404, 500, 503])(
    "%i does not, and getWebhookInfo says so",
    async (status) => {
      await set();
      hook.answers.push(status);
      write("a");
      await hook.until(2);
      expect(hook.deliveries[1]?.text).toBe(hook.deliveries[0]?.text);
      expect(await info()).toMatchObject({
        last_error_date: Math.floor(clock.now / 1000),
        last_error_message: expect.stringContaining(`Wrong response from the webhook: ${status}`),
      });
    },
  );

  test("an answer that takes too long does not", async () => {
    server.sandbox.telegram.rules.webhookTimeoutMs = 50;
    await set();
    hook.answers.push("never");
    write("a");
    await hook.until(2);
    expect(await info()).toMatchObject({ last_error_message: "Read timeout expired" });
  });

  test("a webhook that cannot be reached is tried until it can", async () => {
    const gone = await startWebhook();
    await gone.close();
    await set({ url: gone.url });
    write("a");
    await expect.poll(info).toMatchObject({
      pending_update_count: 1,
      last_error_message: "Connection refused",
    });
    await set();
    await hook.until(1);
    expect(textsOf(hook)).toEqual(["/start a"]);
  });
});

describe("the order", () => {
  test("a failed update holds up its person's others of the kind, and nobody else", async () => {
    server.sandbox.telegram.rules.retryScale = 0.2;
    await set();
    hook.answers.push(500, 500);
    write("1");
    await hook.until(2);
    write("2");
    write("other", "5151");
    await hook.until(5);
    expect(textsOf(hook).slice(0, 3)).toEqual(["/start 1", "/start 1", "/start other"]);
    expect(textsOf(hook).slice(3)).toEqual(["/start 1", "/start 2"]);
  });

  test("a person's message and tap go side by side", async () => {
    await set();
    hook.answers.push("never");
    write("1");
    await hook.until(1);
    void server.sandbox.telegram.tapData("4242", "1", "l:x");
    await hook.until(2);
    expect(hook.deliveries[1]?.update).toHaveProperty("callback_query");
  });

  test("no more go at once than max_connections; the next waits for one of them", async () => {
    server.sandbox.telegram.rules.webhookTimeoutMs = 300;
    await set({ max_connections: 2 });
    hook.answers.push("never", "never");
    const begun = performance.now();
    for (const id of ["1", "2", "3"]) write("a", id);
    await hook.until(2);
    await hook.until(3);
    expect(performance.now() - begun).toBeGreaterThan(270);
    expect(hook.deliveries[2]?.update).toMatchObject({ message: { from: { id: 3 } } });
  });

  test("the waits are none, then 1, 2, 4 s, compressed by the scale", async () => {
    server.sandbox.telegram.rules.retryScale = 0.1;
    await set();
    hook.answers.push(500, 500, 500, 500);
    write("a");
    await hook.until(1);
    const begun = performance.now();
    await hook.until(2);
    const waits: number[] = [];
    for (const count of [3, 4, 5]) {
      await hook.until(count);
      waits.push(performance.now() - begun);
    }
    [100, 300, 700].forEach((least, index) => {
      expect(waits[index]).toBeGreaterThan(least - 30);
    });
  });

  test("a tap is given up after 150 s, for it has expired", async () => {
    await set();
    await server.sandbox.telegram.start(anna, "a");
    hook.answers.push("never");
    server.sandbox.telegram.rules.webhookTimeoutMs = 100;
    const tapping = server.sandbox.telegram.tapData("4242", "1", "l:x");
    await hook.until(2);
    clock.now += 151_000;
    await tapping;
    expect(hook.deliveries).toHaveLength(2);
    expect(await info()).toMatchObject({ pending_update_count: 0 });
  });
});

describe("the body of an answer", () => {
  test("with a method it is a call of the Bot API", async () => {
    await set();
    hook.answers.push({ body: { method: "sendMessage", chat_id: 4242, text: "from the answer" } });
    const chat = await server.sandbox.telegram.start(anna, "a");
    expect(chat.messages.at(-1)?.text).toBe("from the answer");
  });

  test.each([
    { ok: true },
    { method: "nothing" },
    { method: "sendMessage", chat_id: 1, text: "to nobody" },
  ])("%j changes nothing", async (body) => {
    await set();
    hook.answers.push({ body });
    write("a");
    write("b");
    await hook.until(2);
    expect(server.sandbox.telegram.chat("4242").messages).toHaveLength(2);
  });
});
