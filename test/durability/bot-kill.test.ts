// Whole services that are killed with -9 amid each step of a login, and the one that is started
// after it, or was there already: on both messengers, with updates polled and delivered to a
// webhook, on Node and on Deno. And a messenger that is out of reach for longer than the login
// lives. The tests of a kill run side by side: most of their time is a wait until it is certain
// that the process is gone.

import { describe, expect, it } from "vitest";
import { CALLS } from "../channels/messenger-calls.ts";
import { awaitAnswer, awaitCondition } from "../support/await-condition.ts";
import { printFigure, stopwatch } from "../support/figure.ts";
import { type MessengerWorld, startMessengerWorld } from "../support/messenger-world.ts";
import { queryOnce } from "../support/postgres.ts";
import { awaitLockWaits, holdLock } from "../support/row-lock.ts";
import { makePostgresStorage, makeSite, type Site, siteOf } from "../support/site.ts";
import {
  RUNTIMES,
  type Runtime,
  startTapin,
  type Tapin,
  type TapinOptions,
} from "../support/tapin.ts";

const LIMIT = { timeout: 180_000 };
const ASKED = ["Login", "Cancel"];
const CONFIRMED = ["Go to website"];

interface SetUp {
  readonly channel: "telegram" | "max";
  readonly updates: "polling" | "webhook";
  readonly runtime: Runtime;
}

/** One test's messenger, database, service and website. */
interface Stage {
  readonly world: MessengerWorld;
  readonly databaseUrl: string;
  tapin: Tapin;
  site: Site;
  /** Starts a service like the first one; its webhook is the first one's. */
  startAnother(runtime: Runtime): Promise<Tapin>;
  /** Kills the service and starts it again at its address. */
  killAndRestart(): Promise<void>;
  query(text: string, values?: readonly unknown[]): Promise<readonly Record<string, unknown>[]>;
  count(table: string): Promise<number>;
}

let starting: Promise<unknown> = Promise.resolve();

/**
 * As startTapin, one at a time: a start is all work, and five at once would take too long for each.
 */
function startInTurn(options: TapinOptions): Promise<Tapin> {
  const start = () => startTapin(options);
  const started = starting.then(start, start);
  starting = started;
  return started;
}

/** Ends with the test whose `onFinished` this is. */
async function start(
  { channel, updates, runtime }: SetUp,
  onFinished: (end: () => Promise<void>) => void,
): Promise<Stage> {
  const storage = await makePostgresStorage();
  onFinished(() => storage.remove());
  const world = await startMessengerWorld(channel);
  onFinished(() => world.close());
  const settings = { ...storage.env, ...world.env, TAPIN_UPDATES: updates };
  const running: Tapin[] = [];
  const startTapinHere = async (on: Runtime, more: Readonly<Record<string, string>> = {}) => {
    const tapin = await startInTurn({ runtime: on, env: { ...settings, ...more } });
    running.push(tapin);
    return tapin;
  };
  onFinished(async () => {
    await Promise.all(running.map((tapin) => tapin.end("SIGKILL")));
  });
  const tapin = await startTapinHere(runtime);
  const query = (text: string, values: readonly unknown[] = []) =>
    queryOnce(storage.databaseUrl, text, values);
  const stage: Stage = {
    world,
    databaseUrl: storage.databaseUrl,
    tapin,
    site: await makeSite(tapin),
    query,
    startAnother: (on) => startTapinHere(on, { TAPIN_PUBLIC_URL: tapin.url }),
    async killAndRestart() {
      expect(await stage.tapin.end("SIGKILL")).toBe(null);
      stage.site.close();
      // The bot would wait until the dead process's lease ends: two-processes.test.ts shows that it
      // does.
      await query("delete from leases");
      const TAPIN_PORT = new URL(tapin.url).port;
      // Meanwhile a connection of another test may have been given the port, for a moment.
      stage.tapin = await awaitAnswer("the service starts at its address again", () =>
        startTapinHere(runtime, { TAPIN_PORT }).catch((error: unknown) => {
          if (String(error).includes("the port is in use")) return null;
          throw error;
        }),
      );
      stage.site = siteOf(stage.site.slug, stage.site.apiKey, tapin.url);
    },
    async count(table) {
      const [row] = await query(`select count(*)::integer from ${table}`);
      return Number(row?.count);
    },
  };
  onFinished(async () => stage.site.close());
  // Whoever opens the link before the bot is there would only wait.
  if (updates === "polling") await world.untilCalled(CALLS[channel].poll, 1);
  else await awaitCondition("the webhook is registered", async () => world.isRegistered());
  return stage;
}

type Links = Readonly<Record<"telegramLink" | "maxLink", string | null>>;

const linkOf = (channel: SetUp["channel"], session: Links) =>
  channel === "max" ? session.maxLink : session.telegramLink;

/**
 * Until the service knows of its prompt as well: the messenger shows it before the answer has come
 * back.
 */
const noneUnfinished = ({ count }: Stage) =>
  awaitCondition(
    "all is finished",
    async () => (await count("updates where finished_at is null")) === 0,
  );

const SET_UPS: readonly SetUp[] = (["telegram", "max"] as const).flatMap((channel) =>
  (["polling", "webhook"] as const).flatMap((updates) =>
    RUNTIMES.map((runtime) => ({ channel, updates, runtime })),
  ),
);

/**
 * At which of its two calls the service dies: before the messenger does it, or after, with the
 * answer lost.
 */
const DEATHS: Record<Runtime, { readonly prompt: boolean; readonly tap: boolean }> = {
  node: { prompt: false, tap: true },
  deno: { prompt: true, tap: false },
};

it.concurrent.for(SET_UPS)(
  "T7 a login through $channel, $updates, survives kill -9 as the prompt is sent and as the tap is shown, on $runtime",
  LIMIT,
  async (setUp, { onTestFinished: onFinished }) => {
    const { channel, runtime } = setUp;
    const stage = await start(setUp, onFinished);
    const { world } = stage;
    const calls = CALLS[channel];
    const session = await stage.site.rest.createSession({ state: "s" });
    const { sessionId, watchToken } = session;

    world.proxy.fail(calls.send, { kind: "hang", after: DEATHS[runtime].prompt });
    world.open(linkOf(channel, session));
    await world.untilCalled(calls.send, 1);
    const shown = DEATHS[runtime].prompt ? 1 : 0;
    await awaitCondition("the messenger did it", async () => world.messages().length === shown);
    await stage.killAndRestart();
    const watch = stopwatch();
    await world.untilCalled(calls.send, 2);
    printFigure(`taken up after a restart, ${channel}, ${setUp.updates}, ${runtime}`, `${watch}`);
    await noneUnfinished(stage);
    const prompt = await world.until(ASKED);
    expect(world.messages()).toHaveLength(shown + 1);
    expect(await stage.site.rest.getSessionStatus(sessionId)).toEqual({ status: "pending" });

    world.proxy.fail(calls.editTapped, { kind: "hang", after: DEATHS[runtime].tap });
    world.tap("Login");
    await world.untilCalled(calls.editTapped, 1);
    // The database decided before the message says so.
    const decided = await stage.site.rest.getSessionStatus(sessionId, { bearer: watchToken });
    expect(decided.status).toBe("completed");
    await stage.killAndRestart();
    await world.untilCalled(calls.editTapped, 2);
    const confirmed = await world.until(CONFIRMED);
    expect(confirmed.messageId).toBe(prompt.messageId);
    expect(world.messages()).toHaveLength(shown + 1);

    const code = new URL(confirmed.buttons[0]?.url ?? "").searchParams.get("code") ?? "";
    expect(code).toBe(decided.code);
    const profile = await stage.site.rest.verifyCode({ code });
    expect(profile).toMatchObject({ channel, firstName: "Анна", state: "s" });
    await expect(stage.site.rest.verifyCode({ code })).rejects.toMatchObject({
      reason: "code_invalid",
    });
    expect(await stage.count("grants")).toBe(1);
    expect(await stage.count("subscribers")).toBe(1);
  },
);

it.concurrent.for<SetUp & { readonly other: Runtime }>([
  { channel: "telegram", updates: "webhook", runtime: "node", other: "deno" },
  { channel: "max", updates: "polling", runtime: "deno", other: "node" },
])(
  "T7 what a $runtime process has in hand from $channel ($updates) is left to it, and taken up by another ($other) once it is killed",
  LIMIT,
  async ({ other, ...setUp }, { onTestFinished: onFinished }) => {
    const stage = await start(setUp, onFinished);
    const { world, tapin } = stage;
    const { send } = CALLS[setUp.channel];
    await stage.startAnother(other);
    const session = await stage.site.rest.createSession();
    world.proxy.fail(send, { kind: "hang" });
    world.open(linkOf(setUp.channel, session));
    await world.untilCalled(send, 1);
    await awaitCondition(
      "the slow one has it for longer than it is waited for one that is gone",
      async () => {
        const old = "noted_at < now() - interval '10 seconds' and finished_at is null";
        return (await stage.count(`updates where ${old}`)) === 1;
      },
      60_000,
    );
    expect(world.proxy.callsOf(send)).toHaveLength(1);
    const watch = stopwatch();
    await tapin.end("SIGKILL");
    expect((await world.until(ASKED)).text).toContain("Shop");
    printFigure(`taken up by another process after kill -9, ${setUp.updates}`, `${watch}`);
    await noneUnfinished(stage);
    expect(world.messages()).toHaveLength(1);
  },
);

it.concurrent(
  "T7 a tap that was noted and not decided is decided by another process after kill -9",
  LIMIT,
  async ({ onTestFinished: onFinished }) => {
    const setUp = { channel: "telegram", updates: "webhook", runtime: "node" } as const;
    const stage = await start(setUp, onFinished);
    const { world, tapin, databaseUrl } = stage;
    await stage.startAnother("deno");
    const session = await stage.site.rest.createSession();
    world.open(linkOf(setUp.channel, session));
    const prompt = await world.until(ASKED);
    await noneUnfinished(stage);
    const lock = await holdLock(databaseUrl, "select from sessions where id = $1 for update", [
      session.sessionId,
    ]);
    onFinished(() => lock.release());
    world.tap("Login");
    await awaitLockWaits(databaseUrl, 1);
    expect(await stage.count("updates where finished_at is null")).toBe(1);
    await tapin.end("SIGKILL");
    await lock.release();
    expect((await world.until(CONFIRMED)).messageId).toBe(prompt.messageId);
    await noneUnfinished(stage);
    expect(await stage.count("grants")).toBe(1);
    expect(await stage.count("sessions where status = 'completed'")).toBe(1);
  },
);

describe.each([
  { channel: "telegram", runtime: "node" },
  { channel: "max", runtime: "deno" },
] as const)(
  "while $channel is out of reach of a $runtime service",
  LIMIT,
  ({ channel, runtime }) => {
    it("the login ends: whoever tapped meanwhile is told so, and nobody is logged in", async ({
      onTestFinished: onFinished,
    }) => {
      const setUp = { channel, runtime, updates: "polling" } as const;
      const stage = await start(setUp, onFinished);
      const { world, site, query, count } = stage;
      const session = await site.rest.createSession();
      world.open(linkOf(channel, session));
      await world.until(ASKED);
      await noneUnfinished(stage);
      world.proxy.setDown(true);
      world.tap("Login");
      const overdue = "update sessions set expires_at = now() - interval '1 s' where id = $1";
      await query(overdue, [session.sessionId]);
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

    it("what was decided stands: the site is told at once, the message says so when it can", async ({
      onTestFinished: onFinished,
    }) => {
      const setUp = { channel, runtime, updates: "webhook" } as const;
      const stage = await start(setUp, onFinished);
      const { world, site } = stage;
      const session = await site.rest.createSession();
      const { sessionId, watchToken } = session;
      world.open(linkOf(channel, session));
      const { messageId } = await world.until(ASKED);
      await noneUnfinished(stage);
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
