// A process that dies at each step of an update, and the next one that ends what was begun; and one
// that is stopped in order. On both messengers, with updates polled and delivered to a webhook.
// Real processes are killed in bot-takeover.test.ts, and whole services in test/durability.

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ANNA, LOGIN, STAGES, type Stage, setStage } from "./bot-stage.ts";
import { MortalHandlers, type Step } from "./mortal-handlers.ts";
import { ScriptedHandlers } from "./scripted-handlers.ts";

/** What a person does. */
const ACTS = {
  start: (stage: Stage) => void stage.open("auth_demo", ANNA),
  tap: (stage: Stage) => void stage.tapData("4242", stage.lastMessage("4242").messageId, LOGIN),
  stop: (stage: Stage) => void stage.say("4242", "/stop"),
} as const;

/**
 * A step, how it is called, what the person does, and how many new messages they see when all is
 * over.
 */
const DEATHS = [
  ["note", "before the deep link is noted", "start", 1],
  ["noted", "with the deep link noted and not confirmed", "start", 1],
  ["handle", "with the deep link confirmed and not handled", "start", 1],
  ["decided", "with the prompt made and not sent", "start", 1],
  // Whether the first prompt arrived is known to nobody; the second one works.
  ["report", "with the prompt sent and nobody told where", "start", 2],
  ["finish", "with the deep link handled and not finished", "start", 2],
  ["note", "before the tap is noted", "tap", 0],
  ["noted", "with the tap noted and not confirmed", "tap", 0],
  ["handle", "with the tap confirmed and not decided", "tap", 0],
  ["decided", "with the tap decided and the message not edited", "tap", 0],
  ["finish", "with the message edited and the tap not finished", "tap", 0],
  ["note", "before /stop is noted", "stop", 1],
  ["decided", "with /stop done and not answered", "stop", 1],
] as const satisfies readonly (readonly [Step, string, keyof typeof ACTS, number])[];

describe.each(STAGES)("bot on $channel, $mode", ({ channel, mode }) => {
  let stage: Stage;

  beforeEach(async () => {
    stage = await setStage({ channel, mode });
  });

  afterEach(async () => {
    await stage.close();
  });

  /** The next process, which finds what the first one left. */
  async function startNext(): Promise<ScriptedHandlers> {
    const { notebook } = stage.handlers;
    const next = new ScriptedHandlers(notebook);
    // Another prompt than the first process made.
    next.prompt();
    notebook.isAbandoned = true;
    await stage.startedBot({ handlers: next });
    await stage.until(() => next.of("start").length + next.told.length > 0);
    await stage.until(() => notebook.unfinished().length === 0);
    return next;
  }

  function expectDone(next: ScriptedHandlers, act: keyof typeof ACTS): void {
    const done = next.told.filter(({ kind }) => kind in ACTS);
    expect(done.map(({ kind }) => kind)).toEqual([act]);
    if (act === "tap") expect(stage.isConfirmed()).toBe(true);
    if (act === "stop") expect(stage.lastMessage("4242").text).toMatch(/^Notifications are off/);
    if (act !== "start") return;
    const { messageId } = stage.lastMessage("4242");
    expect(next.of("shown").map((told) => told.message)).toEqual([{ chatId: "4242", messageId }]);
  }

  it.each(DEATHS)("T7 dies at %s (%s): the next process does it, once", async (step, ...rest) => {
    const [, act, messages] = rest;
    const mortal = new MortalHandlers(stage.handlers);
    const first = await stage.startedBot({ handlers: mortal, timing: { drainMs: 0 } });
    await stage.openPrompt();
    const before = stage.botMessages("4242").length;
    await stage.until(() => stage.handlers.notebook.unfinished().length === 0);
    const polls = stage.proxy.callsOf(stage.calls.poll).length;
    mortal.deadline = step;
    ACTS[act](stage);
    await mortal.died;
    const isConfirmed = step !== "note" && step !== "noted";
    // The poll after next confirms what the last one brought.
    if (mode === "polling" && isConfirmed) {
      await stage.until(() => stage.proxy.callsOf(stage.calls.poll).length > polls);
    }
    await stage.crash(first);
    const told = stage.log.length;
    const next = await startNext();
    expectDone(next, act);
    expect(stage.botMessages("4242")).toHaveLength(before + messages);
    expect(stage.log.slice(told).filter(({ level }) => level === "error")).toEqual([]);
  });

  it("is stopped while a tap is being decided: the next process decides it", async () => {
    const first = await stage.startedBot();
    await stage.openPrompt();
    stage.handlers.onTap = () => new Promise<never>(() => undefined);
    ACTS.tap(stage);
    await stage.until(() => stage.handlers.of("tap").length === 1);
    await first.stop();
    expectDone(await startNext(), "tap");
  });
});
