// The table of sessions on both databases: every cell of the transition table, what time does,
// tenancy, races.

import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Store } from "../../src/core/ports.ts";
import { API_KEY_PREFIX, sha256Hex } from "../../src/core/secret.ts";
import {
  nextStatus,
  SESSION_EVENTS,
  SESSION_STATUSES,
  type SessionEvent,
  type SessionStatus,
} from "../../src/core/session.ts";
import { DATABASES, type RunningDatabase } from "../support/databases.ts";
import { addGrant, addLogin, addProject, addSession, person, promptDraft, text } from "./seed.ts";

describe.each(DATABASES)("sessions on $name", (kind) => {
  let database: RunningDatabase;
  let store: Store;

  beforeAll(async () => {
    database = await kind.start();
    store = database.store;
  });
  afterAll(() => database?.stop());

  const endTime = (sessionId: string) =>
    database.query(
      `update sessions set expires_at = clock_timestamp() - interval '1 second' where id = '${sessionId}'`,
    );

  test("create gives back what was asked for, pending, with the database's clock", async () => {
    const project = await addProject(store);
    const session = await addSession(store, project, {
      id: "aBcDeFgH12345678",
      state: "browser_session_abc",
      redirectUri: "https://shop.example.com/other",
      codeChallenge: "c".repeat(43),
      matchCode: "42",
      client: { ip: "203.0.113.9", userAgent: "Firefox\u0000 on Linux" },
      ttlSeconds: 120,
    });
    expect(session).toMatchObject({
      id: "aBcDeFgH12345678",
      projectId: project.id,
      status: "pending",
      sequence: 1,
      state: "browser_session_abc",
      redirectUri: "https://shop.example.com/other",
      codeChallenge: "c".repeat(43),
      matchCode: "42",
      client: { ip: "203.0.113.9", userAgent: "Firefox on Linux" },
      ttlSeconds: 120,
      ageSeconds: 0,
      opened: false,
      owner: null,
    });
    expect(session.remainingMs).toBe(120_000);
    const later = await store.sessions.find(project.id, session.id);
    expect(later).toEqual({ ...session, remainingMs: later?.remainingMs });
    expect(later?.remainingMs).toBeLessThanOrEqual(120_000);
    expect(later?.remainingMs).toBeGreaterThan(100_000);
    await database.query(
      `update sessions set created_at = created_at - interval '90.5 seconds',
        expires_at = expires_at - interval '90.5 seconds' where id = '${session.id}'`,
    );
    const aged = await store.sessions.findAny(session.id);
    expect(aged?.ageSeconds).toBeGreaterThanOrEqual(90);
    expect(aged?.ageSeconds).toBeLessThan(110);
    expect(aged?.remainingMs).toBeLessThanOrEqual(29_500);
  });

  describe("every cell of the transition table", () => {
    const act: Record<SessionEvent, (at: Cell) => Promise<boolean>> = {
      open: async ({ id }) => (await store.sessions.open(id, person())) !== null,
      approve: async ({ id, projectId, owner }) =>
        (await store.sessions.approve(projectId, id, owner)) !== null,
      cancel: async ({ id, projectId }) => (await store.sessions.cancel(projectId, id)) !== null,
      expire: async ({ id }) => {
        await endTime(id);
        return (await store.sessions.expire(100)) > 0;
      },
      verify: async ({ projectId, codeHash, id }) => {
        const before = await store.sessions.find(projectId, id);
        expect(await store.grants.verify(projectId, codeHash, null)).not.toBeNull();
        return (await store.sessions.find(projectId, id))?.sequence !== before?.sequence;
      },
    };
    interface Cell {
      id: string;
      projectId: string;
      owner: { channel: "telegram" | "max"; userId: string };
      codeHash: string;
    }
    const cells = SESSION_STATUSES.flatMap((from) =>
      SESSION_EVENTS.map((event) => ({ from, event, to: nextStatus(from, event) })),
    );

    test.each(cells)("$from + $event -> $to", async ({ from, event, to }) => {
      await store.sessions.expire(1000);
      const { project, session, who, grant } = await addLogin(store);
      await setStatus(from, session.id);
      const before = await store.sessions.find(project.id, session.id);
      const cell = { id: session.id, projectId: project.id, owner: who, codeHash: grant.codeHash };
      expect(await act[event](cell)).toBe(to !== null);
      const after = await store.sessions.find(project.id, session.id);
      expect(after?.status).toBe(to ?? from);
      expect(after?.sequence).toBe((before?.sequence ?? 0) + (to === null ? 0 : 1));
    });

    async function setStatus(status: SessionStatus, id: string): Promise<void> {
      const owner = status === "pending" ? ", owner_channel = null, owner_user_id = null" : "";
      await database.query(
        `update sessions set status = '${status}', ended_at = null${owner} where id = '${id}'`,
      );
    }
  });

  test("open gives the session to the first account, again and again, and to no other", async () => {
    const project = await addProject(store);
    const { id } = await addSession(store, project);
    const [first, second] = [person(), person()];
    const opened = await store.sessions.open(id, first);
    expect(opened).toMatchObject({
      status: "opened",
      sequence: 2,
      opened: true,
      owner: { channel: "telegram", userId: first.userId },
    });
    expect(await store.sessions.open(id, second)).toBeNull();
    expect(await store.sessions.open(id, { ...first, channel: "max" })).toBeNull();
    expect(await store.sessions.open(id, first)).toMatchObject({ status: "opened", sequence: 2 });
    await store.sessions.cancel(project.id, id);
    expect(await store.sessions.open(id, first)).toBeNull();
    expect(await store.sessions.open("missingMissing12", first)).toBeNull();
    expect((await store.sessions.findAny(id))?.opened).toBe(true);
  });

  test("approve and cancel by an account that does not own the session change nothing", async () => {
    const project = await addProject(store);
    const { id } = await addSession(store, project);
    const [owner, other] = [person(), person()];
    await store.sessions.open(id, owner);
    expect(await store.sessions.approve(project.id, id, other)).toBeNull();
    expect(await store.sessions.cancel(project.id, id, other)).toBeNull();
    expect(await store.sessions.cancel(project.id, id, { ...owner, channel: "max" })).toBeNull();
    expect((await store.sessions.find(project.id, id))?.status).toBe("opened");
    expect((await store.sessions.cancel(project.id, id, owner))?.status).toBe("cancelled");
  });

  test("a session whose time is over reads as expired before a worker comes, and the same after", async () => {
    const project = await addProject(store);
    const owner = person();
    const { id } = await addSession(store, project);
    await store.sessions.open(id, owner);
    await endTime(id);
    const before = await store.sessions.find(project.id, id);
    expect(before).toMatchObject({ status: "expired", sequence: 3, remainingMs: 0, opened: true });
    expect(await store.sessions.open(id, owner)).toBeNull();
    expect(await store.sessions.approve(project.id, id, owner)).toBeNull();
    expect(await store.sessions.cancel(project.id, id)).toBeNull();
    await store.sessions.expire(1000);
    expect(await store.sessions.find(project.id, id)).toEqual({
      ...before,
      endedMs: expect.any(Number),
      ageSeconds: expect.any(Number),
    });
    const [row] = await database.query(`select status, sequence from sessions where id = '${id}'`);
    expect(row).toEqual({ status: "expired", sequence: 3 });
  });

  test("expire takes at most as many as it is told and counts them", async () => {
    await store.sessions.expire(1000);
    const project = await addProject(store);
    for (let made = 0; made < 5; made++) await addSession(store, project, { ttlSeconds: 0 });
    await addSession(store, project);
    expect(await store.sessions.expire(3)).toBe(3);
    expect(await store.sessions.expire(3)).toBe(2);
    expect(await store.sessions.expire(3)).toBe(0);
  });

  test("sessions of another project are invisible and out of reach", async () => {
    const [mine, other] = [await addProject(store), await addProject(store)];
    const owner = person();
    const { id } = await addSession(store, mine);
    await store.sessions.open(id, owner);
    expect(await store.sessions.find(other.id, id)).toBeNull();
    expect(await store.sessions.approve(other.id, id, owner)).toBeNull();
    expect(await store.sessions.cancel(other.id, id)).toBeNull();
    expect((await store.sessions.findAny(id))?.projectId).toBe(mine.id);
    expect((await store.sessions.find(mine.id, id))?.status).toBe("opened");
  });

  test("purge deletes what ended long ago, with grants and prompts, and nothing else (T25)", async () => {
    const { project, session, who, grant } = await addLogin(store);
    const kept = await addLogin(store, { project });
    const pending = await addSession(store, project);
    const prompt = promptDraft(who, { sessionId: session.id });
    await store.prompts.create(project.id, prompt);
    await database.query(
      `update sessions set ended_at = ended_at - interval '25 hours' where id = '${session.id}'`,
    );
    expect(await store.sessions.purge(24, 100)).toBe(1);
    expect(await store.sessions.purge(24, 100)).toBe(0);
    expect(await store.sessions.find(project.id, session.id)).toBeNull();
    expect(await store.grants.verify(project.id, grant.codeHash, null)).toBeNull();
    expect(await store.prompts.find(prompt.token)).toBeNull();
    expect(await store.sessions.find(project.id, kept.session.id)).not.toBeNull();
    expect(await store.sessions.find(project.id, pending.id)).not.toBeNull();
  });

  test("a session that ended long ago is read like any other: its age in milliseconds is no 32-bit integer", async () => {
    const project = await addProject(store);
    const { id } = await addSession(store, project);
    await store.sessions.cancel(project.id, id);
    await database.query(
      `update sessions set ended_at = ended_at - interval '60 days' where id = '${id}'`,
    );
    const endedMs = (await store.sessions.find(project.id, id))?.endedMs ?? 0;
    expect(endedMs / 86_400_000).toBeCloseTo(60, 1);
  });

  test("T7 100 simultaneous approvals: one", async () => {
    const project = await addProject(store);
    const owner = person();
    const { id } = await addSession(store, project);
    await store.sessions.open(id, owner);
    const answers = await Promise.all(
      Array.from({ length: 100 }, () => store.sessions.approve(project.id, id, owner)),
    );
    expect(answers.filter((answer) => answer !== null)).toHaveLength(1);
    expect((await store.sessions.find(project.id, id))?.sequence).toBe(3);
  });

  test("20 accounts open one session at once: one owns it", async () => {
    const project = await addProject(store);
    const { id } = await addSession(store, project);
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => store.sessions.open(id, person())),
    );
    const won = answers.filter((answer) => answer !== null);
    expect(won).toHaveLength(1);
    expect((await store.sessions.findAny(id))?.owner).toEqual(won[0]?.owner);
  });

  test("T8 approve, cancel and expire at once: never two terminal statuses", async () => {
    const project = await addProject(store);
    const moves = fc.shuffledSubarray(["approve", "cancel", "expire", "approve", "cancel"], {
      minLength: 2,
    });
    await fc.assert(
      fc.asyncProperty(moves, async (order) => {
        const owner = person();
        const { id } = await addSession(store, project);
        await store.sessions.open(id, owner);
        const wins = await Promise.all(
          order.map(async (move) => {
            if (move === "approve") return store.sessions.approve(project.id, id, owner);
            if (move === "cancel") return store.sessions.cancel(project.id, id);
            await endTime(id);
            await store.sessions.expire(10);
            return null;
          }),
        );
        const ended = wins.filter((win) => win !== null);
        const final = await store.sessions.find(project.id, id);
        expect(ended.length).toBeLessThanOrEqual(1);
        expect(final?.sequence).toBe(3);
        expect(final?.status).toBe(ended[0]?.status ?? "expired");
      }),
      { numRuns: 40 },
    );
  });

  test("T4 a dump of the database holds no code, no key, no watch token", async () => {
    const { project, session, subscriber, grant } = await addLogin(store);
    const second = await addGrant(store, project, { subscriberId: subscriber.id });
    const key = `${API_KEY_PREFIX}${text(32)}`;
    await store.apiKeys.create(project.id, { name: "n", hint: "hint", hash: sha256Hex(key) });
    await store.grants.deliver(project.id, session.id, "watch");
    const tables = await database.query<{ name: string }>(
      "select quote_ident(tablename) as name from pg_tables where schemaname = 'public'",
    );
    expect(tables.length).toBeGreaterThanOrEqual(9);
    let dump = "";
    for (const { name } of tables) {
      dump += JSON.stringify(await database.query(`select * from ${name}`));
    }
    expect(dump).toContain(grant.codeHash);
    for (const secret of [grant.code, second.code]) expect(dump).not.toContain(secret);
    expect(dump).toContain(sha256Hex(key));
    expect(dump).not.toMatch(/tapin_(live|watch)_/);
  });
});
