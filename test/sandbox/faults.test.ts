// What can be made to go wrong in both pretend messengers: calls of the bot, and updates on their
// way to it.

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Faults } from "../../src/sandbox/faults.ts";
import {
  type MaxServer,
  startMaxServer,
  startWebhook,
  type WebhookReceiver,
} from "./max-server.ts";

const anna = { id: "5151", firstName: "Анна", lang: "ru" };
let server: MaxServer;

beforeEach(async () => {
  server = await startMaxServer({ retryScale: 0 });
});

afterEach(() => server.close());

interface Side {
  readonly faults: Faults;
  /** The call that `send` makes, as faults name it. */
  readonly name: string;
  /** Sends a message to Anna; resolves to status, headers and body. */
  send(): Promise<{ status: number; retryAfter: unknown }>;
  /** Another call. */
  getMe(): Promise<number>;
  subscribe(hook: WebhookReceiver): Promise<unknown>;
  write(text: string): void;
  /** The texts that came to the bot. */
  textOf(update: unknown): string | undefined;
}

function sides(): readonly [string, Side][] {
  const { telegram, max } = server.sandbox;
  const telegramUrl = `${server.sandbox.telegramApiRoot()}/bot${telegram.token}`;
  return [
    [
      "telegram",
      {
        faults: telegram.faults,
        name: "sendMessage",
        async send() {
          const reply = await server.call("sendMessage", { chat_id: 5151, text: "hi" });
          const { parameters } = reply as { parameters?: { retry_after: number } };
          return { status: reply.status, retryAfter: parameters?.retry_after };
        },
        getMe: async () => (await fetch(`${telegramUrl}/getMe`)).status,
        subscribe: (hook) => server.call("setWebhook", { url: hook.url }),
        write: (text) => void telegram.sendText("5151", text),
        textOf: (update) => (update as { message?: { text: string } }).message?.text,
      },
    ],
    [
      "max",
      {
        faults: max.faults,
        name: "POST /messages",
        async send() {
          const reply = await server.max("POST", "/messages?user_id=5151", { text: "hi" });
          return { status: reply.status, retryAfter: Number(reply.headers.get("retry-after")) };
        },
        getMe: async () => (await server.max("GET", "/me")).status,
        subscribe: (hook) => server.max("POST", "/subscriptions", { url: hook.url }),
        write: (text) => void max.sendText("5151", text),
        textOf: (update) => (update as { message?: { body: { text: string } } }).message?.body.text,
      },
    ],
  ];
}

describe.each(["telegram", "max"])("calls of the bot, %s", (channel) => {
  let side: Side;

  beforeEach(async () => {
    side = new Map(sides()).get(channel) as Side;
    server.sandbox.telegram.addPerson(anna);
    // Nobody waits for the bot: it has nothing to say.
    void server.sandbox.telegram.start(anna, "");
    void server.sandbox.max.start(anna, "");
  });

  const messages = () => server.sandbox[channel as "telegram" | "max"].chat("5151").messages;

  test("the next two of one name are refused with 429 and a time, others are not", async () => {
    side.faults.failCalls({ kind: "tooMany", retryAfterSeconds: 7 }, { call: side.name, times: 2 });
    const before = messages().length;
    expect(await side.getMe()).toBe(200);
    expect(await side.send()).toEqual({ status: 429, retryAfter: 7 });
    expect(await side.send()).toMatchObject({ status: 429 });
    expect(messages()).toHaveLength(before);
    expect(await side.send()).toMatchObject({ status: 200 });
    expect(messages()).toHaveLength(before + 1);
  });

  test("any call breaks with the status asked for", async () => {
    side.faults.failCalls({ kind: "broken", status: 503 });
    expect(await side.getMe()).toBe(503);
    expect(await side.getMe()).toBe(200);
  });

  test("a socket is dropped before the work, or after it", async () => {
    const before = messages().length;
    side.faults.failCalls({ kind: "drop" });
    await expect(side.send()).rejects.toThrow();
    expect(messages()).toHaveLength(before);
    side.faults.failCalls({ kind: "drop", after: true });
    await expect(side.send()).rejects.toThrow();
    expect(messages()).toHaveLength(before + 1);
  });

  test("a call is slow", async () => {
    side.faults.failCalls({ kind: "delay", ms: 300 }, { call: side.name });
    const begun = performance.now();
    expect(await side.send()).toMatchObject({ status: 200 });
    expect(performance.now() - begun).toBeGreaterThan(280);
  });

  test("clear takes back what was asked for", async () => {
    side.faults.failCalls({ kind: "broken", status: 500 }, { times: 100 });
    side.faults.clear();
    expect(await side.getMe()).toBe(200);
  });
});

describe.each(["telegram", "max"])("updates on their way, %s", (channel) => {
  let side: Side;
  let hook: WebhookReceiver;

  beforeEach(async () => {
    side = new Map(sides()).get(channel) as Side;
    hook = await startWebhook();
    void server.sandbox[channel as "telegram" | "max"].start(anna, "");
  });

  afterEach(() => hook.close());

  // From here on: what came before stays out.
  async function subscribe(): Promise<void> {
    await side.subscribe(hook);
    side.write("ready");
    await hook.until(1);
    while (!texts().includes("ready")) await hook.until(hook.deliveries.length + 1);
    hook.deliveries.length = 0;
  }

  function texts(): (string | undefined)[] {
    return hook.deliveries.map(({ update }) => side.textOf(update));
  }

  test("an update comes twice, the next one once", async () => {
    await subscribe();
    side.faults.duplicateUpdates();
    side.write("a");
    await hook.until(2);
    side.write("b");
    await hook.until(3);
    expect(texts()).toEqual(["a", "a", "b"]);
    expect(hook.deliveries[1]?.text).toBe(hook.deliveries[0]?.text);
  });

  test("an update is overtaken by the next one, or goes alone after a while", async () => {
    await subscribe();
    side.faults.swapUpdates(2);
    side.write("a");
    side.write("b");
    await hook.until(2);
    side.write("c");
    await hook.until(3);
    expect(texts()).toEqual(["b", "a", "c"]);
  });

  test("a body comes in two pieces, torn inside a character, and is whole again", async () => {
    await subscribe();
    side.faults.splitUtf8 = true;
    side.write("Привет");
    await hook.until(1);
    expect(hook.deliveries[0]?.pieces).toBeGreaterThan(1);
    expect(texts()).toEqual(["Привет"]);
  });
});

describe("updates by polling", () => {
  test("Telegram: a doubled update comes twice under one id, and one commit takes both", async () => {
    const { telegram } = server.sandbox;
    telegram.faults.duplicateUpdates();
    void telegram.start(anna, "a");
    const { result } = await server.call("getUpdates", { timeout: 5 });
    const [first, second] = result as { update_id: number }[];
    expect(second).toEqual(first);
    const offset = (first?.update_id ?? 0) + 1;
    expect((await server.call("getUpdates", { offset })).result).toEqual([]);
  });

  test("MAX: a doubled update comes twice, at places of its own", async () => {
    const { max } = server.sandbox;
    const { marker } = (await server.max("GET", "/updates?timeout=0")).body as { marker: number };
    max.faults.duplicateUpdates();
    void max.start(anna, "a");
    const { body } = await server.max("GET", `/updates?timeout=5&marker=${marker}`);
    const [first, second] = body.updates as object[];
    expect(second).toEqual(first);
    expect(body.marker).toBe(marker + 2);
  });
});

describe("the published limits of Telegram", () => {
  test("three messages at once in a chat, then one a second; 30 a second in all", async () => {
    const { telegram } = server.sandbox;
    await server.call("getUpdates", { allowed_updates: ["nothing"] });
    for (let id = 1; id <= 40; id += 1) await telegram.start({ ...anna, id: String(id) }, "");
    telegram.rules.rateLimits = true;
    const send = (id: number) => server.call("sendMessage", { chat_id: id, text: "hi" });
    for (let count = 0; count < 3; count += 1) expect((await send(1)).status).toBe(200);
    expect(await send(1)).toMatchObject({
      status: 429,
      description: "Too Many Requests: retry after 3",
      parameters: { retry_after: 3 },
    });
    for (let id = 2; id <= 28; id += 1) expect((await send(id)).status).toBe(200);
    expect(await send(29)).toMatchObject({ status: 429, parameters: { retry_after: 1 } });
    server.clock.now += 3000;
    expect((await send(1)).status).toBe(200);
  });
});
