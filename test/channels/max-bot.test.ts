// What is MAX's own: a deep link in a running dialog, pictures of people, the pace of a dialog, old
// updates that come once more, answers to taps. Scenarios it shares with Telegram are in the
// bot-*.test.ts files.

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { bodyOf } from "../../src/channels/max-sender.ts";
import { ANNA, LOGIN, type Stage, setStage } from "./bot-stage.ts";
import { refusal } from "./messenger-calls.ts";
import { gate, SITE_URL } from "./scripted-handlers.ts";

let stage: Stage;

beforeEach(async () => {
  stage = await setStage({ channel: "max", mode: "polling" });
});

afterEach(async () => {
  await stage.close();
});

describe("MaxBot", () => {
  it("takes the payload as a text where MAX does not tell of a link in a running dialog", async () => {
    stage.sandbox.max.rules.botStarted = "firstOrRestart";
    await stage.startedBot();
    await stage.openPrompt();
    await stage.open("auth_second", ANNA);
    await stage.say("4242", "/start auth_second");
    await stage.say("4242", "auth_third");
    await stage.until(() => stage.handlers.of("shown").length === 3);
    expect(stage.handlers.of("start").map((told) => told.payload)).toEqual([
      "auths_aBcDeFgH12345678",
      "auth_second",
      "auth_third",
    ]);
  });

  it("T4 sends plain text without previews, and removes buttons with an empty list", async () => {
    await stage.startedBot();
    const { messageId } = await stage.openPrompt();
    await stage.tap("4242", messageId, "Cancel");
    await stage.until(() => stage.buttons().length === 0);
    const [sent] = stage.proxy.callsOf("POST /messages");
    expect(sent?.query).toEqual({ user_id: "4242", disable_link_preview: "true" });
    expect(sent?.body).not.toHaveProperty("format");
    const [answered] = stage.proxy.callsOf("POST /answers");
    expect(answered?.query).toMatchObject({ disable_link_preview: "true" });
    expect(answered?.body).toEqual({ message: { text: "Sign-in cancelled.", attachments: [] } });
  });

  it("edits and acknowledges with one call", async () => {
    await stage.startedBot();
    const { messageId } = await stage.openPrompt();
    await stage.tap("4242", messageId, "Login");
    await stage.until(() => stage.isConfirmed());
    expect(stage.proxy.callsOf("POST /answers")).toHaveLength(1);
    expect(stage.proxy.callsOf("PUT /messages")).toEqual([]);
  });

  it.each(["perKeyboard", "perTap"] as const)("answers taps with callback ids %s", async (ids) => {
    stage.sandbox.max.rules.callbackIds = ids;
    stage.sandbox.max.rules.callbackChatId = false;
    await stage.startedBot();
    const { messageId } = await stage.openPrompt();
    await stage.tap("4242", messageId, "Login");
    await stage.until(() => stage.isConfirmed());
    expect(stage.lines("warn", "error")).toEqual([]);
  });

  it("a tap that leaves its message is answered with a notice", async () => {
    stage.handlers.onTap = async () => ({ kind: "taken" });
    await stage.startedBot();
    const prompt = await stage.openPrompt();
    await stage.tap("4242", prompt.messageId, "Login");
    await stage.until(() => stage.proxy.callsOf("POST /answers")[0]?.answered === true);
    const { body } = stage.proxy.callsOf("POST /answers")[0] ?? {};
    expect(body).toEqual({ notification: stage.lastMessage("4242").text });
    expect(stage.botMessages("4242")[0]).toEqual(prompt);
  });

  it("changes the message itself when the tap cannot be answered any more", async () => {
    await stage.startedBot();
    const { messageId } = await stage.openPrompt();
    stage.fail("acknowledge", refusal("max", 400, "callback is gone by"));
    void stage.tap("4242", messageId, "Login");
    await stage.until(() => stage.isConfirmed());
    expect(stage.proxy.callsOf("PUT /messages")).toHaveLength(1);
    expect(stage.lastMessage("4242").messageId).toBe(messageId);
  });

  it("T18 hands on the picture of bot_started with the tap, and asks for it where it is not known", async () => {
    const bot = await stage.startedBot();
    const { messageId } = await stage.openPrompt();
    const [begun] = stage.handlers.of("start");
    expect(begun?.person.avatarUrl).toContain("size=full");
    await stage.tap("4242", messageId, "Login");
    await stage.until(() => stage.handlers.of("tap").length === 1);
    expect(stage.handlers.of("tap")[0]?.person.avatarUrl).toBe(begun?.person.avatarUrl);
    const lookups = () =>
      stage.proxy.calls.filter(({ method }) => method.startsWith("GET /chats/"));
    expect(lookups()).toEqual([]);
    await bot.stop();
    await stage.startedBot();
    await stage.tapData("4242", messageId, LOGIN);
    await stage.until(() => stage.handlers.of("tap").length === 2);
    expect(stage.handlers.of("tap")[1]?.person.avatarUrl).toBe(begun?.person.avatarUrl);
    await stage.tapData("4242", messageId, LOGIN);
    await stage.until(() => stage.handlers.of("tap").length === 3);
    expect(lookups()).toHaveLength(1);
  });

  it("keeps to two calls a second in a dialog, and loses none", async () => {
    stage.sandbox.max.rules.rateLimits = true;
    await stage.startedBot({ dialogSpacingMs: 500, timing: { reconcileMs: 600_000 } });
    await stage.openPrompt();
    for (const text of ["one", "two", "three", "four"]) void stage.say("4242", text);
    await stage.until(() => stage.botMessages("4242").length === 5);
    expect(stage.proxy.callsOf("POST /messages")).toHaveLength(5);
    expect(stage.lines("warn", "error")).toEqual([]);
  });

  it("keeps to what MAX takes in a second in all, and loses none", async () => {
    stage.sandbox.max.rules.rateLimits = true;
    await stage.startedBot({ timing: { reconcileMs: 600_000 } });
    const ids = Array.from({ length: 60 }, (_, index) => String(1000 + index));
    await Promise.all(ids.map((id) => stage.open("auth_demo", { id })));
    await stage.until(() => stage.handlers.of("shown").length === 60);
    for (const id of ids) expect(stage.botMessages(id)).toHaveLength(1);
    // On a busy machine calls bunch up on their way; what is refused then is tried again.
    expect(stage.proxy.callsOf("POST /messages").length).toBeLessThan(70);
    expect(stage.lines("warn", "error")).toEqual([]);
  });

  it("drops what is old when it asks for the first time, but not that a person stopped the bot", async () => {
    const user = { user_id: 4242, first_name: "Anna", is_bot: false };
    const old = { timestamp: Date.now() - 3_600_000, chat_id: 1, user };
    const updates = [
      { ...old, update_type: "bot_started", payload: "auth_old" },
      { ...old, update_type: "bot_stopped" },
      { ...old, update_type: "bot_started", payload: "auth_new", timestamp: Date.now() },
    ];
    const body = { updates, marker: 5 };
    stage.fail("poll", { kind: "answer", status: 200, body });
    await stage.startedBot();
    await stage.until(() => stage.handlers.of("start").length === 1);
    expect(stage.handlers.of("start")[0]?.payload).toBe("auth_new");
    expect(stage.handlers.of("reachable").map((told) => told.reachable)).toEqual([false, true]);
    await stage.until(() => stage.proxy.callsOf("GET /updates").length >= 2);
    expect(stage.proxy.callsOf("GET /updates").map(({ query }) => query.marker)).toEqual([
      undefined,
      "5",
    ]);
  });

  it("goes on where the process before it was, for without a marker MAX may tell of the newest update alone", async () => {
    stage.sandbox.max.rules.pollWithoutMarker = "latest";
    const first = await stage.startedBot();
    await stage.openPrompt();
    await stage.until(() => stage.handlers.notebook.marker !== null);
    await first.stop();
    for (const id of ["1", "2", "3"]) void stage.open("auth_demo", { id });
    await stage.startedBot();
    await stage.until(() => stage.handlers.of("start").length === 4);
    const opened = stage.handlers.of("start").map(({ person }) => person.userId);
    expect(opened.slice(1).sort()).toEqual(["1", "2", "3"]);
  });

  it("says of a database that is away what it is, and goes on from the marker once it is back", async () => {
    stage.handlers.notebook.marker = "17";
    stage.handlers.onMarker = async () => {
      stage.handlers.onMarker = async () => undefined;
      throw new Error("the database is away");
    };
    await stage.startedBot();
    await stage.until(() => stage.proxy.callsOf("GET /updates").length > 0);
    expect(stage.proxy.callsOf("GET /updates")[0]?.query.marker).toBe("17");
    expect(stage.lines("warn", "error").map((line) => line.message)).toEqual([
      "where polling goes on could not be read",
    ]);
  });

  it("asks without a marker when MAX refuses the one that was kept", async () => {
    stage.handlers.notebook.marker = "17";
    stage.fail("poll", refusal("max", 400, "Invalid marker"));
    await stage.startedBot();
    await stage.openPrompt();
    const markers = stage.proxy.callsOf("GET /updates").map(({ query }) => query.marker);
    expect(markers.slice(0, 2)).toEqual(["17", undefined]);
  });

  it("leaves 300 ms between two polls, however fast MAX answers", async () => {
    const empty = { kind: "answer", status: 200, body: { updates: [], marker: 1 } } as const;
    stage.fail("poll", empty, 4);
    const before = performance.now();
    await stage.startedBot();
    await stage.until(() => stage.proxy.callsOf("GET /updates").length >= 5);
    expect(performance.now() - before).toBeGreaterThanOrEqual(4 * 295);
  });

  it("confirms a batch only when all of it is noted", async () => {
    const noting = gate();
    stage.handlers.onNote = () => noting.passed;
    await stage.startedBot();
    const polls = () => stage.proxy.callsOf("GET /updates").length;
    void stage.open("auth_demo", ANNA);
    await stage.until(() => stage.proxy.callsOf("GET /updates").at(-1)?.answered === true);
    const before = polls();
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(polls()).toBe(before);
    noting.open();
    await stage.until(() => polls() > before);
  });

  it("sets the menu of commands", async () => {
    await stage.startedBot();
    await stage.until(() => stage.proxy.callsOf("PATCH /me/commands")[0]?.answered === true);
    expect((await stage.callMax("GET", "/me")).commands).toMatchObject([
      { name: "help", description: "Как войти на сайт" },
      { name: "lang" },
      { name: "stop" },
    ]);
  });

  it("start() says what is wrong with the CA file", async () => {
    const bot = stage.bot({ caFile: "/nowhere.pem" });
    await expect(bot.start()).rejects.toThrow("The CA file cannot be read");
    expect((await bot.inspect()).problems).toEqual([expect.stringContaining("The CA file")]);
  });
});

describe("bodyOf", () => {
  it("keeps the limits of a row: seven buttons, three when one is a link", () => {
    const plain = Array.from({ length: 8 }, (_, index) => ({ label: String(index), data: "x" }));
    const linked = [...plain.slice(0, 3), { label: "site", url: SITE_URL }];
    const { attachments } = bodyOf({ text: "x", rows: [plain, linked] });
    expect(attachments[0]?.payload.buttons.map((row) => row.length)).toEqual([7, 1, 3, 1]);
  });

  it("cuts a label that is too long, between characters", () => {
    const { attachments } = bodyOf({ text: "x", rows: [[{ label: "😀".repeat(200), data: "x" }]] });
    expect(attachments[0]?.payload.buttons[0]?.[0]?.text).toBe("😀".repeat(128));
  });
});
