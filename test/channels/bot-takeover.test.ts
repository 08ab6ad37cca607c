// A process is killed while it handles an update: the next one ends what was begun, on both
// messengers. The notes, which a database would keep, outlive the process here.

import { spawn } from "node:child_process";
import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { PollingLease } from "../../src/channels/polling-lease.ts";
import type { UnfinishedUpdate } from "../../src/core/bot-ports.ts";
import { CHANNELS } from "../../src/core/subscriber.ts";
import { ANNA, LOGIN, type Stage, setStage } from "./bot-stage.ts";
import { ScriptedHandlers } from "./scripted-handlers.ts";

describe.each(CHANNELS)("poller on %s", (channel) => {
  let stage: Stage;
  let notes: http.Server;

  beforeEach(async () => {
    stage = await setStage({ channel, mode: "polling" });
    notes = http.createServer((req, res) => void takeNote(req, res));
    notes.listen(0, "127.0.0.1");
    await once(notes, "listening");
  });

  afterEach(async () => {
    notes.close();
    notes.closeAllConnections();
    await stage.close();
  });

  async function takeNote(req: http.IncomingMessage, res: http.ServerResponse) {
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk as Buffer);
    const update = JSON.parse(Buffer.concat(chunks).toString("utf8")) as UnfinishedUpdate;
    res.end(JSON.stringify(await stage.handlers.notebook.note(update)));
  }

  async function killWhileHandling(act: () => void): Promise<void> {
    const script = fileURLToPath(new URL("./hanging-bot.ts", import.meta.url));
    const child = spawn(process.execPath, [script], {
      env: {
        ...process.env,
        BOT_CHANNEL: channel,
        BOT_TOKEN: stage.token,
        BOT_API_URL: stage.proxy.url,
        BOT_NOTES_URL: `http://127.0.0.1:${(notes.address() as AddressInfo).port}`,
      },
      stdio: ["ignore", "pipe", "inherit"],
    });
    act();
    const [output] = (await once(child.stdout, "data")) as [Buffer];
    expect(String(output)).toContain("handling");
    child.kill("SIGKILL");
    await once(child, "exit");
    stage.handlers.notebook.isAbandoned = true;
  }

  it("killed: a deep link that was being handled is handled by the next process, once", async () => {
    await killWhileHandling(() => void stage.open("auth_demo", ANNA));
    await stage.startedBot();
    await stage.until(() => stage.handlers.of("shown").length === 1);
    await stage.until(() => stage.handlers.notebook.unfinished().length === 0);
    expect(stage.handlers.of("start").map((told) => told.payload)).toEqual(["auth_demo"]);
    expect(stage.botMessages("4242")).toHaveLength(1);
  });

  it("killed: a tap that was being handled has its effect", async () => {
    const before = await stage.startedBot();
    const { messageId } = await stage.openPrompt();
    await before.stop();
    await killWhileHandling(() => void stage.tapData("4242", messageId, LOGIN));
    await stage.startedBot();
    await stage.until(() => stage.isConfirmed());
    await stage.until(() => stage.handlers.notebook.unfinished().length === 0);
    expect(stage.handlers.of("tap")).toHaveLength(1);
    expect(stage.lines("warn", "error")).toEqual([]);
  });

  it("only the holder of the lease polls; another takes over, and nothing is lost or doubled", async () => {
    let holder: string | null = null;
    const lease = (name: string): PollingLease => ({
      ttlSeconds: 30,
      acquire: async () => {
        holder ??= name;
        return holder === name;
      },
      release: async () => {
        if (holder === name) holder = null;
      },
    });
    const next = new ScriptedHandlers(stage.handlers.notebook);
    const one = await stage.startedBot({ lease: lease("one") });
    const two = stage.bot({ lease: lease("two"), handlers: next });
    await two.start();
    await stage.openPrompt();
    expect((await two.inspect()).leaseHeld).toBe(false);
    expect(next.told).toEqual([]);
    await one.stop();
    const opened = ["1", "2", "3"].map((id) => stage.open("auth_demo", { id }));
    await Promise.all(opened);
    await stage.until(() => next.of("shown").length === 3);
    expect((await two.inspect()).leaseHeld).toBe(true);
    expect(
      next
        .of("start")
        .map((told) => told.person.userId)
        .sort(),
    ).toEqual(["1", "2", "3"]);
    expect(stage.handlers.of("start")).toHaveLength(1);
  });
});
