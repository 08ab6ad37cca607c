// The Bot API of the pretend Telegram over a real socket: the ways arguments come in, the shapes
// that go out, long polling and its conflicts. What is refused stands in telegram-refusals.test.ts.

import { once } from "node:events";
import { request } from "node:http";
import { connect, createServer as createHttp2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type SandboxServer, startSandboxServer } from "./chat-server.ts";

const anna = { id: "4242", firstName: "Анна", lastName: "К", username: "anna_k", lang: "ru" };
const clock = { now: Date.now() };
let server: SandboxServer;

beforeAll(async () => {
  server = await startSandboxServer({ now: () => clock.now });
  // Nobody polls yet, and when the bot wants no such updates the person's action resolves at once.
  await server.call("getUpdates", { allowed_updates: ["nothing"] });
  await server.sandbox.telegram.start(anna, "auths_x");
  await server.call("getUpdates", { allowed_updates: [] });
});

afterAll(() => server.close());

function inline(...buttons: readonly object[]): object {
  return { reply_markup: { inline_keyboard: [buttons] } };
}

async function raw(
  path: string,
  init: RequestInit = {},
): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`${server.sandbox.telegramApiRoot()}${path}`, init);
  return { status: response.status, body: await response.json() };
}

function botPath(method: string): string {
  return `/bot${server.sandbox.telegram.token}/${method}`;
}

describe("the endpoint", () => {
  test.each([
    ["/bot7770777001:wrong/getMe", 401, "Unauthorized"],
    ["/botwrong/getMe", 401, "Unauthorized: invalid token specified"],
    ["/bot/getMe", 401, "Unauthorized: invalid token specified"],
    ["/getMe", 404, "Not Found"],
  ])("answers %s with %i", async (path, status, description) => {
    const body = { ok: false, error_code: status, description };
    expect(await raw(path)).toEqual({ status, body });
  });

  test("takes arguments from the query, a form and JSON, whatever the case of the method", async () => {
    const form = new URLSearchParams({ chat_id: "4242" });
    const json = { "content-type": "application/json; charset=utf-8" };
    const chats = [
      await raw(`${botPath("GETCHAT")}?chat_id=4242`),
      await raw(botPath("getChat"), { method: "POST", body: form }),
      await raw(botPath("getchat"), { method: "POST", headers: json, body: '{"chat_id":4242}' }),
      await raw(`${botPath("getChat")}?chat_id=1`, {
        method: "POST",
        headers: json,
        body: '{"chat_id":"4242"}',
      }),
    ];
    const found = { ok: true, result: { id: 4242, type: "private", first_name: "Анна" } };
    for (const chat of chats) expect(chat).toMatchObject({ status: 200, body: found });
  });

  test.each([
    ["{", "Bad Request: expected next field or object end"],
    ["[]", "Bad Request: JSON object expected"],
  ])("refuses the body %s", async (body, description) => {
    const headers = { "content-type": "application/json" };
    const reply = await raw(botPath("getMe"), { method: "POST", headers, body });
    expect(reply).toMatchObject({ status: 400, body: { description } });
  });

  test("refuses a body over 256 KB, and the connection goes on", async () => {
    const reply = await server.call("sendMessage", { text: "x".repeat(300_000) });
    expect(reply).toMatchObject({ status: 413, error_code: 413 });
    expect((await server.call("getMe")).ok).toBe(true);
  });

  test("reads a character that is split over two chunks", async () => {
    const body = Buffer.from(JSON.stringify({ chat_id: 4242, text: "ё" }));
    const at = body.indexOf("ё") + 1;
    const url = `${server.sandbox.telegramApiRoot()}${botPath("sendMessage")}`;
    const call = request(url, { method: "POST", headers: { "content-type": "application/json" } });
    call.write(body.subarray(0, at), () => call.end(body.subarray(at)));
    const [response] = await once(call, "response");
    expect(JSON.parse(await text(response)).result.text).toBe("ё");
  });

  test("serves HTTP/2, and survives a poller that leaves", async () => {
    const http2 = createHttp2Server((req, res) => void server.sandbox.handle(req, res));
    await once(http2.listen(0, "127.0.0.1"), "listening");
    const client = connect(`http://127.0.0.1:${(http2.address() as AddressInfo).port}`);
    const path = `/sandbox/telegram-api${botPath("getUpdates")}?timeout=50&offset=-1`;
    const leaving = client.request({ ":path": path });
    leaving.on("error", () => {});
    await once(client, "remoteSettings");
    leaving.close();
    const asking = client.request({ ":path": `/sandbox/telegram-api${botPath("getMe")}` });
    expect(JSON.parse(await text(asking)).ok).toBe(true);
    client.close();
    http2.close();
  });
});

describe("shapes", () => {
  test("getMe tells who the bot is", async () => {
    const { result } = await server.call("getMe");
    const me = { id: 7_770_777_001, is_bot: true, first_name: "Tapin Demo" };
    expect(result).toMatchObject({ ...me, username: "TapinDemoBot", can_join_groups: false });
  });

  test("a message carries what the bot asked for, with the URL as Telegram keeps it", async () => {
    const { result } = await server.call("sendMessage", {
      chat_id: "4242",
      text: " see /help ",
      protect_content: true,
      link_preview_options: { is_disabled: true },
      ...inline({ text: "Go", url: "127.0.0.1:3000?code=1", style: "primary" }),
    });
    expect(result).toEqual({
      message_id: expect.any(Number),
      from: { id: 7_770_777_001, is_bot: true, first_name: "Tapin Demo", username: "TapinDemoBot" },
      chat: { id: 4242, type: "private", first_name: "Анна", last_name: "К", username: "anna_k" },
      date: Math.floor(clock.now / 1000),
      text: "see /help",
      entities: [{ type: "bot_command", offset: 4, length: 5 }],
      link_preview_options: { is_disabled: true },
      has_protected_content: true,
      reply_markup: {
        inline_keyboard: [[{ text: "Go", url: "http://127.0.0.1:3000/?code=1", style: "primary" }]],
      },
    });
  });

  test("an edit without reply_markup takes the buttons away and keeps the protection", async () => {
    const keys = inline({ text: "Login", callback_data: "l" });
    const sent = await server.call("sendMessage", {
      ...{ chat_id: 4242, text: "a", protect_content: true },
      ...keys,
    });
    const { message_id } = sent.result as { message_id: number };
    const edited = await server.call("editMessageText", { chat_id: 4242, message_id, text: "b" });
    expect(edited.result).toMatchObject({ text: "b", has_protected_content: true });
    expect(edited.result).toHaveProperty("edit_date");
    expect(edited.result).not.toHaveProperty("reply_markup");
    const back = await server.call("editMessageReplyMarkup", {
      chat_id: 4242,
      message_id,
      ...keys,
    });
    expect(back.result).toMatchObject({ text: "b", ...keys });
    expect(await server.call("deleteMessage", { chat_id: 4242, message_id })).toMatchObject({
      result: true,
    });
  });

  test("updates are as Telegram writes them", async () => {
    const { telegram } = server.sandbox;
    await server.call("getUpdates", { offset: -1 });
    const ben = { id: "5151", firstName: "Ben", lang: "en" };
    const chat = { id: 5151, type: "private", first_name: "Ben" };
    const from = { id: 5151, is_bot: false, first_name: "Ben", language_code: "en" };
    const bot = {
      id: 7_770_777_001,
      is_bot: true,
      first_name: "Tapin Demo",
      username: "TapinDemoBot",
    };
    const date = Math.floor(clock.now / 1000);
    const seen = server.call("getUpdates", { timeout: 50, offset: await nextOffset() });
    const starting = telegram.start(ben, "auths_aBcDeFgH12345678");
    const [start] = (await seen).result as { update_id: number }[];
    expect(start).toEqual({
      update_id: expect.any(Number),
      message: {
        message_id: expect.any(Number),
        from,
        chat,
        date,
        text: "/start auths_aBcDeFgH12345678",
        entities: [{ type: "bot_command", offset: 0, length: 6 }],
      },
    });
    const keys = inline({ text: "Login", callback_data: "l:Zx81kQ" });
    const prompt = await server.call("sendMessage", { chat_id: 5151, text: "?", ...keys });
    const { message_id } = prompt.result as { message_id: number };
    await starting;
    const offset = (start?.update_id ?? 0) + 1;
    const tapping = telegram.tap("5151", String(message_id), "Login");
    const [tap] = (await server.call("getUpdates", { offset, timeout: 50 })).result as object[];
    expect(tap).toEqual({
      update_id: offset,
      callback_query: {
        id: expect.stringMatching(/^\d{10,20}$/),
        from,
        message: { message_id, from: bot, chat, date, text: "?", ...keys },
        chat_instance: expect.stringMatching(/^-?\d+$/),
        data: "l:Zx81kQ",
      },
    });
    const query = tap as { callback_query: { id: string } };
    const answer = { callback_query_id: query.callback_query.id };
    expect((await server.call("answerCallbackQuery", answer)).ok).toBe(true);
    const again = await server.call("answerCallbackQuery", answer);
    expect(again.description).toContain("query is too old");
    await server.call("editMessageText", { chat_id: 5151, message_id, text: "done" });
    await tapping;
    const blocking = telegram.setBlocked("5151", true);
    const blocked = await server.call("getUpdates", { offset: offset + 1, timeout: 50 });
    expect(blocked.result).toEqual([
      {
        update_id: offset + 1,
        my_chat_member: {
          chat,
          from,
          date,
          old_chat_member: { user: bot, status: "member" },
          new_chat_member: { user: bot, status: "kicked", until_date: 0 },
        },
      },
    ]);
    await server.call("getUpdates", { offset: offset + 2 });
    await blocking;
  });

  test("a tap on a message that is gone has an inaccessible message", async () => {
    const offset = await nextOffset();
    const tapping = server.sandbox.telegram.tapData("4242", "3", "anything");
    const [tap] = (await server.call("getUpdates", { offset, timeout: 50 })).result as object[];
    const message = { chat: { id: 4242 }, message_id: 3, date: 0 };
    expect(tap).toMatchObject({ callback_query: { data: "anything", message } });
    const { id } = (tap as { callback_query: { id: string } }).callback_query;
    clock.now += 151_000;
    const late = await server.call("answerCallbackQuery", { callback_query_id: id });
    expect(late.description).toContain("query is too old");
    await tapping;
  });

  test("commands are kept for each language", async () => {
    const commands = [{ command: "help", description: "Помощь" }];
    await server.call("setMyCommands", { commands, language_code: "ru" });
    const russian = await server.call("getMyCommands", { language_code: "ru" });
    expect(russian.result).toEqual(commands);
    expect((await server.call("getMyCommands")).result).toEqual([]);
  });
});

// The offset at which the next update will come: everything before is confirmed.
async function nextOffset(): Promise<number> {
  const waiting = (await server.call("getUpdates", { offset: -1 })).result as {
    update_id: number;
  }[];
  const last = waiting.at(-1)?.update_id;
  return last === undefined ? 0 : last + 1;
}

describe("getUpdates", () => {
  test("a second poller ends the first with 409, and the next conflict comes 3 s late", async () => {
    const offset = await nextOffset();
    const first = server.call("getUpdates", { timeout: 50, offset });
    const second = server.call("getUpdates", { timeout: 50, offset });
    const terminated =
      "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running";
    // Whichever of the two the server saw first is ended; both have one fate each.
    const early = await Promise.race([first, second]);
    expect(early).toMatchObject({ status: 409, error_code: 409, description: terminated });
    clock.now += 1000;
    const begun = performance.now();
    const set = await server.call("setWebhook", { url: "https://bot.example/hook" });
    expect(set).toMatchObject({ ok: true, description: "Webhook was set" });
    const replies = await Promise.all([first, second]);
    expect(performance.now() - begun).toBeGreaterThan(2900);
    expect(replies.map((reply) => reply.description)).toContain(
      "Conflict: terminated by setWebhook request",
    );
  });

  test("409 while a webhook is set, whose registration is remembered", async () => {
    clock.now += 10_000;
    const secret = { url: "https://bot.example/hook", secret_token: "s3cret" };
    await server.call("setWebhook", { ...secret, allowed_updates: ["message"] });
    expect((await server.call("getWebhookInfo")).result).toMatchObject({
      url: secret.url,
      has_custom_certificate: false,
      max_connections: 40,
      allowed_updates: ["message"],
    });
    expect(await server.call("getUpdates")).toMatchObject({
      status: 409,
      description:
        "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first",
    });
    const deleted = await server.call("deleteWebhook", { drop_pending_updates: true });
    expect(deleted.description).toBe("Webhook was deleted");
    expect((await server.call("deleteWebhook")).description).toBe("Webhook is already deleted");
    expect((await server.call("getWebhookInfo")).result).toMatchObject({
      url: "",
      pending_update_count: 0,
    });
    await server.call("getUpdates", { allowed_updates: [] });
  });

  test("limit bounds what comes, and a long poll ends empty when its time is over", async () => {
    const { telegram } = server.sandbox;
    const offset = await nextOffset();
    const acting = [telegram.tapData("4242", "3", "a"), telegram.tapData("4242", "3", "b")];
    const one = await server.call("getUpdates", { limit: 1, offset });
    expect(one.result).toHaveLength(1);
    expect((await server.call("getUpdates", { offset })).result).toHaveLength(2);
    const after = (one.result as { update_id: number }[])[0]?.update_id ?? 0;
    const empty = await server.call("getUpdates", { offset: after + 2, timeout: 1 });
    expect(empty.result).toEqual([]);
    await Promise.all(acting);
  });

  test("ends with 500 when the sandbox closes", async () => {
    const other = await startSandboxServer();
    await other.call("getUpdates");
    const polling = other.call("getUpdates", { timeout: 50 });
    await other.call("getMe");
    other.sandbox.close();
    expect(await polling).toMatchObject({
      status: 500,
      description: "Internal Server Error: restart",
    });
    await other.close();
  });
});
