// What becomes of updates: none is handled twice, none is lost with a process, one person's in
// order. On both messengers, with updates polled and delivered to a webhook.

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ANNA, IVAN, LOGIN, STAGES, type Stage, setStage } from "./bot-stage.ts";
import { confirmed, gate } from "./scripted-handlers.ts";

describe.each(STAGES)("bot on $channel, $mode", ({ channel, mode }) => {
  let stage: Stage;

  beforeEach(async () => {
    stage = await setStage({ channel, mode });
  });

  afterEach(async () => {
    await stage.close();
  });

  describe("updates", () => {
    it("T7 handles an update that comes twice once", async () => {
      await stage.startedBot();
      stage.messenger.faults.duplicateUpdates();
      const { messageId } = await stage.openPrompt();
      stage.messenger.faults.duplicateUpdates();
      await stage.tap("4242", messageId, "Login");
      await stage.until(() => stage.isConfirmed());
      // Whatever comes after both copies is handled after them.
      await stage.say("4242", "/stop");
      await stage.until(() => stage.handlers.of("stop").length === 1);
      expect(stage.handlers.of("start")).toHaveLength(1);
      expect(stage.handlers.of("tap")).toHaveLength(1);
      expect(stage.botMessages("4242")).toHaveLength(2);
    });

    it("T19 an update that comes again after it was handled is not handled again", async () => {
      await stage.startedBot();
      await stage.openPrompt();
      const [key = ""] = stage.handlers.notebook.notes.keys();
      expect(key).not.toBe("");
      const update = { key, payload: null };
      expect(await stage.handlers.note(update)).toBe("done");
      expect(stage.handlers.notebook.unfinished()).toEqual([]);
    });

    it("T19 an update that another process has in hand is left to it", async () => {
      await stage.startedBot();
      let noted = 0;
      const { notebook } = stage.handlers;
      stage.handlers.note = async (update) => {
        noted += 1;
        return noted === 1 ? "elsewhere" : await notebook.note(update);
      };
      await stage.open("auth_first", ANNA);
      await stage.until(() => noted === 1);
      // Whatever the person does later is handled after it.
      await stage.say("4242", "/stop");
      await stage.until(() => stage.handlers.of("stop").length === 1);
      expect(stage.handlers.of("start")).toEqual([]);
    });

    it("loses nothing when one update overtakes another", async () => {
      await stage.startedBot();
      await stage.openPrompt();
      stage.messenger.faults.swapUpdates();
      await Promise.all([
        stage.open("auth_second", ANNA),
        stage.until(() => stage.handlers.of("stop").length === 1),
        stage.say("4242", "/stop"),
      ]);
      await stage.until(() => stage.handlers.of("start").length === 2);
      const kinds = stage.handlers.told.map(({ kind }) => kind);
      expect(kinds.indexOf("stop")).toBeLessThan(kinds.lastIndexOf("start"));
    });

    it("decides a tap that overtakes a deep link, and shows the prompt all the same", async () => {
      await stage.startedBot();
      const first = await stage.openPrompt();
      stage.messenger.faults.swapUpdates();
      await Promise.all([
        stage.open("auth_second", ANNA),
        stage.until(() => stage.handlers.of("tap").length === 1),
        stage.tapData("4242", first.messageId, LOGIN),
      ]);
      await stage.until(
        () => stage.botMessages("4242").length === 2 && stage.buttons().length === 2,
      );
      const kinds = stage.handlers.told.map(({ kind }) => kind);
      expect(kinds.indexOf("tap")).toBeLessThan(kinds.lastIndexOf("start"));
      expect(
        stage.botMessages("4242").map(({ buttons }) => buttons.map(({ label }) => label)),
      ).toEqual([["Go to website"], ["Login", "Cancel"]]);
    });

    it("handles what one person does in order, and does not let others wait", async () => {
      const first = gate();
      stage.handlers.onStart = async (_, payload) => {
        if (payload === "auth_first") await first.passed;
        return stage.handlers.prompt({ projectName: payload });
      };
      await stage.startedBot();
      void stage.open("auth_first", ANNA);
      await stage.until(() => stage.handlers.of("start").length === 1);
      void stage.open("auth_second", ANNA);
      await stage.open("auth_other", IVAN);
      await stage.until(() => stage.botMessages("5151").length === 1);
      const payloads = () => stage.handlers.of("start").map((told) => told.payload);
      expect(payloads()).toEqual(["auth_first", "auth_other"]);
      first.open();
      await stage.until(() => stage.botMessages("4242").length === 2);
      expect(payloads()).toEqual(["auth_first", "auth_other", "auth_second"]);
      expect(stage.botMessages("4242").map(({ text }) => /auth_\w+/.exec(text)?.[0])).toEqual([
        "auth_first",
        "auth_second",
      ]);
    });

    it("an update that cannot be noted is not confirmed: it comes again, and is handled", async () => {
      let failures = 2;
      stage.handlers.onNote = async () => {
        if (failures-- > 0) throw new Error("database: no answer");
      };
      await stage.startedBot();
      await stage.openPrompt();
      expect(stage.handlers.of("start")).toHaveLength(1);
      if (mode === "webhook") expect(stage.hook.delivered.length).toBeGreaterThanOrEqual(3);
      expect(stage.handlers.notebook.notes.size).toBe(1);
    });

    it("T4 what is noted of a tap holds no code, although its message does", async () => {
      const wait = gate();
      stage.handlers.onTap = async (_, data) => {
        if (data === LOGIN) return confirmed({ subscribeToken: "Token00000000000000001" });
        await wait.passed;
        return { kind: "subscribed" };
      };
      await stage.startedBot();
      const { messageId } = await stage.openPrompt();
      await stage.tap("4242", messageId, "Login");
      await stage.until(
        () => stage.buttons().length === 2 && stage.buttons()[1]?.label === "Notify me",
      );
      void stage.tap("4242", messageId, "Notify me");
      await stage.until(() => stage.handlers.of("tap").length === 2);
      const [noted] = stage.handlers.notebook.unfinished();
      expect(noted?.payload).toMatchObject({ kind: "tap", data: "s:Token00000000000000001" });
      expect(JSON.stringify(noted)).not.toContain("SECRETCODE");
      wait.open();
      await stage.until(() => stage.handlers.notebook.unfinished().length === 0);
    });

    it("reads a name that came torn inside a character", async () => {
      await stage.startedBot();
      if (mode === "webhook") stage.messenger.faults.splitUtf8 = true;
      else stage.fail("poll", { kind: "torn" });
      await stage.open("auth_demo", { id: "4242", firstName: "Анна" });
      // The poll that was under way when the fault was asked for brings the first one whole.
      await stage.open("auth_demo", { id: "4242", firstName: "Анна" });
      await stage.until(() => stage.handlers.of("start").length === 2);
      for (const { person } of stage.handlers.of("start")) expect(person.firstName).toBe("Анна");
    });
  });
});
