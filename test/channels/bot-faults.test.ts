// Calls to the messenger that fail, and what must not be lost then. On both messengers, with
// updates polled and delivered to a webhook.

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ANNA, LOGIN, STAGES, type Stage, setStage } from "./bot-stage.ts";
import { refusal, tooMany } from "./messenger-calls.ts";
import { confirmed, SITE_URL } from "./scripted-handlers.ts";

describe.each(STAGES)("bot on $channel, $mode", ({ channel, mode }) => {
  let stage: Stage;

  beforeEach(async () => {
    stage = await setStage({ channel, mode });
  });

  afterEach(async () => {
    await stage.close();
  });

  describe("calls that fail", () => {
    it.each([
      ["a server error", () => refusal(channel, 500, "Internal Server Error")],
      ["a dropped socket", () => ({ kind: "drop" }) as const],
      ["a slow answer", () => ({ kind: "slow", ms: 300 }) as const],
      [
        "a page that is no JSON",
        () => ({ kind: "answer", status: 502, body: "<html>Bad gateway</html>" }) as const,
      ],
    ])("shows the prompt in spite of %s", async (_, fault) => {
      await stage.startedBot();
      stage.fail("send", fault());
      await stage.openPrompt();
      expect(stage.botMessages("4242")).toHaveLength(1);
      expect(stage.lines("error")).toEqual([]);
    });

    it("waits as long as a 429 asks for, then shows what was decided", async () => {
      await stage.startedBot();
      const { messageId } = await stage.openPrompt();
      stage.fail("editTapped", tooMany(channel, 1));
      const before = performance.now();
      void stage.tap("4242", messageId, "Login");
      await stage.until(() => stage.isConfirmed());
      expect(performance.now() - before).toBeGreaterThanOrEqual(990);
      expect(stage.lines("error")).toEqual([]);
    });

    it("gives up on a 429 that asks for too long, logs it, and what was decided stands", async () => {
      await stage.startedBot();
      const { messageId } = await stage.openPrompt();
      stage.fail("editTapped", tooMany(channel, 60));
      void stage.tap("4242", messageId, "Login");
      await stage.until(() => stage.lines("error").length === 1);
      expect(stage.lines("error")[0]?.message).toContain("what was decided stands");
      expect(stage.handlers.of("tap")).toHaveLength(1);
      void stage.tap("4242", messageId, "Login");
      await stage.until(() => stage.isConfirmed());
    });

    it("gives up after three tries, logs it once, and goes on", async () => {
      await stage.startedBot();
      stage.fail("send", refusal(channel, 500, "Internal Server Error"), 3);
      void stage.open("auth_demo", ANNA);
      await stage.until(() => stage.lines("error").length === 1);
      await stage.openPrompt();
      expect(stage.botMessages("4242")).toHaveLength(1);
      expect(stage.lines("error")).toHaveLength(1);
    });

    it("T7 an edit whose answer was lost is done: trying again is no error", async () => {
      await stage.startedBot();
      const { messageId } = await stage.openPrompt();
      stage.fail("editTapped", { kind: "drop", after: true });
      void stage.tap("4242", messageId, "Login");
      await stage.until(() => stage.isConfirmed());
      await stage.until(() => stage.handlers.notebook.unfinished().length === 0);
      expect(stage.botMessages("4242")).toHaveLength(1);
      expect(stage.lines("warn", "error")).toEqual([]);
    });

    it("a tap that is too old to answer still has its effect, without a warning", async () => {
      await stage.startedBot();
      const { messageId } = await stage.openPrompt();
      const late =
        channel === "telegram"
          ? refusal(channel, 400, "Bad Request: query is too old and response timeout expired")
          : refusal(channel, 404, "Callback not found");
      stage.fail("acknowledge", late);
      void stage.tap("4242", messageId, "Login");
      await stage.until(() => stage.isConfirmed());
      expect(stage.botMessages("4242")).toHaveLength(1);
      expect(stage.lines("warn", "error")).toEqual([]);
    });

    it("T7 a message that says already what it should is no error", async () => {
      await stage.startedBot();
      const { messageId } = await stage.openPrompt();
      const taps = Array.from({ length: 5 }, () => stage.tapData("4242", messageId, LOGIN));
      await Promise.all(taps);
      await stage.until(() => stage.handlers.notebook.unfinished().length === 0);
      expect(stage.isConfirmed()).toBe(true);
      expect(stage.botMessages("4242")).toHaveLength(1);
      expect(stage.lines("warn", "error")).toEqual([]);
    });

    it("T7 the messenger's word that the message is not modified is no error", async () => {
      await stage.startedBot();
      const { messageId } = await stage.openPrompt();
      const text =
        "Bad Request: message is not modified: specified new message content is the same";
      stage.fail("edit", refusal(channel, 400, text));
      // MAX refuses the answer first, which would have edited too.
      if (channel === "max") stage.fail("acknowledge", refusal(channel, 400, text));
      await stage.tapData("4242", messageId, LOGIN);
      await stage.until(() => stage.handlers.of("tap").length === 1);
      await stage.until(() => stage.handlers.notebook.unfinished().length === 0);
      expect(stage.proxy.callsOf(stage.calls.edit)).toHaveLength(1);
      expect(stage.botMessages("4242").map((message) => message.messageId)).toEqual([messageId]);
      expect(stage.lines("warn", "error")).toEqual([]);
    });

    it("shows a decided prompt anew when its message was deleted, and reports where", async () => {
      await stage.startedBot();
      const { messageId } = await stage.openPrompt();
      await stage.deleteMessage("4242", messageId);
      await stage.tapData("4242", messageId, LOGIN);
      await stage.until(() => stage.botMessages("4242").length === 1 && stage.isConfirmed());
      const anew = stage.lastMessage("4242");
      expect(anew.messageId).not.toBe(messageId);
      await stage.until(() => stage.handlers.of("shown").length === 2);
      expect(stage.handlers.of("shown")[1]).toMatchObject({
        token: "Token00000000000000001",
        message: { chatId: "4242", messageId: anew.messageId },
      });
      expect(stage.lines("error")).toEqual([]);
    });

    it("shows it anew when the message is deleted while the tap is being decided", async () => {
      await stage.startedBot();
      const { messageId } = await stage.openPrompt();
      stage.handlers.onTap = async () => {
        await stage.deleteMessage("4242", messageId);
        return { kind: "cancelled" };
      };
      void stage.tap("4242", messageId, "Cancel");
      await stage.until(() => stage.botMessages("4242")[0]?.text === "Sign-in cancelled.");
      expect(stage.lines("error")).toEqual([]);
    });

    it("sends a refused link as text, and logs it without the code", async () => {
      const url = "http://localhost:3000/callback?code=SECRETCODE";
      stage.handlers.onTap = async () => confirmed({ url });
      await stage.startedBot();
      const { messageId } = await stage.openPrompt();
      void stage.tap("4242", messageId, "Login");
      await stage.until(() => stage.lastMessage("4242").text.includes(url));
      expect(stage.lastMessage("4242")).toMatchObject({ messageId, buttons: [] });
      expect(stage.lines("warn").map((line) => line.message)).toEqual([
        expect.stringContaining("the link is sent as text"),
      ]);
    });

    it("a person who blocked the bot becomes unreachable, and reachable when they come back", async () => {
      await stage.startedBot();
      await stage.openPrompt();
      await stage.messenger.setBlocked("4242", true);
      const reachable = () => stage.handlers.of("reachable").map((told) => told.reachable);
      await stage.until(() => reachable().at(-1) === false);
      await stage.open("auth_demo", ANNA);
      await stage.until(() => reachable().at(-1) === true);
    });

    it.each([
      "Forbidden: bot was blocked by the user",
      "Forbidden: user is deactivated",
      "Forbidden: bot can't initiate conversation with a user",
    ])("a person to whom sending is %s becomes unreachable, without an error", async (text) => {
      await stage.startedBot();
      stage.fail("send", refusal(channel, 403, text));
      void stage.open("auth_demo", ANNA);
      await stage.until(() => stage.handlers.of("reachable").at(-1)?.reachable === false);
      expect(stage.handlers.of("shown")).toEqual([]);
      expect(stage.lines("error")).toEqual([]);
    });

    it("says that something went wrong when a handler throws, and leaves the buttons", async () => {
      const works = stage.handlers.onTap;
      stage.handlers.onTap = async () => {
        throw new Error("database: no answer");
      };
      await stage.startedBot();
      const { messageId } = await stage.openPrompt();
      await stage.tap("4242", messageId, "Login");
      await stage.until(() => stage.botMessages("4242").length === 2);
      expect(stage.lastMessage("4242").text).toMatch(/^Something went wrong/);
      expect(stage.botMessages("4242")[0]?.buttons).toHaveLength(2);
      stage.handlers.onTap = works;
      await stage.tap("4242", messageId, "Login");
      await stage.until(() => stage.botMessages("4242")[0]?.buttons[0]?.url === SITE_URL);
      expect(stage.lines("error")).toHaveLength(1);
    });
  });

  // What goes wrong with deliveries is the messenger's to repeat: bot-restart.test.ts and
  // bot-updates.test.ts.
  if (mode === "polling") {
    describe("polls that fail", () => {
      it.each([
        ["dropped sockets", () => ({ kind: "drop" }) as const],
        ["server errors", () => refusal(channel, 500, "Internal Server Error")],
        [
          "a page that is no JSON",
          () => ({ kind: "answer", status: 502, body: "<html>" }) as const,
        ],
        ["429", () => tooMany(channel, 0)],
      ])("goes on after %s, says so once, and loses nothing", async (_, fault) => {
        // Twice as many, for Deno itself asks once more when a connection it had used before
        // breaks.
        stage.fail("poll", fault(), 6);
        await stage.startedBot();
        await stage.openPrompt();
        expect(stage.handlers.of("start")).toHaveLength(1);
        expect(stage.lines("warn")).toHaveLength(1);
        expect(stage.lines("info").at(-1)?.message).toMatch(/'s updates come again$/);
      });

      it("waits as long as a 429 asks for", async () => {
        stage.fail("poll", tooMany(channel, 1));
        const before = performance.now();
        await stage.startedBot();
        await stage.openPrompt();
        expect(performance.now() - before).toBeGreaterThanOrEqual(990);
      });

      it("fetches a batch again whose answer was lost, and handles it once", async () => {
        await stage.startedBot();
        await stage.openPrompt();
        stage.fail("poll", { kind: "drop", after: true }, 2);
        await stage.openPrompt();
        await stage.openPrompt();
        await stage.openPrompt();
        expect(stage.handlers.of("start")).toHaveLength(4);
        expect(stage.botMessages("4242")).toHaveLength(4);
      });

      it("a slow answer only takes its time", async () => {
        stage.fail("poll", { kind: "slow", ms: 300 });
        await stage.startedBot();
        await stage.openPrompt();
        expect(stage.lines("warn", "error")).toEqual([]);
      });
    });
  }
});
