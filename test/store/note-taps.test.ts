// Taps on Login that are noted and decided by one statement: all of a Login or nothing of it, each
// tap by itself, and whatever it does not decide is noted all the same.

import pg from "pg";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { decidePrompt } from "../../src/actions/decide-prompt.ts";
import { noteTap } from "../../src/actions/note-tap.ts";
import type { TapState } from "../../src/core/bot-ports.ts";
import type { Ports } from "../../src/core/ports.ts";
import type { Project } from "../../src/core/project.ts";
import { buttonData, type Decision } from "../../src/core/prompt.ts";
import type { PromptDraft } from "../../src/core/prompt-ports.ts";
import type { Session } from "../../src/core/session.ts";
import type { Person } from "../../src/core/subscriber.ts";
import { openStore } from "../../src/store/open.ts";
import { DATABASES, type RunningDatabase } from "../support/databases.ts";
import { holdLock } from "../support/row-lock.ts";
import { portsOver } from "../support/test-ports.ts";
import { addProject, addSession, person, promptDraft, text } from "./seed.ts";

const BOT = "telegram:1";

/** A prompt that a person has before them. */
interface Asked {
  readonly who: Person;
  /** Null for a static link. */
  readonly session: Session | null;
  readonly draft: PromptDraft;
}

describe.each(DATABASES)("noteTap on $name", (kind) => {
  let database: RunningDatabase;
  let ports: Ports;
  let project: Project;
  beforeAll(async () => {
    database = await kind.start();
    ports = portsOver(database);
    project = await addProject(database.store);
  });
  afterAll(() => database?.stop());

  async function ask(
    change: { matchCode?: string; prompt?: Partial<PromptDraft>; in?: Project } = {},
  ): Promise<Asked> {
    const { store } = database;
    const of = change.in ?? project;
    const who = person();
    const { id } = await addSession(store, of, {
      state: "abc",
      matchCode: change.matchCode ?? null,
    });
    const session = await store.sessions.open(id, who);
    const draft = promptDraft(who, { sessionId: id, ...change.prompt });
    await store.prompts.create(of.id, draft);
    return { who, session, draft };
  }

  async function askByStaticLink(): Promise<Asked> {
    const who = person();
    const draft = promptDraft(who);
    await database.store.prompts.create(project.id, draft);
    return { who, session: null, draft };
  }

  const tap = (
    { who, draft }: Asked,
    { key = text(8), decision = { kind: "login" } as Decision, by = who, holder = "p1" } = {},
  ): Promise<TapState> => {
    const data = buttonData(draft.token, decision);
    const payload = { kind: "tap", data };
    return noteTap(ports, { bot: BOT, key, payload, holder }, { person: by, data });
  };

  const statusOf = async ({ session }: Asked) =>
    (await database.store.sessions.findAny(session?.id ?? ""))?.status;
  const grantsOf = async ({ session }: Asked) =>
    await database.query<{ id: string }>(
      `select id from grants where session_id = '${session?.id}'`,
    );

  test("a Login is decided as it is noted: session, subscriber, grant and prompt together", async () => {
    const asked = await ask();
    const { state, spoken } = await tap(asked);
    expect(state).toBe("fresh");
    expect(spoken).toMatchObject({
      lang: asked.who.lang,
      screen: { kind: "confirmed", projectName: "Shop", fromSession: true, subscribeToken: null },
    });
    expect(await statusOf(asked)).toBe("completed");
    const url = new URL(spoken?.screen.kind === "confirmed" ? (spoken.screen.url ?? "") : "");
    expect(url.searchParams.get("state")).toBe("abc");
    const read = await database.store.grants.read(project.id, asked.session?.id ?? "", "watch");
    const { id = "", codeHash = "" } = read?.grant ?? {};
    expect(url.searchParams.get("code")).toBe(ports.secrets.codeMatching(id, codeHash));
    const profile = await database.store.grants.verify(project.id, codeHash, null);
    expect(profile).toMatchObject({ firstName: "John", username: "johndoe", state: "abc" });
    expect(await database.store.prompts.find(asked.draft.token)).toMatchObject({
      status: "approved",
      grantId: id,
    });
  });

  test("T7 an update that comes again decides nothing, and the person is shown the same", async () => {
    const asked = await ask();
    const first = await tap(asked, { key: "again-and-again" });
    const again = await tap(asked, { key: "again-and-again" });
    expect([first.state, again]).toEqual(["fresh", { state: "unfinished", spoken: null }]);
    const elsewhere = await tap(asked, { key: "again-and-again", holder: "p2" });
    expect(elsewhere.spoken).toBeNull();
    const data = buttonData(asked.draft.token, { kind: "login" });
    expect(await decidePrompt(ports, asked.who, data)).toEqual(first.spoken?.screen);
    expect(await grantsOf(asked)).toHaveLength(1);
    await database.store.updates.finish(BOT, "again-and-again");
    const late = await tap(asked, { key: "again-and-again" });
    expect(late).toEqual({ state: "done", spoken: null });
  });

  test("the right number is decided, and a static link's Login", async () => {
    const asked = await ask({ matchCode: "42" });
    const right = await tap(asked, { decision: { kind: "match", choice: "42" } });
    expect(right.spoken?.screen).toMatchObject({ kind: "confirmed", fromSession: true });
    const byLink = await askByStaticLink();
    const { spoken } = await tap(byLink);
    expect(spoken?.screen).toMatchObject({ kind: "confirmed", fromSession: false });
    expect(await database.store.prompts.find(byLink.draft.token)).toMatchObject({
      status: "approved",
    });
  });

  test.each<[string, (asked: Asked) => Promise<unknown>, Parameters<typeof tap>[1]?]>([
    ["another person's tap (T12)", async () => {}, { by: person() }],
    ["the same id in another messenger", async () => {}, { by: person({ channel: "max" }) }],
    [
      "a number that the prompt never had",
      async () => {},
      { decision: { kind: "match", choice: "11" } },
    ],
    ["Cancel", async () => {}, { decision: { kind: "cancel" } }],
    [
      "a session that the website cancelled",
      ({ session }) => database.store.sessions.cancel(project.id, session?.id ?? ""),
    ],
    [
      "a session whose time is over",
      ({ session }) =>
        database.query(`update sessions set expires_at = now() where id = '${session?.id}'`),
    ],
    [
      "a prompt whose time is over",
      ({ draft }) =>
        database.query(`update prompts set expires_at = now() where token = '${draft.token}'`),
    ],
    [
      "a prompt that a newer one replaced",
      ({ who }) => database.store.prompts.create(project.id, promptDraft(who)),
    ],
  ])("%s is noted and not decided", async (_, prepare, how = {}) => {
    const asked = await ask();
    await prepare(asked);
    const before = await statusOf(asked);
    const by = how.by === undefined ? {} : { by: { ...how.by, userId: asked.who.userId } };
    // Only the messenger differs, or else the person.
    const foreign = how.by?.channel === "telegram" ? { by: how.by } : by;
    expect(await tap(asked, { ...how, ...foreign })).toEqual({ state: "fresh", spoken: null });
    expect(await statusOf(asked)).toBe(before);
    expect(await grantsOf(asked)).toEqual([]);
    const [found] = await database.query<{ count: number }>(
      `select count(*)::integer as count from subscribers where messenger_user_id = '${asked.who.userId}'`,
    );
    expect(found?.count).toBe(0);
  });

  test("a wrong number, and a plain Login where a number is asked for, are not decided", async () => {
    const asked = await ask({ matchCode: "42" });
    for (const decision of [{ kind: "match", choice: "24" }, { kind: "login" }] as const) {
      expect(await tap(asked, { decision })).toEqual({ state: "fresh", spoken: null });
    }
    expect(await statusOf(asked)).toBe("opened");
  });

  test.each([
    ["automatic", true, null],
    ["ask", false, "token"],
    ["off", false, null],
  ] as const)("T22 subscription %s: subscribed %s", async (subscription, subscribed, offered) => {
    const other = await addProject(database.store, { subscription });
    const asked = await ask({ in: other });
    const { spoken } = await tap(asked);
    const subscribeToken = offered === null ? null : asked.draft.token;
    expect(spoken?.screen).toMatchObject({ kind: "confirmed", subscribeToken });
    const known = await database.store.subscribers.upsert(other.id, asked.who, null);
    expect(known.subscribed).toBe(subscribed);
  });

  test("whoever comes again keeps their row, their picture and their subscription, in the language they chose", async () => {
    const { store } = database;
    const other = await addProject(store, { subscription: "ask" });
    const first = await ask({ in: other });
    const avatarUrl = "https://i.example.com/a.jpg";
    const known = await store.subscribers.upsert(other.id, { ...first.who, avatarUrl }, true);
    await store.subscribers.setReachable(first.who, false, { projectId: null });
    await store.subscribers.setLang(first.who, "en");
    const { spoken } = await tap(first, { by: { ...first.who, firstName: "Jane" } });
    expect(spoken).toMatchObject({ lang: "en", screen: { subscribeToken: null } });
    expect(await store.subscribers.find(other.id, known.id)).toMatchObject({
      firstName: "Jane",
      avatarUrl,
      subscribed: true,
      reachable: true,
    });
  });

  test("taps of the same moment are decided each by itself, and one that is refused takes none with it", async () => {
    const all: Asked[] = [];
    for (let index = 0; index < 20; index++) all.push(await ask());
    // A code that is there already: the database refuses the whole statement.
    const random = ports.random;
    let calls = 0;
    const same = random(16);
    const clumsy: Ports = {
      ...ports,
      random: (bytes) => (++calls % 7 === 0 ? same : random(bytes)),
    };
    const taps = all.map(({ who, draft }, index) => {
      const data = buttonData(draft.token, { kind: "login" });
      const note = { bot: BOT, key: `moment-${index}`, payload: null, holder: "p1" };
      return noteTap(clumsy, note, { person: who, data });
    });
    const states = await Promise.all(taps);
    expect(states.map(({ state }) => state)).toEqual(all.map(() => "fresh"));
    const refused = all.filter((_, index) => states[index]?.spoken === null);
    expect(refused.length).toBeGreaterThan(0);
    for (const { who, draft } of refused) {
      const screen = await decidePrompt(ports, who, buttonData(draft.token, { kind: "login" }));
      expect(screen.kind).toBe("confirmed");
    }
    for (const asked of all) {
      expect(await statusOf(asked)).toBe("completed");
      expect(await grantsOf(asked)).toHaveLength(1);
    }
  });

  test("T8 a tap that is noted, one that is decided and a cancel at the same moment have one ending", async () => {
    for (let round = 0; round < 10; round++) {
      const asked = await ask();
      const data = buttonData(asked.draft.token, { kind: "login" });
      const [noted, decided, cancelled] = await Promise.all([
        tap(asked),
        decidePrompt(ports, asked.who, data),
        database.store.sessions.cancel(project.id, asked.session?.id ?? ""),
      ]);
      const kinds = [noted.spoken?.screen.kind, decided.kind];
      const approved = kinds.includes("confirmed");
      expect(approved, JSON.stringify(kinds)).toBe(cancelled === null);
      expect(await grantsOf(asked)).toHaveLength(approved ? 1 : 0);
      expect(await statusOf(asked)).toBe(approved ? "completed" : "cancelled");
    }
  });
});

describe("noteTap on PostgreSQL", () => {
  let database: RunningDatabase & { readonly url: string };
  let project: Project;
  beforeAll(async () => {
    database = (await DATABASES[1]?.start()) as typeof database;
    project = await addProject(database.store);
  });
  afterAll(() => database?.stop());

  async function ask(who = person()): Promise<{ who: Person; sessionId: string; token: string }> {
    const { id } = await addSession(database.store, project);
    await database.store.sessions.open(id, who);
    const draft = promptDraft(who, { sessionId: id });
    await database.store.prompts.create(project.id, draft);
    return { who, sessionId: id, token: draft.token };
  }

  const tap = (
    { who, token }: { who: Person; token: string },
    { store = database.store, key = text(8), holder = "p1" } = {},
  ) => {
    const ports = { ...portsOver(database), store };
    const data = buttonData(token, { kind: "login" });
    return noteTap(ports, { bot: BOT, key, payload: null, holder }, { person: who, data });
  };

  test("one is one statement, 20 of a moment are three", async () => {
    const all = [];
    for (let index = 0; index < 21; index++) all.push(await ask());
    const [first, ...others] = all as [(typeof all)[0], ...typeof all];
    const sent = vi.spyOn(pg.Client.prototype, "query");
    const count = () => sent.mock.calls.filter(([given]) => typeof given === "object").length;
    expect((await tap(first)).spoken).not.toBeNull();
    const one = count();
    const states = await Promise.all(others.map((asked) => tap(asked)));
    const counts = [one, count() - one];
    sent.mockRestore();
    expect(counts).toEqual([1, 3]);
    expect(states.filter(({ spoken }) => spoken === null)).toEqual([]);
  });

  test.each([
    ["session", "select from sessions where id = $1 for update", "sessionId"],
    ["prompt", "select from prompts where token = $1 for update", "token"],
    ["subscriber", "select from subscribers where messenger_user_id = $1 for update", "userId"],
  ] as const)(
    "a %s that somebody else has holds up nobody, and is decided later",
    async (...of) => {
      const [, statement, name] = of;
      const asked = await ask();
      await database.store.subscribers.upsert(project.id, asked.who, null);
      const others = [await ask(), await ask(), await ask()];
      const values = { ...asked, userId: asked.who.userId };
      const lock = await holdLock(database.url, statement, [values[name]]);
      const states = await Promise.all([asked, ...others].map((one) => tap(one)));
      await lock.release();
      expect(states.map(({ state }) => state)).toEqual(states.map(() => "fresh"));
      expect(states.map(({ spoken }) => spoken?.screen.kind ?? null)).toEqual([
        null,
        "confirmed",
        "confirmed",
        "confirmed",
      ]);
      const data = buttonData(asked.token, { kind: "login" });
      const screen = await decidePrompt(portsOver(database), asked.who, data);
      expect(screen.kind).toBe("confirmed");
    },
  );

  test("T19 the same updates at two processes: each is decided once, in whichever order they come", async () => {
    const second = await openStore({ databaseUrl: database.url, dataDir: "memory" });
    const all = [];
    for (let index = 0; index < 30; index++) all.push(await ask());
    const keys = all.map((_, index) => `two-${index}`);
    const here = all.map((asked, index) => tap(asked, { key: keys[index] as string }));
    const there = all.toReversed().map((asked, index) =>
      tap(asked, {
        key: keys[all.length - 1 - index] as string,
        store: second.store,
        holder: "p2",
      }),
    );
    const states = [await Promise.all(here), (await Promise.all(there)).toReversed()];
    await second.close();
    for (let index = 0; index < all.length; index++) {
      const [one, two] = [states[0]?.[index], states[1]?.[index]];
      expect([one?.state, two?.state].filter((state) => state === "fresh")).toHaveLength(1);
      expect([one, two].filter((given) => given?.spoken !== null)).toHaveLength(1);
    }
    const [grants] = await database.query<{ count: number }>(
      `select count(*)::integer as count from grants where session_id in (${all
        .map(({ sessionId }) => `'${sessionId}'`)
        .join(", ")})`,
    );
    expect(grants?.count).toBe(all.length);
  });
});
