// Every REST call of somebody who was let in has its one line in the log, also when nobody could
// make sense of what it asked.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { awaitCondition } from "../support/await-condition.ts";
import { RUNTIMES, startTapin, type Tapin } from "../support/tapin.ts";

/** A request, and the reason that the log tells; null = it was answered. */
interface Probe {
  readonly what: string;
  readonly path: string;
  readonly init?: RequestInit;
  readonly reason: string | null;
}

const post = (body: string, type = "application/json"): RequestInit => ({
  method: "POST",
  headers: { "content-type": type },
  body,
});

const PROBES: readonly Probe[] = [
  { what: "answered", path: "/v1/auth/link", reason: null },
  { what: "an unknown field in the query", path: "/v1/auth/link?x=1", reason: "VALIDATION_FAILED" },
  {
    what: "no JSON",
    path: "/v1/auth/session",
    init: post("{"),
    reason: "VALIDATION_FAILED",
  },
  {
    what: "an unknown field in the body",
    path: "/v1/auth/session",
    init: post('{"x":1}'),
    reason: "VALIDATION_FAILED",
  },
  {
    what: "a rule that is broken",
    path: "/v1/auth/verify",
    init: post('{"code":""}'),
    reason: "VALIDATION_FAILED",
  },
  {
    what: "too much",
    path: "/v1/auth/session",
    init: post(`{"state":"${"x".repeat(100_000)}"}`),
    reason: "BODY_TOO_LARGE",
  },
  {
    what: "a session that nobody knows",
    path: "/v1/auth/session/AAAAAAAAAAAAAAAA/status",
    reason: "SESSION_NOT_FOUND",
  },
];

describe.each(RUNTIMES)("on %s", (runtime) => {
  let tapin: Tapin;
  beforeAll(async () => {
    tapin = await startTapin({ runtime });
  });
  afterAll(async () => {
    await tapin?.end();
  });

  const linesOf = (id: string) =>
    tapin
      .output()
      .split("\n")
      .filter((line) => line.includes('"event":"call"') && line.includes(`"request_id":"${id}"`))
      .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);

  it.each(PROBES)("$what: one line, with its reason", async ({ what, path, init, reason }) => {
    const id = `probe-${what.replaceAll(" ", "-")}`;
    const headers = new Headers(init?.headers);
    headers.set("authorization", `Bearer ${tapin.apiKey}`);
    headers.set("x-request-id", id);
    const answer = await fetch(tapin.url + path, { ...init, headers });
    expect(answer.ok).toBe(reason === null);
    await answer.text();
    await awaitCondition("the call is logged", async () => linesOf(id).length > 0);
    const lines = linesOf(id);
    expect(lines.map((line) => line.reason ?? null)).toEqual([reason]);
    expect(lines[0]).toMatchObject({ dialect: "rest", project: "demo" });
  });
});
