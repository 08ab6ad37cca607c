// Taps that are decided as they are noted: shown without asking once more, and never before what
// the same person did earlier. On both messengers, with updates polled and delivered to a webhook.

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Person } from "../../src/core/subscriber.ts";
import { ANNA, LOGIN, STAGES, type Stage, setStage } from "./bot-stage.ts";
import { MortalHandlers } from "./mortal-handlers.ts";
import { confirmed, gate, ScriptedHandlers } from "./scripted-handlers.ts";

describe.each(STAGES)("bot on $channel, $mode", ({ channel, mode }) => {
  let stage: Stage;
  /** The taps that were asked about as they were noted. */
  let noted: { readonly person: Person; readonly data: string }[];

  beforeEach(async () => {
    stage = await setStage({ channel, mode });
    noted = [];
    stage.handlers.onNoteTap = async (person, data) => {
      noted.push({ person, data });
      return { screen: confirmed({ projectName: "As Noted" }), lang: "ru" };
    };
  });

  afterEach(async () => {
    await stage.close();
  });

  it("shows what was decided as the tap was noted, in its language, and finishes the tap", async () => {
    await stage.startedBot();
    const { messageId } = await stage.openPrompt();
    await stage.until(() => stage.handlers.notebook.unfinished().length === 0);
    const started = stage.handlers.of("start")[0]?.person;
    await stage.tap("4242", messageId, "Login");
    await stage.until(() => stage.lastMessage("4242").text.includes("As Noted"));
    expect(stage.lastMessage("4242").messageId).toBe(messageId);
    expect(stage.buttons().map(({ label }) => label)).toEqual(["Перейти на сайт"]);
    await stage.until(() => stage.handlers.notebook.unfinished().length === 0);
    expect(stage.handlers.of("tap")).toEqual([]);
    expect(noted).toEqual([{ person: started, data: LOGIN }]);
    await stage.until(() => stage.handlers.of("shown").length === 2);
  });

  it("T7 a tap behind something else of the same person is decided in its turn", async () => {
    const first = gate();
    await stage.startedBot();
    const { messageId } = await stage.openPrompt();
    await stage.until(() => stage.handlers.notebook.unfinished().length === 0);
    stage.handlers.onStart = async () => {
      await first.passed;
      return stage.handlers.prompt();
    };
    void stage.open("auth_second", ANNA);
    await stage.until(() => stage.handlers.of("start").length === 2);
    void stage.tapData("4242", messageId, LOGIN);
    await stage.until(() => stage.handlers.notebook.unfinished().length === 2);
    expect(stage.handlers.of("tap")).toEqual([]);
    first.open();
    await stage.until(() => stage.handlers.of("tap").length === 1);
    expect(noted).toEqual([]);
  });

  it("T7 dies with the tap noted and decided, and nothing shown: the next process shows it", async () => {
    const mortal = new MortalHandlers(stage.handlers);
    const bot = await stage.startedBot({ handlers: mortal, timing: { drainMs: 0 } });
    const { messageId } = await stage.openPrompt();
    const { notebook } = stage.handlers;
    await stage.until(() => notebook.unfinished().length === 0);
    mortal.deadline = "noted";
    void stage.tapData("4242", messageId, LOGIN);
    await mortal.died;
    await stage.crash(bot);
    expect(noted).toHaveLength(1);
    const next = new ScriptedHandlers(notebook);
    next.onNoteTap = stage.handlers.onNoteTap;
    notebook.isAbandoned = true;
    await stage.startedBot({ handlers: next });
    await stage.until(() => notebook.unfinished().length === 0);
    expect(next.of("tap").map(({ data }) => data)).toEqual([LOGIN]);
    expect(stage.isConfirmed()).toBe(true);
    expect(noted).toHaveLength(1);
  });
});

it("T18 a tap of somebody whose picture MAX has to be asked for is noted, and decided with the picture", async () => {
  const stage = await setStage({ channel: "max", mode: "polling" });
  const asked: string[] = [];
  stage.handlers.onNoteTap = async (person) => {
    asked.push(person.userId);
    return null;
  };
  const first = await stage.startedBot();
  const { messageId } = await stage.openPrompt();
  await first.stop();
  await stage.startedBot();
  await stage.tapData("4242", messageId, LOGIN);
  await stage.until(() => stage.handlers.of("tap").length === 1);
  expect(stage.handlers.of("tap")[0]?.person.avatarUrl).toContain("size=full");
  expect(asked).toEqual([]);
  await stage.until(() => stage.handlers.notebook.unfinished().length === 0);
  await stage.tapData("4242", messageId, LOGIN);
  await stage.until(() => stage.handlers.of("tap").length === 2);
  expect(asked).toEqual(["4242"]);
  await stage.close();
});
