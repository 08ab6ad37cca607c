// The pretend MAX's API over a real socket: token, shapes, sending, editing, answering, what it
// refuses and how much it takes in a second. Every answer is checked against the published schema.
// How updates come stands in max-updates.test.ts.

import { once } from "node:events";
import { connect, createServer as createHttp2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { assertSchema } from "../support/max-schema.ts";
import { keyboard, type MaxServer, startMaxServer, type WireMessage } from "./max-server.ts";

const anna = { id: "5151", firstName: "Анна", lastName: "К", username: "anna_k", lang: "ru" };
const stoppedId = 77;
const strangerId = 99;
const login = { type: "callback", text: "Войти", payload: "l:Zx81kQ" };
const cancel = { type: "callback", text: "Отмена", payload: "c:Zx81kQ" };
let server: MaxServer;
let chatId = 0;

beforeAll(async () => {
  server = await startMaxServer();
  const { max } = server.sandbox;
  // A subscription that wants nothing: no person's action waits for a bot.
  await server.max("POST", "/subscriptions", {
    url: "http://127.0.0.1:9/",
    update_types: ["none"],
  });
  await max.start(anna, "auths_x");
  await max.start({ ...anna, id: String(stoppedId) }, "");
  await max.setBlocked(String(stoppedId), true);
  max.addPerson({ ...anna, id: String(strangerId) });
  chatId = max.chatId("5151");
});

afterEach(() => {
  server.sandbox.max.rules.rateLimits = false;
});

afterAll(() => server.close());

async function send(body: object, to = "user_id=5151"): Promise<WireMessage> {
  assertSchema(body, "NewMessageBody");
  const reply = await server.max("POST", `/messages?${to}`, body);
  expect(reply.status).toBe(200);
  return reply.body.message as WireMessage;
}

function shown(mid: string) {
  const found = server.sandbox.max.chat("5151").messages.find(({ messageId }) => messageId === mid);
  return found && { text: found.text, labels: found.buttons.map(({ label }) => label) };
}

describe("the token", () => {
  test.each([
    ["a wrong one", "/me", { authorization: "wrong" }, 401, "verify.token"],
    ["none", "/me", {}, 401, "verify.token"],
    ["an unknown path without one", "/nothing", {}, 401, "verify.token"],
  ])("%s is refused", async (_, path, headers, status, code) => {
    const reply = await server.max("GET", path, undefined, headers as HeadersInit);
    expect(reply).toMatchObject({ status, body: { code, message: expect.any(String) } });
  });

  test("Bearer before it is refused, and so is the query, even with a good header", async () => {
    const { token } = server.sandbox.max;
    const bearer = await server.max("GET", "/me", undefined, { authorization: `Bearer ${token}` });
    expect(bearer).toMatchObject({ status: 401, body: { code: "verify.token" } });
    const query = await server.max("GET", `/me?access_token=${token}`);
    expect(query).toMatchObject({ status: 403, body: { code: "deprecated.token" } });
  });
});

describe("paths", () => {
  test.each([
    ["GET", "/nothing", 404],
    ["GET", "/chats/abc", 404],
    ["GET", "/chats/1", 404],
    ["POST", "/me", 405],
    ["PATCH", "/messages", 405],
    ["GET", "/answers", 405],
  ])("%s %s is answered with %i", async (method, path, status) => {
    const reply = await server.max(method, path, method === "GET" ? undefined : {});
    expect(reply.status).toBe(status);
  });

  test("a body over 256 KB is refused, and the connection goes on", async () => {
    const path = "/messages?user_id=5151";
    expect((await server.max("POST", path, { text: "x".repeat(300_000) })).status).toBe(413);
    expect((await server.max("GET", "/me")).status).toBe(200);
  });

  test("serves HTTP/2", async () => {
    const http2 = createHttp2Server((req, res) => void server.sandbox.handle(req, res));
    await once(http2.listen(0, "127.0.0.1"), "listening");
    const client = connect(`http://127.0.0.1:${(http2.address() as AddressInfo).port}`);
    const authorization = server.sandbox.max.token;
    const asking = client.request({ ":path": "/sandbox/max-api/me", authorization });
    expect(JSON.parse(await text(asking)).is_bot).toBe(true);
    client.close();
    http2.close();
  });
});

describe("the bot", () => {
  test("GET /me tells who it is", async () => {
    const { body } = await server.max("GET", "/me");
    const me = { user_id: 770_001, first_name: "Tapin Demo", username: "id770001_bot" };
    expect(body).toMatchObject({ ...me, is_bot: true });
  });

  test("PATCH /me/commands keeps up to 32, and [] removes them", async () => {
    const commands = [{ name: "help", description: "Помощь" }, { name: "stop" }];
    expect((await server.max("PATCH", "/me/commands", { commands })).body.success).toBe(true);
    expect((await server.max("GET", "/me")).body.commands).toEqual(commands);
    await server.max("PATCH", "/me/commands", { commands: [] });
    expect((await server.max("GET", "/me")).body.commands).toEqual([]);
  });

  test.each([
    ["no list", {}],
    ["33 of them", { commands: Array.from({ length: 33 }, (_, n) => ({ name: `c${n}` })) }],
    ["an empty name", { commands: [{ name: "" }] }],
    ["a name over 64 characters", { commands: [{ name: "x".repeat(65) }] }],
    ["an empty description", { commands: [{ name: "a", description: "" }] }],
    ["a description over 128", { commands: [{ name: "a", description: "x".repeat(129) }] }],
  ])("PATCH /me/commands refuses %s", async (_, body) => {
    expect((await server.max("PATCH", "/me/commands", body)).status).toBe(400);
  });

  test("GET /chats shows the person with a picture that is there, and without one that is not", async () => {
    const { body } = await server.max("GET", `/chats/${chatId}`);
    expect(body).toMatchObject({
      chat_id: chatId,
      type: "dialog",
      status: "active",
      participants_count: 2,
      is_public: false,
      dialog_with_user: { user_id: 5151, first_name: "Анна", last_name: "К", is_bot: false },
    });
    expect(body.dialog_with_user).not.toHaveProperty("username");
    const avatar = (body.dialog_with_user as { avatar_url: string }).avatar_url;
    expect(avatar).toBe(`${server.url}/sandbox/avatars/5151.svg`);
    const picture = await fetch(avatar);
    expect([picture.status, picture.headers.get("content-type")]).toEqual([200, "image/svg+xml"]);
    server.sandbox.max.setAvatar("5151", false);
    const bare = await server.max("GET", `/chats/${chatId}`);
    expect(bare.body.dialog_with_user).not.toHaveProperty("avatar_url");
    server.sandbox.max.setAvatar("5151", true);
  });

  test("GET /chats says suspended once the person stopped the bot, and knows no dialog that never was", async () => {
    const { max } = server.sandbox;
    const stopped = await server.max("GET", `/chats/${max.chatId(String(stoppedId))}`);
    expect(stopped.body.status).toBe("suspended");
    expect((await server.max("GET", `/chats/${max.chatId(String(strangerId))}`)).status).toBe(404);
  });
});

describe("POST /messages", () => {
  test("answers with the message; chat_id is not user_id, and seq is above 2^53 in the JSON text", async () => {
    const path = "/messages?user_id=5151&disable_link_preview=true";
    const body = { text: "Войти?", attachments: keyboard([login], [cancel]), notify: false };
    const reply = await server.max("POST", path, body);
    const message = reply.body.message as WireMessage;
    expect(message).toMatchObject({
      sender: { user_id: 770_001, username: "id770001_bot", is_bot: true },
      recipient: { chat_id: chatId, chat_type: "dialog", user_id: 5151 },
      timestamp: server.clock.now,
      body: { mid: expect.stringMatching(/^mid\.[0-9a-f]{32}$/), text: "Войти?" },
    });
    expect(chatId).not.toBe(5151);
    const seq = BigInt(/"seq":(\d+)/.exec(reply.text)?.[1] ?? "0");
    expect(seq).toBeGreaterThan(2n ** 53n);
    expect(shown(message.body.mid)).toEqual({ text: "Войти?", labels: ["Войти", "Отмена"] });
  });

  test("each message has a seq and a mid of its own, rising, also within one millisecond", async () => {
    const texts = ["1", "2", "3"];
    const replies: string[] = [];
    for (const body of texts) {
      replies.push((await server.max("POST", "/messages?user_id=5151", { text: body })).text);
    }
    const seqs = replies.map((reply) => BigInt(/"seq":(\d+)/.exec(reply)?.[1] ?? "0"));
    expect(seqs).toEqual(seqs.toSorted((a, b) => (a < b ? -1 : 1)));
    expect(new Set(replies.map((reply) => /"mid":"([^"]+)"/.exec(reply)?.[1])).size).toBe(3);
  });

  test("takes chat_id as well, and 4000 characters", async () => {
    const { body } = await send({ text: "😀".repeat(4000) }, `chat_id=${chatId}`);
    expect(body.text).toHaveLength(8000);
  });

  const refusals: readonly [string, string, unknown, number][] = [
    ["nobody", "", { text: "a" }, 400],
    ["a user id that is no number", "user_id=anna", { text: "a" }, 400],
    ["a user id over 2^53", "user_id=9007199254740993", { text: "a" }, 400],
    ["an unknown person", "user_id=1", { text: "a" }, 404],
    ["a user id as the chat", "chat_id=5151", { text: "a" }, 404],
    ["a person who stopped the bot", `user_id=${stoppedId}`, { text: "a" }, 403],
    ["a person who never started it", `user_id=${strangerId}`, { text: "a" }, 403],
    ["no body", "user_id=5151", undefined, 400],
    ["a body that is no JSON", "user_id=5151", "{", 400],
    ["a list", "user_id=5151", [], 400],
    ["nothing to show", "user_id=5151", {}, 400],
    ["an empty text", "user_id=5151", { text: "" }, 400],
    ["4001 characters", "user_id=5151", { text: "я".repeat(4001) }, 400],
    ["a text that is a number", "user_id=5151", { text: 5 }, 400],
    ["an unknown format", "user_id=5151", { text: "a", format: "rtf" }, 400],
    ["notify that is no boolean", "user_id=5151", { text: "a", notify: "yes" }, 400],
    ["a link without mid", "user_id=5151", { text: "a", link: { type: "reply" } }, 400],
    ["attachments that are no list", "user_id=5151", { text: "a", attachments: {} }, 400],
    ["a picture", "user_id=5151", { text: "a", attachments: [{ type: "image" }] }, 400],
  ];

  test.each(refusals)("refuses %s", async (_, to, body, status) => {
    expect((await server.max("POST", `/messages?${to}`, body)).status).toBe(status);
  });

  test("says chat.denied for a person who stopped the bot", async () => {
    const reply = await server.max("POST", `/messages?user_id=${stoppedId}`, { text: "a" });
    expect(reply.body.code).toBe("chat.denied");
  });
});

describe("keyboards", () => {
  const link = (url: string) => ({ type: "link", text: "Сайт", url });
  const many = (rows: number, each: number) =>
    Array.from({ length: rows }, () => Array<object>(each).fill(login));

  test.each<[string, object[][]]>([
    ["30 rows", many(30, 1)],
    ["210 buttons in rows of 7", many(30, 7)],
    ["3 in a row with a link", [[login, cancel, link("https://example.org/")]]],
    ["a label of 128 characters", [[{ ...login, text: "я".repeat(128) }]]],
    ["a payload of 1024 characters", [[{ ...login, payload: "x".repeat(1024) }]]],
    ["a URL of 2048 characters", [[link(`https://example.org/${"x".repeat(2028)}`)]]],
    ["a host with a dot over http", [[link("http://example.org:8080/a?b=c")]]],
    ["an IPv4 address", [[link("http://127.0.0.1:3000/callback?code=x&state=y")]]],
    ["an IPv6 address", [[link("http://[::1]:3000/")]]],
    [
      "message and clipboard",
      [
        [
          { type: "message", text: "/help" },
          { type: "clipboard", text: "Copy", payload: "x" },
        ],
      ],
    ],
  ])("take %s", async (_, buttons) => {
    const { body } = await send({ text: "?", attachments: keyboard(...buttons) });
    expect(shown(body.mid)?.labels).toHaveLength(buttons.flat().length);
  });

  const LINK = "Must have only http/https links format in buttons";
  test.each<[string, unknown, string | undefined]>([
    ["no row", [], undefined],
    ["rows that are no lists", [login], undefined],
    ["31 rows", many(31, 1), undefined],
    ["8 in a row", many(1, 8), undefined],
    ["4 in a row with a link", [[login, login, login, link("https://a.example/")]], undefined],
    ["an empty label", [[{ ...login, text: "" }]], undefined],
    ["a label of 129 characters", [[{ ...login, text: "я".repeat(129) }]], undefined],
    ["a payload of 1025 characters", [[{ ...login, payload: "x".repeat(1025) }]], undefined],
    ["a button without payload", [[{ type: "callback", text: "a" }]], undefined],
    ["a URL of 2049 characters", [[link(`https://example.org/${"x".repeat(2029)}`)]], undefined],
    ["a host without a dot", [[link("http://mylocalhost:8080/app")]], LINK],
    ["localhost", [[link("http://localhost:3000/")]], LINK],
    ["another scheme", [[link("tg://resolve?domain=x")]], LINK],
    ["script", [[link("javascript:alert(1)")]], LINK],
    ["no URL", [[link("example.org")]], LINK],
    ["a kind it does not have", [[{ type: "request_contact", text: "a" }]], undefined],
  ])("refuse %s", async (_, buttons, message = expect.any(String)) => {
    const attachments = [{ type: "inline_keyboard", payload: { buttons } }];
    const reply = await server.max("POST", "/messages?user_id=5151", { text: "?", attachments });
    expect(reply).toMatchObject({ status: 400, body: { code: "proto.payload", message } });
  });
});

describe("PUT and DELETE /messages", () => {
  test.each([
    ["absent attachments keep the buttons", {}, ["Войти"]],
    ["null keeps the buttons", { attachments: null }, ["Войти"]],
    ["[] removes the buttons", { attachments: [] }, []],
    ["others replace the buttons", { attachments: keyboard([cancel]) }, ["Отмена"]],
  ])("%s", async (_, change, labels) => {
    const { mid } = (await send({ text: "a", attachments: keyboard([login]) })).body;
    const body = { text: "b", ...change };
    assertSchema(body, "NewMessageBody");
    const reply = await server.max("PUT", `/messages?message_id=${mid}`, body);
    expect(reply).toMatchObject({ status: 200, body: { success: true } });
    expect(shown(mid)).toEqual({ text: "b", labels });
  });

  test("an edit without a text keeps the text, and the same content again is no mistake", async () => {
    const { mid } = (await send({ text: "a", attachments: keyboard([login]) })).body;
    for (const _ of [1, 2]) {
      const edit = { attachments: keyboard([cancel]) };
      const reply = await server.max("PUT", `/messages?message_id=${mid}`, edit);
      expect(reply.body.success).toBe(true);
    }
    expect(shown(mid)).toEqual({ text: "a", labels: ["Отмена"] });
  });

  test("a message that is gone is 200 with success false", async () => {
    const { mid } = (await send({ text: "a" })).body;
    expect((await server.max("DELETE", `/messages?message_id=${mid}`)).body.success).toBe(true);
    expect(shown(mid)).toBeUndefined();
    const gone = { status: 200, body: { success: false, message: "Message not found" } };
    expect(await server.max("DELETE", `/messages?message_id=${mid}`)).toMatchObject(gone);
    const edit = await server.max("PUT", `/messages?message_id=${mid}`, { text: "b" });
    expect(edit).toMatchObject(gone);
    const nonsense = await server.max("PUT", "/messages?message_id=mid.x", { text: "b" });
    expect(nonsense).toMatchObject(gone);
  });

  test("the person's own message can be neither edited nor deleted", async () => {
    const chat = await server.sandbox.max.sendText("5151", "mine");
    const mid = chat.messages.at(-1)?.messageId;
    const edit = await server.max("PUT", `/messages?message_id=${mid}`, { text: "b" });
    expect(edit.body.success).toBe(false);
    expect((await server.max("DELETE", `/messages?message_id=${mid}`)).body.success).toBe(false);
  });

  test("after 7 days only a message with buttons can be edited", async () => {
    const plain = (await send({ text: "a" })).body.mid;
    const withButtons = (await send({ text: "a", attachments: keyboard([login]) })).body.mid;
    server.clock.now += 7 * 24 * 3600_000 + 1;
    const edit = (mid: string) => server.max("PUT", `/messages?message_id=${mid}`, { text: "b" });
    expect((await edit(plain)).body.success).toBe(false);
    expect((await edit(withButtons)).body.success).toBe(true);
  });

  test.each([
    ["no message id", "PUT", "/messages", { text: "b" }],
    ["an edit to nothing", "PUT", "/messages?message_id=", { text: "b" }],
    ["4001 characters", "PUT", "/messages?message_id=mid.x", { text: "я".repeat(4001) }],
  ])("refuses %s", async (_, method, path, body) => {
    expect((await server.max(method, path, body)).status).toBe(400);
  });
});

describe("POST /answers", () => {
  test.each([
    ["no body", undefined],
    ["an empty object", {}],
    ["nulls", { message: null, notification: null }],
    ["an empty notice", { notification: "" }],
    ["a notice that is no text", { notification: 5 }],
    ["a message over 4000 characters", { message: { text: "x".repeat(4001) } }],
  ])("refuses %s", async (_, body) => {
    const reply = await server.max("POST", "/answers?callback_id=x", body);
    expect(reply).toMatchObject({ status: 400, body: { code: "proto.payload" } });
  });

  test("refuses an unknown callback with 404, and a blank one with 400", async () => {
    const body = { message: { text: "a" } };
    expect((await server.max("POST", "/answers?callback_id=x", body)).status).toBe(404);
    expect((await server.max("POST", "/answers?callback_id=%20", body)).status).toBe(400);
  });
});

describe("limits of calls", () => {
  test("2 sends, edits and deletes of buttons a second in a dialog, then 429; another dialog has its own", async () => {
    const { max } = server.sandbox;
    await max.start({ ...anna, id: "6161" }, "");
    max.rules.rateLimits = true;
    server.clock.now += 1000;
    const { mid } = (await send({ text: "1" })).body;
    const edit = () => server.max("PUT", `/messages?message_id=${mid}`, { text: "2" });
    expect((await edit()).status).toBe(200);
    expect(await edit()).toMatchObject({ status: 429, body: { message: "Too many requests" } });
    expect((await server.max("POST", "/messages?user_id=5151", { text: "3" })).status).toBe(429);
    expect((await server.max("POST", "/messages?user_id=6161", { text: "1" })).status).toBe(200);
    server.clock.now += 999;
    expect((await edit()).status).toBe(429);
    server.clock.now += 1;
    expect((await edit()).status).toBe(200);
    expect(shown(mid)?.text).toBe("2");
  });

  test("30 calls a second in all, whatever they are", async () => {
    server.clock.now += 1000;
    server.sandbox.max.rules.rateLimits = true;
    const statuses: number[] = [];
    for (let call = 0; call < 31; call += 1) statuses.push((await server.max("GET", "/me")).status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(30);
    expect(statuses.at(-1)).toBe(429);
    server.clock.now += 1000;
    expect((await server.max("GET", "/me")).status).toBe(200);
  });
});
