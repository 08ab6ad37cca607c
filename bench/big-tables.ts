// CreateSession and VerifyCode on a database as it is after a long and busy day, against an empty
// one. Both are Tapin: one process on each database.

import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";
import { queryOnce } from "../test/support/postgres.ts";
import { contest, type Round, type Side } from "./support/contest.ts";
import { restLoad } from "./support/rest-load.ts";
import type { Effort, Finding, Scenario } from "./support/scenario.ts";
import type { ServerProcess } from "./support/server-process.ts";
import { completeSessions, openSessions } from "./support/sessions.ts";
import { type BenchProject, makeProject, type Stage } from "./support/stage.ts";

/** Sessions for each person. */
const SESSIONS_EACH = 10;

/** Rows of one statement. */
const CHUNK = 500_000;

/** Codes of a round. */
const CODES = 10_000;

/** So many commits one after the other, each within so many milliseconds: the disk is at rest. */
const QUICK_COMMITS = 100;
const QUICK_MS = 30;

/** Longest wait for that, in milliseconds. */
const SETTLE_LIMIT_MS = 300_000;

const TOO_LONG = "filling ten million rows takes many minutes";

/** The scenario. */
export const bigTables: Scenario = {
  name: "big-tables",
  about: "create and verify at 10 M sessions and 1 M subscribers against an empty database",
  leftOut: TOO_LONG,
  missing: () => null,
  async run(stage, effort) {
    const empty = await open(stage);
    const full = await open(stage);
    const sessions = Math.ceil(effort.bigSessions * effort.scale);
    await fill(full, sessions);
    const calls = { calls: Math.max(64, CODES * effort.scale) };
    const total = calls.calls * (effort.rounds + effort.warmUps);
    const sides = { floor: empty, tapin: full };
    const creating = await contest(
      { floor: creator(sides.floor), tapin: creator(sides.tapin) },
      effort,
    );
    const verifying = await contest(
      { floor: await verifier(sides.floor, total), tapin: await verifier(sides.tapin, total) },
      { ...effort, length: calls },
    );
    await Promise.all([empty.server.stop(), full.server.stop()]);
    const finding = (what: string, outcome: typeof creating): Finding => ({
      what: `REST ${what}, ${sessions.toLocaleString("en-US")} sessions`,
      unit: "us a call",
      floorName: "empty database",
      ...outcome,
      goal: { of: "ratio", is: "at most", limit: 1.2 },
    });
    return [finding("CreateSession", creating), finding("VerifyCode", verifying)];
  },
};

/** One Tapin and its database. */
interface Place {
  readonly server: ServerProcess;
  readonly databaseUrl: string;
  readonly project: BenchProject;
}

async function open(stage: Stage): Promise<Place> {
  const databaseUrl = await stage.createDatabase();
  const server = await stage.startTapin(databaseUrl);
  return { server, databaseUrl, project: await makeProject(server.url, databaseUrl) };
}

/**
 * A day's sessions: six of ten verified, the others expired, all within the 24 hours after which
 * they are purged.
 */
async function fill({ databaseUrl, project }: Place, sessions: number): Promise<void> {
  const people = Math.ceil(sessions / SESSIONS_EACH);
  const values = [project.id];
  // The rows fit together: checking that again for each would take longer than writing them.
  const run = (text: string) => queryOnce(withoutTriggers(databaseUrl), text, values);
  for (let first = 1; first <= people; first += CHUNK) {
    await run(peopleFrom(first, Math.min(first + CHUNK - 1, people)));
  }
  for (let first = 1; first <= sessions; first += CHUNK) {
    const last = Math.min(first + CHUNK - 1, sessions);
    await run(sessionsFrom(first, last, sessions));
    await run(grantsFrom(first, last, people));
  }
  await queryOnce(databaseUrl, "vacuum (freeze, analyze)");
  await queryOnce(databaseUrl, "checkpoint");
  await settle(databaseUrl);
}

/**
 * Until the disk has taken what was filled: before that a commit may wait for seconds behind it.
 */
async function settle(databaseUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  const givenUpAt = performance.now() + SETTLE_LIMIT_MS;
  for (let quick = 0; quick < QUICK_COMMITS && performance.now() < givenUpAt; ) {
    const beganAt = performance.now();
    await client.query("select pg_logical_emit_message(true, 'bench', 'settle')");
    quick = performance.now() - beganAt < QUICK_MS ? quick + 1 : 0;
    await pause(QUICK_MS);
  }
  await client.end();
}

/** The same database by a connection on which no trigger runs, foreign keys included. */
function withoutTriggers(databaseUrl: string): string {
  const url = new URL(databaseUrl);
  url.searchParams.set("options", "-c session_replication_role=replica");
  return url.href;
}

function peopleFrom(first: number, last: number): string {
  return `insert into subscribers (id, project_id, channel, messenger_user_id, first_name, lang)
    select lpad(n::text, 32, '0')::uuid, $1, 'telegram', (1000000 + n)::text, 'Anna', 'en'
    from generate_series(${first}, ${last}) n`;
}

function sessionsFrom(first: number, last: number, all: number): string {
  return `insert into sessions (id, project_id, status, sequence, state, ttl_seconds,
      owner_channel, owner_user_id, created_at, expires_at, ended_at)
    select substr(md5(n::text), 1, 16), $1, case when n % 10 < 6 then 'verified' else 'expired' end,
      4, 'hello', 300, 'telegram', (1000001 + n % ${Math.ceil(all / SESSIONS_EACH)})::text,
      made_at, made_at + interval '5 min', made_at + interval '1 min'
    from generate_series(${first}, ${last}) n,
      lateral (select now() - interval '23 hours' * (1 - n::float8 / ${all}) as made_at)
    on conflict do nothing`;
}

function grantsFrom(first: number, last: number, people: number): string {
  return `insert into grants
      (id, project_id, session_id, subscriber_id, code_hash, expires_at, used_at, recipient)
    select md5('g' || n)::uuid, $1, substr(md5(n::text), 1, 16),
      lpad((n % ${people} + 1)::text, 32, '0')::uuid, md5('a' || n) || md5('b' || n),
      now(), now(), 'x'
    from generate_series(${first}, ${last}) n where n % 10 < 6
    on conflict do nothing`;
}

function creator({ server, project }: Place): Side {
  const call = { url: server.url, method: "POST", path: "/v1/auth/session" } as const;
  const body = '{"state":"hello"}';
  const { apiKey } = project;
  const round = async (length: Effort["length"]) =>
    timeEach(await restLoad({ ...call, apiKey, body, length }));
  return { server, round };
}

async function verifier({ server, databaseUrl, project }: Place, count: number): Promise<Side> {
  const batch = { databaseUrl, projectId: project.id, count, mark: "v" };
  await openSessions(batch);
  const codes = (await completeSessions(batch)).values();
  const nextBody = () => JSON.stringify({ code: codes.next().value });
  const call = { url: server.url, method: "POST", path: "/v1/auth/verify" } as const;
  const { apiKey } = project;
  const round = async (length: Effort["length"]) =>
    timeEach(await restLoad({ ...call, apiKey, nextBody, length }));
  return { server, round };
}

function timeEach({ figure, loadMs }: Round): Round {
  return { figure: 1_000_000 / figure, loadMs };
}
