// Calls of the same moment in one statement: each gets its own answer, whatever happens to the
// others.

import pg from "pg";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { createSession } from "../../src/actions/create-session.ts";
import type { Store } from "../../src/core/ports.ts";
import type { Project } from "../../src/core/project.ts";
import { challengeOf } from "../../src/core/secret.ts";
import { openStore } from "../../src/store/open.ts";
import { DATABASES, type RunningDatabase } from "../support/databases.ts";
import { follow } from "../support/follow.ts";
import { queryOnce } from "../support/postgres.ts";
import { awaitLockWaits, holdLock } from "../support/row-lock.ts";
import { portsOver } from "../support/test-ports.ts";
import { addLogin, addProject, addSession, type Login, sessionDraft } from "./seed.ts";

const times = <T>(count: number, make: (index: number) => T) =>
  Array.from({ length: count }, (_, index) => make(index));

/** Logins of a project, made one after the other: a busy machine has connections for so many. */
async function addLogins(
  store: Store,
  count: number,
  change: (index: number) => NonNullable<Parameters<typeof addLogin>[1]>,
): Promise<readonly Login[]> {
  const logins: Login[] = [];
  for (let index = 0; index < count; index++) logins.push(await addLogin(store, change(index)));
  return logins;
}

describe.each(DATABASES)("calls of the same moment on $name", (kind) => {
  let database: RunningDatabase;
  let project: Project;
  beforeAll(async () => {
    database = await kind.start();
    project = await addProject(database.store);
  });
  afterAll(() => database?.stop());

  test("create: an id that is taken and a project that is gone fail alone", async () => {
    const { sessions } = database.store;
    const taken = await addSession(database.store, project);
    const drafts = times(20, (index) => sessionDraft({ state: `s${index}` }));
    const results = await Promise.allSettled([
      ...drafts.slice(0, 10).map((draft) => sessions.create(project.id, draft)),
      sessions.create(project.id, sessionDraft({ id: taken.id })),
      sessions.create("00000000-0000-4000-8000-000000000000", sessionDraft()),
      ...drafts.slice(10).map((draft) => sessions.create(project.id, draft)),
    ]);
    const failed = results.flatMap(({ status }, index) => (status === "rejected" ? [index] : []));
    expect(failed).toEqual([10, 11]);
    for (const draft of drafts) {
      const made = await sessions.find(project.id, draft.id);
      expect(made).toMatchObject({ id: draft.id, state: draft.state, status: "pending" });
    }
  });

  test("find: each gets its own session, and none of another project", async () => {
    const other = await addProject(database.store);
    const made = await Promise.all(times(20, () => addSession(database.store, project)));
    const { sessions } = database.store;
    const found = await Promise.all([
      ...made.map(({ id }) => sessions.find(project.id, id)),
      sessions.find(other.id, made[0]?.id ?? ""),
      sessions.findAny("missingMissing12"),
      sessions.findAny(made[0]?.id ?? ""),
    ]);
    expect(found.slice(0, 20).map((session) => session?.id)).toEqual(made.map(({ id }) => id));
    expect(found.slice(20).map((session) => session?.id ?? null)).toEqual([
      null,
      null,
      made[0]?.id,
    ]);
  });

  test("verify: every code works once, for its project, however often it is in the statement", async () => {
    const other = await addProject(database.store);
    const logins = await addLogins(database.store, 20, (index) => ({
      project,
      state: `s${index}`,
    }));
    const { grants } = database.store;
    const calls = logins.flatMap(({ grant }) => [
      grants.verify(other.id, grant.codeHash, null),
      grants.verify(project.id, grant.codeHash, null),
      grants.verify(project.id, grant.codeHash, null),
      grants.verify(project.id, grant.codeHash, challengeOf("w".repeat(43))),
    ]);
    const answers = await Promise.all(calls);
    logins.forEach(({ subscriber }, index) => {
      const [foreign, ...own] = answers.slice(index * 4, index * 4 + 4);
      expect(foreign).toBeNull();
      expect(own.filter((answer) => answer !== null)).toEqual([
        expect.objectContaining({ subscriberId: subscriber.id, state: `s${index}` }),
      ]);
    });
    const found = await Promise.all(
      logins.map(({ session }) => database.store.sessions.find(project.id, session.id)),
    );
    expect(new Set(found.map((session) => session?.status))).toEqual(new Set(["verified"]));
  });

  test("verify: a wrong verifier in the statement uses nothing up", async () => {
    const challenge = challengeOf("v".repeat(43));
    const login = await addLogin(database.store, { project, codeChallenge: challenge });
    const verify = (given: string | null) =>
      database.store.grants.verify(project.id, login.grant.codeHash, given);
    const wrong = challengeOf("w".repeat(43));
    const answers = await Promise.all([wrong, wrong, null, wrong, challenge, wrong].map(verify));
    expect(answers.map((answer) => answer !== null)).toEqual([
      false,
      false,
      false,
      false,
      true,
      false,
    ]);
  });

  test("read: one recipient for each code, every time, and the session for everybody", async () => {
    const logins = await addLogins(database.store, 10, () => ({ project }));
    const pending = await addSession(database.store, project);
    const { grants } = database.store;
    const readers = ["key:1", "watch", "key:2", "watch"];
    const read = async (sessionId: string) =>
      await Promise.all(readers.map((reader) => grants.read(project.id, sessionId, reader)));
    for (const round of [1, 2]) {
      const answers = await Promise.all(logins.map(({ session }) => read(session.id)));
      answers.forEach((told, index) => {
        const { session, grant } = logins[index] as (typeof logins)[number];
        for (const answer of told) expect(answer?.session.id).toBe(session.id);
        const given = told.flatMap((answer, reader) =>
          answer?.grant?.id === grant.id ? [readers[reader]] : [],
        );
        expect(new Set(given).size, `round ${round}`).toBe(1);
        expect(given).toHaveLength(given[0] === "watch" ? 2 : 1);
      });
    }
    const [own, foreign, missing] = await Promise.all([
      grants.read(null, pending.id, "watch"),
      grants.read((await addProject(database.store)).id, pending.id, "watch"),
      grants.read(project.id, "missingMissing12", "watch"),
    ]);
    expect(own).toEqual({ session: expect.objectContaining({ id: pending.id }), grant: null });
    expect([foreign, missing]).toEqual([null, null]);
  });

  test("a change in one statement wakes the watchers of each of its sessions", async () => {
    const made = await Promise.all(
      times(30, () => addSession(database.store, project, { ttlSeconds: 0 })),
    );
    const followers = made.map(({ id }) => follow(database.changes, id));
    const heard = followers.map((follower) => follower.next(10_000));
    while ((await database.store.sessions.expire(500)) > 0);
    expect(new Set(await Promise.all(heard))).toEqual(new Set(["changed"]));
    for (const follower of followers) follower.close();
  });
});

describe("statements to PostgreSQL", () => {
  let database: RunningDatabase & { readonly url: string };
  let project: Project;
  beforeAll(async () => {
    database = (await DATABASES[1]?.start()) as typeof database;
    project = await addProject(database.store);
  });
  afterAll(() => database?.stop());

  /** How many statements the work sends over connections that stand already. */
  async function countStatements(work: () => Promise<unknown>): Promise<number> {
    await Promise.all(times(10, () => database.store.projects.find(project.id)));
    const sent = vi.spyOn(pg.Client.prototype, "query");
    await work();
    // What a connection is asked about itself, by text alone, is no statement of the work's.
    const count = sent.mock.calls.filter(([given]) => typeof given === "object").length;
    sent.mockRestore();
    return count;
  }

  test("createSession is one", async () => {
    const ports = portsOver(database);
    const input = {
      state: "abc",
      redirectUri: null,
      codeChallenge: null,
      matchCode: true,
      client: { ip: null, userAgent: null },
    };
    let sessionId = "";
    const count = await countStatements(async () => {
      const { session } = await createSession(ports, project, input, null);
      sessionId = session.id;
    });
    expect(count).toBe(1);
    const found = await database.store.sessions.find(project.id, sessionId);
    expect(found).toMatchObject({ state: "abc", status: "pending", sequence: 1 });
  });

  test("20 creates, reads and verifies of a moment are three statements each", async () => {
    const { grants, sessions } = database.store;
    const logins = await addLogins(database.store, 20, () => ({ project }));
    const counts = [
      await countStatements(() =>
        Promise.all(times(20, () => sessions.create(project.id, sessionDraft()))),
      ),
      await countStatements(() =>
        Promise.all(logins.map(({ session }) => grants.read(null, session.id, "watch"))),
      ),
      await countStatements(() =>
        Promise.all(logins.map(({ grant }) => grants.verify(project.id, grant.codeHash, null))),
      ),
    ];
    expect(counts).toEqual([3, 3, 3]);
  });

  test("450 sessions that change in one statement are two notifications with all their ids", async () => {
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    const payloads: string[] = [];
    client.on("notification", ({ payload }) => payloads.push(payload ?? ""));
    await client.query("listen tapin_session");
    while ((await database.store.sessions.expire(500)) > 0);
    await client.query("select 1");
    payloads.length = 0;
    await queryOnce(
      database.url,
      `insert into sessions (id, project_id, ttl_seconds, expires_at)
        select 'overdue' || lpad(number::text, 9, '0'), $1, 1, statement_timestamp()
        from generate_series(1, 450) as number`,
      [project.id],
    );
    expect(await database.store.sessions.expire(500)).toBe(450);
    await client.query("select 1");
    await client.end();
    expect(payloads).toHaveLength(2);
    const ids = payloads.flatMap((payload) => payload.split(","));
    expect(new Set(ids).size).toBe(450);
    expect(Math.max(...payloads.map(({ length }) => length))).toBeLessThan(8000);
  });

  test("a code whose row somebody else has holds up no other, and is decided once the row is free", async () => {
    const [held, ...free] = await addLogins(database.store, 10, () => ({ project }));
    const { grants } = database.store;
    const heldHash = held?.grant.codeHash ?? "";
    const lock = await holdLock(
      database.url,
      "update grants set recipient = 'somebody' where code_hash = $1",
      [heldHash],
    );
    const waiting = Promise.all(times(3, () => grants.verify(project.id, heldHash, null)));
    const profiles = await Promise.all(
      free.map(({ grant }) => grants.verify(project.id, grant.codeHash, null)),
    );
    expect(profiles.every((profile) => profile !== null)).toBe(true);
    await awaitLockWaits(database.url, 1);
    await lock.release();
    expect((await waiting).filter((profile) => profile !== null)).toHaveLength(1);
  });

  test("a session whose row somebody else has keeps its code unused until the row is free", async () => {
    const { session, grant } = await addLogin(database.store, { project });
    const lock = await holdLock(database.url, "select from sessions where id = $1 for update", [
      session.id,
    ]);
    const verified = database.store.grants.verify(project.id, grant.codeHash, null);
    await awaitLockWaits(database.url, 1);
    await lock.release();
    expect(await verified).not.toBeNull();
    expect((await database.store.sessions.find(project.id, session.id))?.status).toBe("verified");
  });

  test("a delivery whose row somebody else has waits alone, and goes to one of two", async () => {
    const { session, grant } = await addLogin(database.store, { project });
    const lock = await holdLock(
      database.url,
      "update grants set wrong_verifiers = 1 where id = $1",
      [grant.id],
    );
    const read = (reader: string) => database.store.grants.read(null, session.id, reader);
    const reading = Promise.all(["key:1", "key:2"].map(read));
    await awaitLockWaits(database.url, 1);
    await lock.release();
    expect((await reading).filter((answer) => answer?.grant?.id === grant.id)).toHaveLength(1);
  });

  test("a connection that breaks fails the calls of its statement as UNAVAILABLE, and no later one", async () => {
    const lock = await holdLock(database.url, "lock table sessions in share mode");
    const drafts = times(12, () => sessionDraft());
    const created = Promise.allSettled(
      drafts.map((draft) => database.store.sessions.create(project.id, draft)),
    );
    // Two at once, and the rest together when nobody waits for those any more.
    await awaitLockWaits(database.url, 3);
    await queryOnce(
      database.url,
      `select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'`,
    );
    const results = await created;
    for (const result of results) {
      expect(result).toMatchObject({ status: "rejected", reason: { reason: "UNAVAILABLE" } });
    }
    await lock.release();
    const { sessions } = database.store;
    const later = await Promise.all(times(12, () => sessions.create(project.id, sessionDraft())));
    expect(later).toHaveLength(12);
    const found = await Promise.all(drafts.map(({ id }) => sessions.find(project.id, id)));
    expect(found.filter((session) => session !== null)).toEqual([]);
  });

  test("verifies of the same codes from many stores at once wait for nobody in a circle", async () => {
    const others = await Promise.all(
      times(2, () => openStore({ databaseUrl: database.url, dataDir: "memory" })),
    );
    const logins = await addLogins(database.store, 20, () => ({ project }));
    const stores = [database.store, ...others.map(({ store }) => store)];
    const answers = await Promise.all(
      stores.flatMap((store, turn) =>
        (turn % 2 === 0 ? logins : logins.toReversed()).map(({ grant }) =>
          store.grants.verify(project.id, grant.codeHash, null),
        ),
      ),
    );
    expect(answers.filter((answer) => answer !== null)).toHaveLength(logins.length);
    await Promise.all(others.map((other) => other.close()));
  });
});
