// What polling promises: order for one person, no waiting for others, nothing confirmed before it
// is noted, one process at a time. What happens when a process is killed is in
// bot-takeover.test.ts.

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { HANDLERS_AT_ONCE } from "../../src/channels/handlers-in-turn.ts";
import type { PollingLease } from "../../src/channels/polling-lease.ts";
import { awaitCondition } from "../support/await-condition.ts";
import { type Stage, setStage } from "./bot-stage.ts";
import { gate, promptRow, ScriptedHandlers } from "./scripted-handlers.ts";

let stage: Stage;

beforeEach(async () => {
  stage = await setStage();
});

afterEach(async () => {
  await stage.close();
  expect(JSON.stringify(stage.log)).not.toContain(stage.token);
});

/** Resolves as soon as the condition holds; looks again whenever the proxy sees something. */
async function until(condition: () => boolean): Promise<void> {
  await stage.proxy.until(condition);
}

/** A lease that two processes compete for; a test can take it away. */
class SharedLease {
  holder: string | null = null;

  for(name: string, ttlSeconds = 30): PollingLease {
    return {
      ttlSeconds,
      acquire: async () => {
        this.holder ??= name;
        return this.holder === name;
      },
      release: async () => {
        if (this.holder === name) this.holder = null;
      },
    };
  }
}

describe("TelegramBot order", () => {
  it("handles what one person does in order, however long it takes", async () => {
    const first = gate();
    stage.handlers.onStart = async (_, payload) => {
      if (payload === "auth_first") await first.passed;
      return stage.handlers.prompt({ projectName: payload });
    };
    await stage.startedBot();
    void stage.open("auth_first", { id: "1" });
    await until(() => stage.handlers.of("start").length === 1);
    void stage.open("auth_second", { id: "1" });
    // Another person's update arrives after the second one and is handled: so the second one was
    // fetched and waits.
    await stage.open("auth_other", { id: "2" });
    expect(stage.handlers.of("start").map((told) => told.payload)).toEqual([
      "auth_first",
      "auth_other",
    ]);
    first.open();
    await until(() => stage.proxy.callsOf("sendMessage").at(2)?.answered === true);
    const texts = stage.proxy.callsOf("sendMessage").map((call) => String(call.body.text));
    expect(texts.map((text) => /auth_\w+/.exec(text)?.[0])).toEqual([
      "auth_other",
      "auth_first",
      "auth_second",
    ]);
  });

  it("people do not wait for each other: as many as may are in their handlers at once, and none is forgotten", async () => {
    const all = gate();
    stage.handlers.onStart = async () => {
      if (stage.handlers.of("start").length === HANDLERS_AT_ONCE) all.open();
      await all.passed;
      return stage.handlers.prompt();
    };
    await stage.startedBot();
    const ids = Array.from({ length: 20 }, (_, index) => String(100 + index));
    await Promise.all(ids.map((id) => stage.open("auth_demo", { id })));
    await until(() => stage.handlers.of("shown").length === 20);
  });

  it("confirms an update only when it is noted, and does not wait until it is handled", async () => {
    const noting = gate();
    const handling = gate();
    stage.handlers.onNote = () => noting.passed;
    stage.handlers.onStart = async () => {
      await handling.passed;
      return stage.handlers.prompt();
    };
    await stage.startedBot();
    const polls = () => stage.proxy.callsOf("getUpdates");
    void stage.open("auth_demo", { id: "1" });
    await until(() => polls()[0]?.answered === true);
    expect(polls()).toHaveLength(1);
    noting.open();
    await until(() => polls().length === 2);
    expect(polls()[1]?.body.offset).toEqual(expect.any(Number));
    expect(stage.handlers.notebook.unfinished()).toHaveLength(1);
    handling.open();
    await until(() => stage.proxy.callsOf("sendMessage").at(0)?.answered === true);
  });

  it("counts an update that takes too long as unfinished to its end, and begins it no second time", async () => {
    const handling = gate();
    stage.handlers.onStart = async () => {
      await handling.passed;
      return stage.handlers.prompt();
    };
    await stage.startedBot({ timing: { handlerMs: 50 } });
    void stage.open("auth_slow", { id: "1" });
    await until(() => stage.lines("error").length === 1);
    const { notebook } = stage.handlers;
    expect(notebook.unfinished()).toHaveLength(1);
    // As after 90 s: the process that sweeps is the one that handles it.
    notebook.isAbandoned = true;
    await awaitCondition("the sweep", async () => !notebook.isAbandoned);
    void stage.open("auth_other", { id: "2" });
    await until(() => stage.handlers.of("start").length === 2);
    expect(stage.handlers.of("start").map((told) => told.payload)).toEqual([
      "auth_slow",
      "auth_other",
    ]);
    handling.open();
    await awaitCondition("both are finished", async () => notebook.unfinished().length === 0);
  });

  it("gives an update up that takes too long, and the same person's next one is handled", async () => {
    stage.handlers.onStart = async (_, payload) => {
      if (payload === "auth_stuck") await new Promise(() => undefined);
      return stage.handlers.prompt();
    };
    await stage.startedBot({ timing: { handlerMs: 50 } });
    void stage.open("auth_stuck", { id: "1" });
    await stage.open("auth_demo", { id: "1" });
    expect(stage.handlers.of("shown")).toHaveLength(1);
    const errors = stage.lines("error").map((line) => line.message);
    expect(new Set(errors)).toEqual(new Set(["an update took too long"]));
  });
});

describe("TelegramBot asking for updates", () => {
  // https://core.telegram.org/bots/api#update: after a week without updates the next id is chosen
  // at random.
  it("goes on from an id that is far lower than the last one, and takes it for no old one", async () => {
    const pressed = (updateId: number, messageId: number) => ({
      update_id: updateId,
      message: {
        message_id: messageId,
        date: 1_767_225_600,
        chat: { id: 4242, type: "private", first_name: "Anna" },
        from: { id: 4242, is_bot: false, first_name: "Anna" },
        text: "/start auth_demo",
      },
    });
    await stage.open("", { id: "4242" });
    for (const update of [pressed(870_001, 11), pressed(5, 12), pressed(6, 13)]) {
      const body = { ok: true, result: [update] };
      stage.fail("poll", { kind: "answer", status: 200, body });
    }
    await stage.startedBot();
    await until(() => stage.proxy.callsOf("getUpdates").length >= 4);
    await stage.until(() => stage.handlers.of("start").length === 3);
    const offsets = stage.proxy.callsOf("getUpdates").map(({ body }) => body.offset);
    expect(offsets.slice(0, 4)).toEqual([undefined, 870_002, 6, 7]);
  });

  it("names every kind of update it reads, for Telegram remembers what was asked for last", async () => {
    await stage.startedBot();
    await stage.openPrompt();
    for (const { body } of stage.proxy.callsOf("getUpdates")) {
      expect(body.allowed_updates).toEqual(["message", "callback_query", "my_chat_member"]);
    }
  });
});

describe("TelegramBot.stop", () => {
  it("ends the long poll at once", async () => {
    const bot = await stage.startedBot();
    await until(() => stage.proxy.callsOf("getUpdates").length >= 1);
    const before = performance.now();
    await bot.stop();
    expect(performance.now() - before).toBeLessThan(1000);
    await until(() => stage.proxy.callsOf("getUpdates")[0]?.left === true);
  });

  it("lets a running handler finish and confirms its update", async () => {
    const slow = gate();
    stage.handlers.onStart = async () => {
      await slow.passed;
      return stage.handlers.prompt();
    };
    const bot = await stage.startedBot({ timing: { drainMs: 5000 } });
    void stage.open("auth_demo", { id: "1" });
    await until(() => stage.handlers.of("start").length === 1);
    const stopped = bot.stop();
    slow.open();
    await stopped;
    expect(stage.proxy.callsOf("sendMessage")).toHaveLength(1);
    expect((await stage.call("getUpdates")).result).toEqual([]);
  });

  it("does not wait longer than it may, and leaves the unfinished update to the next process", async () => {
    stage.handlers.onStart = () => new Promise(() => undefined);
    const bot = await stage.startedBot({ timing: { drainMs: 50 } });
    void stage.open("auth_demo", { id: "1" });
    await until(() => stage.handlers.of("start").length === 1);
    await bot.stop();
    stage.handlers.notebook.isAbandoned = true;
    const next = new ScriptedHandlers(stage.handlers.notebook);
    await stage.startedBot({ handlers: next });
    await until(() => stage.proxy.callsOf("sendMessage").at(0)?.answered === true);
    expect(next.of("start").map((told) => told.payload)).toEqual(["auth_demo"]);
  });
});

describe("TelegramBot lease", () => {
  it("only the holder polls; another process takes over when it stops", async () => {
    const shared = new SharedLease();
    const next = new ScriptedHandlers();
    const holder = await stage.startedBot({ lease: shared.for("one") });
    const waiting = stage.bot({ lease: shared.for("two"), handlers: next });
    await waiting.start();
    expect(waiting.username).toBe(stage.sandbox.telegram.username);
    await stage.open("auth_demo", { id: "1" });
    expect(stage.handlers.of("start")).toHaveLength(1);
    expect(next.told).toEqual([]);
    await holder.stop();
    await stage.open("auth_demo", { id: "2" });
    expect(next.of("start").map((told) => told.person.userId)).toEqual(["2"]);
    expect(stage.handlers.of("start")).toHaveLength(1);
    expect(stage.lines("warn", "error")).toEqual([]);
  });

  it("a process that does not poll can settle prompts all the same", async () => {
    const shared = new SharedLease();
    await stage.startedBot({ lease: shared.for("one") });
    const { messages } = await stage.open("auth_demo", { id: "1" });
    const messageId = messages.at(-1)?.messageId ?? "";
    const other = stage.bot({ lease: shared.for("two") });
    await other.start();
    await other.settle(promptRow({ shown: { chatId: "1", messageId } }));
    const chat = await stage.sandbox.getChat({ channel: "telegram", userId: "1" });
    expect(chat.messages.at(-1)?.buttons).toEqual([]);
  });

  it("polling stops when the lease is lost, and begins again when it is free", async () => {
    const shared = new SharedLease();
    await stage.startedBot({ lease: shared.for("one", 0.15) });
    await stage.open("auth_demo", { id: "1" });
    await until(() => stage.proxy.callsOf("getUpdates").at(-1)?.answered === false);
    shared.holder = "somebody else";
    await until(() => stage.proxy.callsOf("getUpdates").at(-1)?.left === true);
    const polls = stage.proxy.callsOf("getUpdates").length;
    // A call of ours would end this one, the new holder's, with 409.
    expect(await stage.call("getUpdates", { timeout: 1 })).toMatchObject({ ok: true });
    expect(stage.proxy.callsOf("getUpdates")).toHaveLength(polls);
    expect(stage.lines("warn")).toHaveLength(1);
    shared.holder = null;
    await until(() => stage.proxy.callsOf("getUpdates").length > polls);
  });

  it("polling stops before the lease runs out when it cannot be renewed", async () => {
    let works = true;
    const lease: PollingLease = {
      ttlSeconds: 0.9,
      acquire: async () => {
        if (!works) throw new Error("database: no answer");
        return true;
      },
      release: async () => {
        if (!works) throw new Error("database: no answer");
      },
    };
    await stage.startedBot({ lease });
    works = false;
    const before = performance.now();
    await until(() => stage.proxy.callsOf("getUpdates").at(-1)?.left === true);
    expect(performance.now() - before).toBeLessThan(900);
    const polls = stage.proxy.callsOf("getUpdates").length;
    works = true;
    await until(() => stage.proxy.callsOf("getUpdates").length > polls);
  });

  it("one failed renewal does not end polling", async () => {
    let asked = 0;
    const renewed = gate();
    const lease: PollingLease = {
      ttlSeconds: 0.6,
      acquire: async () => {
        asked++;
        if (asked === 2) throw new Error("database: no answer");
        if (asked === 4) renewed.open();
        return true;
      },
      release: async () => undefined,
    };
    await stage.startedBot({ lease });
    await renewed.passed;
    expect(stage.proxy.callsOf("getUpdates").filter((call) => call.left)).toEqual([]);
  });

  it("keeps the lease for as long as a silent long poll lasts", async () => {
    let asked = 0;
    const renewed = gate();
    const lease: PollingLease = {
      ttlSeconds: 0.15,
      acquire: async () => {
        if (++asked === 5) renewed.open();
        return true;
      },
      release: async () => undefined,
    };
    await stage.startedBot({ lease });
    await renewed.passed;
    expect(stage.proxy.callsOf("getUpdates")).toHaveLength(1);
  });
});
