// A whole service that is killed with -9 amid each step of a login, and the one that is started after it: on both
// messengers, with updates polled and delivered to a webhook, on Node and on Deno. And a messenger that is out of reach
// for longer than the login lives.

import { afterEach, describe, expect, it } from "vitest";
import { CALLS } from "../channels/messenger-calls.ts";
import { awaitAnswer, awaitCondition } from "../support/await-condition.ts";
import { type MessengerWorld, startMessengerWorld } from "../support/messenger-world.ts";
import { queryOnce } from "../support/postgres.ts";
import { makePostgresStorage, makeSite, type Site, siteOf } from "../support/site.ts";
import { RUNTIMES, type Runtime, startTapin, type Tapin } from "../support/tapin.ts";

const LIMIT = { timeout: 120_000 };
const ASKED = ["Login", "Cancel"];
const CONFIRMED = ["Go to website"];

type Storage = Awaited<ReturnType<typeof makePostgresStorage>>;

let world: MessengerWorld;
let storage: Storage;
let tapin: Tapin;
let site: Site;

interface Start {
  readonly channel: "telegram" | "max";
  readonly updates: "polling" | "webhook";
  readonly runtime: Runtime;
}

async function start({ channel, updates, runtime }: Start): Promise<void> {
  storage = await makePostgresStorage();
  world = await startMessengerWorld(channel);
  tapin = await startTapin({ runtime, env: settings(updates) });
  site = await makeSite(tapin);
  // Whoever opens the link before the bot is there would only wait.
  if (updates === "polling") await world.untilCalled(CALLS[channel].poll, 1);
  else await awaitCondition("the webhook is registered", async () => world.isRegistered());
}

function settings(updates: Start["updates"]) {
  return { ...storage.env, ...world.env, TAPIN_UPDATES: updates };
}

afterEach(async () => {
  site?.close();
  await tapin?.end("SIGKILL");
  await world?.close();
  await storage?.remove();
});

/** Kills the service and starts it again at its address. What it had in hand is old enough to be taken up at once. */
async function killAndRestart({ runtime, updates }: Start): Promise<void> {
  expect(await tapin.end("SIGKILL")).toBe(null);
  site.close();
  await queryOnce(storage.databaseUrl, "delete from leases");
  const age = "update updates set noted_at = noted_at - interval '2 minutes', taken_until = null";
  await queryOnce(storage.databaseUrl, age);
  const TAPIN_PORT = new URL(tapin.url).port;
  const env = { ...settings(updates), TAPIN_PORT };
  // Meanwhile a connection of another test may have been given the port, for a moment.
  tapin = await awaitAnswer("the service starts at its address again", () =>
    startTapin({ runtime, env }).catch((error: unknown) => {
      if (String(error).includes("the port is in use")) return null;
      throw error;
    }),
  );
  site = siteOf(site.slug, site.apiKey, tapin.url);
}

const count = async (table: string) => {
  const [row] = await queryOnce(storage.databaseUrl, `select count(*)::integer from ${table}`);
  return Number(row?.count);
};

/** Until the service knows of its prompt: the messenger shows it before the answer has come back. */
async function untilPromptNoted(): Promise<void> {
  await awaitCondition(
    "it is noted where",
    async () => (await count("updates where finished_at is null")) === 0,
  );
}

const STARTS = (["telegram", "max"] as const).flatMap((channel) =>
  (["polling", "webhook"] as const).map((updates) => ({ channel, updates })),
);

/** At which of its two calls the service dies: before the messenger does it, or after, with the answer lost. */
const DEATHS: Record<Runtime, { readonly prompt: boolean; readonly tap: boolean }> = {
  node: { prompt: false, tap: true },
  deno: { prompt: true, tap: false },
};

describe.each(STARTS)("T7 a login through $channel, $updates", LIMIT, ({ channel, updates }) => {
  it.each(RUNTIMES)(
    "survives kill -9 as the prompt is sent and as the tap is shown, on %s",
    async (runtime) => {
      const setUp = { channel, updates, runtime };
      await start(setUp);
      const calls = CALLS[channel];
      const session = await site.rest.createSession({ state: "s" });
      const { sessionId, watchToken } = session;

      world.proxy.fail(calls.send, { kind: "hang", after: DEATHS[runtime].prompt });
      world.open(channel === "max" ? session.maxLink : session.telegramLink);
      await world.untilCalled(calls.send, 1);
      const shown = DEATHS[runtime].prompt ? 1 : 0;
      await awaitCondition("the messenger did it", async () => world.messages().length === shown);
      await killAndRestart(setUp);
      await world.untilCalled(calls.send, 2);
      const prompt = await world.until(ASKED);
      expect(world.messages()).toHaveLength(shown + 1);
      expect(await site.rest.getSessionStatus(sessionId)).toEqual({ status: "pending" });
      await untilPromptNoted();

      world.proxy.fail(calls.editTapped, { kind: "hang", after: DEATHS[runtime].tap });
      world.tap("Login");
      await world.untilCalled(calls.editTapped, 1);
      // The database decided before the message says so.
      const decided = await site.rest.getSessionStatus(sessionId, { bearer: watchToken });
      expect(decided.status).toBe("completed");
      await killAndRestart(setUp);
      await world.untilCalled(calls.editTapped, 2);
      const confirmed = await world.until(CONFIRMED);
      expect(confirmed.messageId).toBe(prompt.messageId);
      expect(world.messages()).toHaveLength(shown + 1);

      const code = new URL(confirmed.buttons[0]?.url ?? "").searchParams.get("code") ?? "";
      expect(code).toBe(decided.code);
      const profile = await site.rest.verifyCode({ code });
      expect(profile).toMatchObject({ channel, firstName: "Анна", state: "s" });
      await expect(site.rest.verifyCode({ code })).rejects.toMatchObject({
        reason: "code_invalid",
      });
      expect(await count("grants")).toBe(1);
      expect(await count("subscribers")).toBe(1);
    },
  );
});

describe.each([
  { channel: "telegram", runtime: "node" },
  { channel: "max", runtime: "deno" },
] as const)(
  "while $channel is out of reach of a $runtime service",
  LIMIT,
  ({ channel, runtime }) => {
    const linkOf = (session: { telegramLink: string | null; maxLink: string | null }) =>
      channel === "max" ? session.maxLink : session.telegramLink;

    it("the login ends: whoever tapped meanwhile is told so, and nobody is logged in", async () => {
      await start({ channel, runtime, updates: "polling" });
      const session = await site.rest.createSession();
      world.open(linkOf(session));
      await world.until(ASKED);
      await untilPromptNoted();
      world.proxy.setDown(true);
      world.tap("Login");
      const overdue = "update sessions set expires_at = now() - interval '1 s' where id = $1";
      await queryOnce(storage.databaseUrl, overdue, [session.sessionId]);
      await awaitCondition("the session is expired", async () => {
        const { status } = await site.rest.getSessionStatus(session.sessionId);
        return status === "expired";
      });
      world.proxy.setDown(false);
      const told = await world.until([]);
      expect(told.text).toMatch(/expired/);
      expect(world.messages()).toHaveLength(1);
      expect(await site.rest.getSessionStatus(session.sessionId)).toEqual({ status: "expired" });
      expect(await count("grants")).toBe(0);
    });

    it("what was decided stands: the site is told at once, the message says so when it can", async () => {
      await start({ channel, runtime, updates: "webhook" });
      const session = await site.rest.createSession();
      const { sessionId, watchToken } = session;
      world.open(linkOf(session));
      const { messageId } = await world.until(ASKED);
      await untilPromptNoted();
      world.proxy.setDown(true);
      world.tap("Login");
      let code = "";
      await awaitCondition("the login is completed", async () => {
        const status = await site.rest.getSessionStatus(sessionId, { bearer: watchToken });
        code = status.code ?? "";
        return status.status === "completed";
      });
      expect(await site.rest.verifyCode({ code })).toMatchObject({ firstName: "Анна" });
      const edits = () => world.proxy.callsOf(CALLS[channel].edit).length;
      await awaitCondition("the bot tried to say so", async () => edits() > 0, 30_000);
      expect(
        world
          .messages()
          .at(-1)
          ?.buttons.map(({ label }) => label),
      ).toEqual(ASKED);
      world.proxy.setDown(false);
      expect((await world.until([])).messageId).toBe(messageId);
      expect(world.messages()).toHaveLength(1);
    });
  },
);
