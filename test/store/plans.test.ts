// How PostgreSQL goes about the statements of every day on tables that have grown: by an index,
// never over all rows. The statements are those that the store sends, caught on their way.

import pg from "pg";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { noteTap } from "../../src/actions/note-tap.ts";
import type { Project } from "../../src/core/project.ts";
import { buttonData } from "../../src/core/prompt.ts";
import { DATABASES, type RunningDatabase } from "../support/databases.ts";
import { queryOnce } from "../support/postgres.ts";
import { portsOver } from "../support/test-ports.ts";
import {
  addLogin,
  addProject,
  addSession,
  person,
  promptDraft,
  settlingBot,
  text,
} from "./seed.ts";

/** Rows of each table: enough for PostgreSQL to think twice about reading all of them. */
const ROWS = 20_000;

/** A day's worth in little: the older half has ended, the oldest long ago. */
const FILL = [
  `insert into subscribers (project_id, channel, messenger_user_id, first_name, lang)
    select $1, 'telegram', 'u' || n, 'A', 'en' from generate_series(1, ${ROWS}) as n`,
  `insert into sessions (id, project_id, status, sequence, ttl_seconds, owner_channel,
      owner_user_id, expires_at, ended_at)
    select 'filling' || lpad(n::text, 9, '0'), $1, case when n % 2 = 0 then 'completed' else 'opened' end,
      3, 300, 'telegram', 'u' || n, now() + n * interval '1 second' - interval '3 hours',
      case when n % 2 = 0 then now() + n * interval '10 seconds' - interval '2 days' end
    from generate_series(1, ${ROWS}) as n`,
  `insert into grants (id, project_id, session_id, subscriber_id, code_hash, expires_at)
    select gen_random_uuid(), $1, case when n % 3 > 0 then 'filling' || lpad(n::text, 9, '0') end,
      subscribers.id, md5(n::text), now() + n * interval '10 seconds' - interval '2 days'
    from generate_series(1, ${ROWS}) as n join subscribers on messenger_user_id = 'u' || n`,
  `insert into prompts (token, project_id, session_id, grant_id, channel, messenger_user_id, lang,
      bot, status, message_id, chat_id, settled, expires_at, closed_at)
    select 't' || n, $1, session_id, grants.id, 'telegram', 'u' || n, 'en', 'telegram:' || n % 9,
      case when n % 2 = 0 then 'approved' else 'cancelled' end, 'm' || n, 'c' || n, n % 50 > 0,
      now() + n * interval '10 seconds' - interval '2 days', now()
    from generate_series(1, ${ROWS}) as n join grants on code_hash = md5(n::text)`,
  `insert into updates (bot, key, payload, noted_at, finished_at)
    select 'telegram:1', n::text, null, now() - n * interval '10 seconds', case when n > 5 then now() end
    from generate_series(1, ${ROWS}) as n`,
  `insert into idempotency_keys (project_id, operation, key_hash, body_hash, created_at)
    select $1, 'verify_code', n::text, 'b', now() - n * interval '1 second'
    from generate_series(1, ${ROWS}) as n`,
];

/** Idempotency keys are not among them: they are purged after minutes. */
const BIG = ["sessions", "grants", "prompts", "subscribers", "updates"];

interface Plan {
  readonly "Node Type": string;
  readonly "Relation Name"?: string;
  readonly Plans?: readonly Plan[];
}

/** The big tables that this plan reads from end to end. */
function readWhole(plan: Plan): readonly string[] {
  const name = plan["Relation Name"] ?? "";
  const own = plan["Node Type"] === "Seq Scan" && BIG.includes(name) ? [name] : [];
  return [...own, ...(plan.Plans ?? []).flatMap(readWhole)];
}

interface Sent {
  readonly text: string;
  readonly values: readonly unknown[];
}

describe("plans of PostgreSQL on grown tables", () => {
  let database: RunningDatabase & { readonly url: string };
  let project: Project;
  beforeAll(async () => {
    database = (await DATABASES[1]?.start()) as typeof database;
    project = await addProject(database.store);
    for (const statement of FILL) {
      await queryOnce(database.url, statement, statement.includes("$1") ? [project.id] : []);
    }
    await queryOnce(database.url, "analyze");
  });
  afterAll(async () => {
    if (database !== undefined) await queryOnce(database.url, "truncate projects cascade");
    await database?.stop();
  });

  /** What the store sends for this work. */
  async function sentFor(work: () => Promise<unknown>): Promise<readonly Sent[]> {
    const query = vi.spyOn(pg.Client.prototype, "query");
    await work();
    const given = query.mock.calls.map(([first]) => first as unknown as Sent | string);
    query.mockRestore();
    return given.filter((one) => typeof one === "object");
  }

  /** The plan on a connection that is set up like any other of PostgreSQL. */
  async function explain({ text, values }: Sent): Promise<Plan> {
    const rows = await queryOnce(database.url, `explain (format json) ${text}`, values);
    return (rows as readonly [{ "QUERY PLAN": readonly [{ Plan: Plan }] }])[0]["QUERY PLAN"][0]
      .Plan;
  }

  type Work = () => Promise<unknown>;
  const works: Readonly<Record<string, () => Promise<Work> | Work>> = {
    "find a session": () => () => database.store.sessions.findAny("filling000000002"),
    "create a session": () => () => addSession(database.store, project),
    "open a session": async () => {
      const { id } = await addSession(database.store, project);
      return () => database.store.sessions.open(id, person());
    },
    "approve and cancel a session": async () => {
      const { session, who } = await addLogin(database.store, { project });
      return async () => {
        await database.store.sessions.approve(project.id, session.id, who);
        await database.store.sessions.cancel(project.id, session.id, who);
      };
    },
    "deliver a code": async () => {
      const { session } = await addLogin(database.store, { project });
      return () => database.store.grants.read(project.id, session.id, "watch");
    },
    "verify a code, and count a wrong verifier": async () => {
      const { grant } = await addLogin(database.store, { project });
      return async () => {
        await database.store.grants.countWrongVerifier(project.id, grant.codeHash, 3);
        await database.store.grants.verify(project.id, grant.codeHash, null);
      };
    },
    "a subscriber logs in, is found, ends notifications": async () => {
      const { subscribers } = database.store;
      return async () => {
        const { id } = await subscribers.upsert(project.id, person(), true);
        await subscribers.find(project.id, id);
        await subscribers.unsubscribe(person(), { projectId: null });
        await subscribers.setReachable(person(), false, { projectId: null });
      };
    },
    "a prompt is made, shown, found, closed, counted": () => async () => {
      const { prompts } = database.store;
      const who = person();
      const draft = promptDraft(who);
      await prompts.create(project.id, draft);
      await prompts.setShown(draft.token, { chatId: "1", messageId: "1" });
      await prompts.find(draft.token);
      await prompts.close(project.id, draft.token, "cancelled");
      await prompts.countCancelled(project.id, { channel: who.channel, userId: who.userId }, 600);
    },
    "a tap on Login is noted and decided": async () => {
      const who = person();
      const { id } = await addSession(database.store, project);
      await database.store.sessions.open(id, who);
      const draft = promptDraft(who, { sessionId: id });
      await database.store.prompts.create(project.id, draft);
      const note = { bot: "telegram:1", key: text(8), payload: null, holder: "p" };
      const data = buttonData(draft.token, { kind: "login" });
      return () => noteTap(portsOver(database), note, { person: who, data });
    },
    "settle prompts": () => () =>
      database.store.prompts.takeStale([settlingBot("telegram:1"), settlingBot("telegram:2")], 100),
    "expire sessions": () => () => database.store.sessions.expire(100),
    "purge sessions": () => () => database.store.sessions.purge(24, 100),
    "purge grants and prompts of static links": () => () => database.store.grants.purge(24, 100),
    "purge updates and idempotency keys": () => async () => {
      await database.store.updates.purge(24, 100);
      await database.store.idempotency.purge(600, 100);
    },
    "note, finish and take updates": () => async () => {
      const { updates } = database.store;
      const key = text(8);
      await updates.note("telegram:1", { key, payload: {}, holder: "p" });
      await updates.finish("telegram:1", key);
      const take = { holder: "p", olderThanSeconds: 90, maxAgeSeconds: 1800, limit: 10 };
      await updates.takeUnfinished("telegram:1", take);
    },
    "delete a person": async () => {
      const { subscriber } = await addLogin(database.store, { project });
      return () => database.store.subscribers.delete(project.id, subscriber.id);
    },
  };

  test.each(Object.entries(works))("%s: no table is read from end to end", async (_, prepare) => {
    const work = await prepare();
    const sent = (await sentFor(work)).filter(({ text }) => /\b(from|into|update)\b/.test(text));
    expect(sent.length).toBeGreaterThan(0);
    for (const statement of sent) {
      expect(readWhole(await explain(statement)), statement.text).toEqual([]);
    }
  });

  test("what is read from end to end is noticed", async () => {
    const statement = { text: "select from sessions where state = $1", values: ["x"] };
    expect(readWhole(await explain(statement))).toEqual(["sessions"]);
  });
});

describe("plans that are kept", () => {
  test("a plan made while the tables were small does not read all of them", async () => {
    const database = (await DATABASES[1]?.start()) as RunningDatabase & { readonly url: string };
    const login = await addLogin(database.store);
    await queryOnce(database.url, "analyze");
    const { id } = login.session;
    // The sixth time the plan is kept.
    for (let call = 0; call < 10; call++) await database.store.sessions.findAny(id);
    const plan = await database.query<{ "QUERY PLAN": string }>(
      `explain execute tapin_look_at_sessions(array['${id}'])`,
    );
    const lines = plan.map((row) => row["QUERY PLAN"]).join("\n");
    expect(lines).toContain("sessions_pkey");
    expect(lines).not.toContain("Seq Scan");
    await database.stop();
  });
});

describe("the kept plan of a tap", () => {
  test("made while the tables were small, it looks for rows by what the tap carries", async () => {
    const database = (await DATABASES[1]?.start()) as RunningDatabase & { readonly url: string };
    const project = await addProject(database.store);
    const taps = [];
    for (let count = 0; count < 10; count++) {
      const who = person();
      const { id } = await addSession(database.store, project);
      await database.store.sessions.open(id, who);
      const draft = promptDraft(who, { sessionId: id });
      await database.store.prompts.create(project.id, draft);
      taps.push({ who, token: draft.token });
    }
    // The sixth time the plan is kept.
    for (const { who, token } of taps) {
      const note = { bot: "telegram:1", key: text(8), payload: null, holder: "p" };
      const data = buttonData(token, { kind: "login" });
      await noteTap(portsOver(database), note, { person: who, data });
    }
    const texts = Array.from({ length: 13 }, () => "array['x']").join(", ");
    const rows = await database.query<{ "QUERY PLAN": string }>(
      `explain execute tapin_note_taps(${texts}, array[gen_random_uuid()], array['x'], array[1])`,
    );
    const plan = rows.map((row) => row["QUERY PLAN"]).join("\n");
    expect(plan).toContain("prompts_pkey");
    for (const wrong of [
      "prompts_one_live",
      "prompts_of_account",
      "subscribers_project_id_id_key",
    ]) {
      expect(plan).not.toContain(wrong);
    }
    await database.stop();
  });
});

describe("what changes all the time", () => {
  // PostgreSQL changes a row in its page, and no index, only when no index says anything of the
  // column.
  test.each([
    ["sessions", ["status", "sequence", "owner_channel"]],
    ["grants", ["recipient", "used_at", "wrong_verifiers"]],
    ["subscribers", ["first_name", "username", "lang", "subscribed", "reachable", "updated_at"]],
  ])("is in no index of %s", async (table, columns) => {
    const database = (await DATABASES[1]?.start()) as RunningDatabase;
    const indexed = await database.query<{ definition: string }>(
      `select pg_get_indexdef(indexrelid) as definition from pg_index
        where indrelid = '${table}'::regclass`,
    );
    await database.stop();
    expect(indexed.length).toBeGreaterThan(2);
    const text = indexed.map(({ definition }) => definition).join("\n");
    for (const column of columns) expect(text).not.toMatch(new RegExp(`\\b${column}\\b`));
  });
});
