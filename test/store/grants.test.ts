// The table of grants on both databases: one code, one recipient, one use.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Store } from "../../src/core/ports.ts";
import { challengeOf } from "../../src/core/secret.ts";
import { DATABASES, type RunningDatabase } from "../support/databases.ts";
import { addGrant, addLogin, addProject, addSession, person, promptDraft } from "./seed.ts";

describe.each(DATABASES)("grants on $name", (kind) => {
  let database: RunningDatabase;
  let store: Store;

  beforeAll(async () => {
    database = await kind.start();
    store = database.store;
  });
  afterAll(() => database?.stop());

  const endTime = (grantId: string, hours = 0) =>
    database.query(
      `update grants set expires_at = clock_timestamp() - interval '${hours} hours 1 second' where id = '${grantId}'`,
    );

  test("deliver gives the code to the first recipient, every time, and to no other", async () => {
    const { project, session, grant } = await addLogin(store);
    const deliver = (recipient: string) => store.grants.deliver(project.id, session.id, recipient);
    expect(await deliver("watch")).toEqual({
      id: grant.id,
      projectId: project.id,
      sessionId: session.id,
      codeHash: grant.codeHash,
    });
    expect(await deliver("key:1")).toBeNull();
    expect((await deliver("watch"))?.id).toBe(grant.id);
    await store.grants.verify(project.id, grant.codeHash, null);
    expect(await deliver("watch")).toBeNull();
  });

  test("deliver gives no expired code, none of another project, none of a session without grant", async () => {
    const { project, session, grant } = await addLogin(store);
    const other = await addProject(store);
    const bare = await addSession(store, project);
    expect(await store.grants.deliver(other.id, session.id, "watch")).toBeNull();
    expect(await store.grants.deliver(project.id, bare.id, "watch")).toBeNull();
    await endTime(grant.id);
    expect(await store.grants.deliver(project.id, session.id, "watch")).toBeNull();
  });

  test("deliver to 50 recipients at once: one gets the code", async () => {
    const { project, session } = await addLogin(store);
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, call) =>
        store.grants.deliver(project.id, session.id, `key:${call}`),
      ),
    );
    expect(answers.filter((answer) => answer !== null)).toHaveLength(1);
  });

  test("verify tells who signed in, once, and the session becomes verified", async () => {
    const { project, session, subscriber, grant } = await addLogin(store, { state: "abc" });
    expect(await store.grants.verify(project.id, grant.codeHash, null)).toEqual({
      subscriberId: subscriber.id,
      channel: "telegram",
      firstName: "John",
      username: "johndoe",
      avatarUrl: null,
      lang: "ru",
      tags: [],
      state: "abc",
    });
    const verified = await store.sessions.find(project.id, session.id);
    expect(verified).toMatchObject({ status: "verified", sequence: session.sequence + 1 });
    expect(await store.grants.verify(project.id, grant.codeHash, null)).toBeNull();
    expect((await store.sessions.find(project.id, session.id))?.sequence).toBe(
      session.sequence + 1,
    );
  });

  test("verify of a static link's code needs no session", async () => {
    const project = await addProject(store);
    const subscriber = await store.subscribers.upsert(project.id, person(), true);
    const grant = await addGrant(store, project, { subscriberId: subscriber.id });
    const profile = await store.grants.verify(project.id, grant.codeHash, null);
    expect(profile).toMatchObject({ subscriberId: subscriber.id, state: null });
  });

  test("verify refuses an unknown, expired or other project's code and uses nothing up", async () => {
    const { project, grant } = await addLogin(store);
    const other = await addProject(store);
    expect(await store.grants.verify(project.id, "0".repeat(64), null)).toBeNull();
    expect(await store.grants.verify(other.id, grant.codeHash, null)).toBeNull();
    expect(await store.grants.verify(project.id, grant.codeHash, null)).not.toBeNull();
    const late = await addLogin(store);
    await endTime(late.grant.id);
    expect(await store.grants.verify(late.project.id, late.grant.codeHash, null)).toBeNull();
  });

  test("verify wants the challenge of the start, and none when there was none (T3)", async () => {
    const challenge = challengeOf("v".repeat(43));
    const guarded = await addLogin(store, { codeChallenge: challenge });
    const verify = (given: string | null) =>
      store.grants.verify(guarded.project.id, guarded.grant.codeHash, given);
    expect(await verify(null)).toBeNull();
    expect(await verify(challengeOf("w".repeat(43)))).toBeNull();
    expect(await verify(challenge)).not.toBeNull();
    const plain = await addLogin(store);
    expect(await store.grants.verify(plain.project.id, plain.grant.codeHash, challenge)).toBeNull();
  });

  test("countWrongVerifier burns the code at the limit, for its own project only", async () => {
    const challenge = challengeOf("v".repeat(43));
    const { project, session, grant } = await addLogin(store, { codeChallenge: challenge });
    const other = await addProject(store);
    for (let wrong = 0; wrong < 5; wrong++) {
      await store.grants.countWrongVerifier(other.id, grant.codeHash, 3);
    }
    await store.grants.countWrongVerifier(project.id, grant.codeHash, 3);
    await store.grants.countWrongVerifier(project.id, grant.codeHash, 3);
    expect(await store.grants.findLive(project.id, grant.id)).not.toBeNull();
    await store.grants.countWrongVerifier(project.id, grant.codeHash, 3);
    expect(await store.grants.findLive(project.id, grant.id)).toBeNull();
    expect(await store.grants.verify(project.id, grant.codeHash, challenge)).toBeNull();
    expect(await store.grants.deliver(project.id, session.id, "watch")).toBeNull();
  });

  test("T9 200 simultaneous verifies of one code: one success", async () => {
    const { project, session, grant } = await addLogin(store);
    const answers = await Promise.all(
      Array.from({ length: 200 }, () => store.grants.verify(project.id, grant.codeHash, null)),
    );
    expect(answers.filter((answer) => answer !== null)).toHaveLength(1);
    const verified = await store.sessions.find(project.id, session.id);
    expect(verified?.sequence).toBe(session.sequence + 1);
  });

  test("a verify whose transaction is undone leaves the code for the next", async () => {
    const { project, grant } = await addLogin(store);
    const failed = store.transaction(async (inside) => {
      expect(await inside.grants.verify(project.id, grant.codeHash, null)).not.toBeNull();
      throw new Error("crashed");
    });
    await expect(failed).rejects.toThrow("crashed");
    expect(await store.grants.verify(project.id, grant.codeHash, null)).not.toBeNull();
  });

  test("findLive finds the project's own live grant only, and answers null to no UUID", async () => {
    const { project, grant } = await addLogin(store);
    const other = await addProject(store);
    expect((await store.grants.findLive(project.id, grant.id))?.codeHash).toBe(grant.codeHash);
    expect(await store.grants.findLive(other.id, grant.id)).toBeNull();
    expect(await store.grants.findLive(project.id, "nonsense")).toBeNull();
    await endTime(grant.id);
    expect(await store.grants.findLive(project.id, grant.id)).toBeNull();
  });

  test("a grant for another project's session or subscriber is refused by the database", async () => {
    const { project, subscriber } = await addLogin(store);
    const bare = await addSession(store, project);
    const other = await addProject(store);
    const stranger = await store.subscribers.upsert(other.id, person(), true);
    await expect(addGrant(store, other, { subscriberId: subscriber.id })).rejects.toThrow(
      /foreign key/,
    );
    await expect(
      addGrant(store, other, { subscriberId: stranger.id, sessionId: bare.id }),
    ).rejects.toThrow(/foreign key/);
  });

  test("purge deletes old grants of static links with their prompts, and unanswered prompts (T25)", async () => {
    const project = await addProject(store);
    const who = person();
    const subscriber = await store.subscribers.upsert(project.id, who, true);
    const [old, used, fresh] = [
      await addGrant(store, project, { subscriberId: subscriber.id }),
      await addGrant(store, project, { subscriberId: subscriber.id }),
      await addGrant(store, project, { subscriberId: subscriber.id }),
    ];
    const ofSession = await addLogin(store, { project });
    const answered = promptDraft(who);
    await store.prompts.create(project.id, answered);
    await store.prompts.approve(project.id, answered.token, old.id);
    const [unanswered, live] = [promptDraft(person()), promptDraft(person())];
    await store.prompts.create(project.id, unanswered);
    await store.prompts.create(project.id, live);
    await database.query(
      `update prompts set expires_at = expires_at - interval '25 hours' where token = '${unanswered.token}'`,
    );
    for (const grant of [old, ofSession.grant]) await endTime(grant.id, 25);
    await database.query(
      `update grants set used_at = created_at - interval '25 hours',
         expires_at = expires_at - interval '25 hours' where id = '${used.id}'`,
    );
    expect(await store.grants.purge(24, 100)).toBe(3);
    expect(await store.grants.purge(24, 100)).toBe(0);
    const left = await database.query<{ id: string }>(
      `select id::text from grants where project_id = '${project.id}'`,
    );
    expect(left.map((row) => row.id).sort()).toEqual([fresh.id, ofSession.grant.id].sort());
    expect(await store.prompts.find(answered.token)).toBeNull();
    expect(await store.prompts.find(unanswered.token)).toBeNull();
    expect(await store.prompts.find(live.token)).not.toBeNull();
  });
});
