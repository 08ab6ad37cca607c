// The REST form of AuthService byte for byte, as section 1 of the contract shows it to clients that
// exist already.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { codeOf } from "../support/person.ts";
import { type RestCall, restFetch } from "../support/rest-client.ts";
import { type Stage, type StoryProject, startStage } from "../support/story-stage.ts";

let stage: Stage;
let project: StoryProject;
beforeAll(async () => {
  stage = await startStage();
  project = await stage.project();
});
afterAll(() => stage.stop());

async function ask(path: string, call: RestCall = {}): Promise<{ status: number; text: string }> {
  const answer = await restFetch(`${stage.url}/v1/auth/${path}`, {
    bearer: project.apiKey,
    ...call,
  });
  expect(answer.headers.get("content-type")).toBe("application/json");
  expect(answer.headers.get("x-request-id")).toMatch(/^[A-Za-z0-9._-]{1,64}$/);
  return { status: answer.status, text: await answer.text() };
}

async function create(body: object = {}): Promise<Record<string, string>> {
  return JSON.parse((await ask("session", { method: "POST", body })).text);
}

const bot = () => `${stage.url}/sandbox/telegram/TapinDemoBot`;
const maxBot = () => `${stage.url}/sandbox/max/id770001_bot`;

describe("GET /v1/auth/link", () => {
  it("answers with a static link for each messenger, and configured", async () => {
    expect(await ask("link")).toEqual({
      status: 200,
      text:
        `{"telegram_link":"${bot()}?start=auth_${project.slug}",` +
        `"max_link":"${maxBot()}?start=auth_${project.slug}","configured":true}`,
    });
  });

  it("says configured false without a callback URL", async () => {
    const bare = await stage.project({ callback_url: null });
    expect((await ask("link", { bearer: bare.apiKey })).text).toBe(
      `{"telegram_link":"${bot()}?start=auth_${bare.slug}",` +
        `"max_link":"${maxBot()}?start=auth_${bare.slug}","configured":false}`,
    );
  });
});

describe("POST /v1/auth/session", () => {
  it("answers with the six fields in their order and leaves match_code out", async () => {
    const { status, text } = await ask("session", {
      method: "POST",
      body: { state: "browser_session_abc" },
    });
    const { session_id, watch_token } = JSON.parse(text);
    expect(session_id).toMatch(/^[A-Za-z0-9]{16}$/);
    expect(watch_token).toMatch(/^tapin_watch_[A-Za-z0-9]{32}$/);
    expect({ status, text }).toEqual({
      status: 200,
      text:
        `{"session_id":"${session_id}","telegram_link":"${bot()}?start=auths_${session_id}",` +
        `"max_link":"${maxBot()}?start=auths_${session_id}","expires_in":300,"interval":2,"watch_token":"${watch_token}"}`,
    });
  });

  it("adds match_code at the end when one was asked for", async () => {
    const { text } = await ask("session", { method: "POST", body: { match_code: true } });
    expect(text).toMatch(/"watch_token":"tapin_watch_[A-Za-z0-9]{32}","match_code":"[1-9]\d"\}$/);
  });

  it.each([
    [{ state: null, redirect_uri: null, code_challenge: null, match_code: false, client: null }],
    [{ client: { ip: null, user_agent: null } }],
  ])("takes null for what is not given: %j", async (body) => {
    expect((await ask("session", { method: "POST", body })).status).toBe(200);
  });
});

describe("GET /v1/auth/session/{session_id}/status", () => {
  it("says pending, completed with the code once, then expired", async () => {
    const session = await create();
    const poll = async () => (await ask(`session/${session.session_id}/status`)).text;
    expect(await poll()).toBe('{"status":"pending"}');
    const confirmed = await stage.person().logIn(session.telegram_link ?? null);
    expect(await poll()).toBe(`{"status":"completed","code":"${codeOf(confirmed)}"}`);
    expect(await poll()).toBe('{"status":"expired"}');
  });

  it("says cancelled after DELETE, which answers with the status too", async () => {
    const { session_id } = await create();
    const cancelled = { status: 200, text: '{"status":"cancelled"}' };
    expect(await ask(`session/${session_id}`, { method: "DELETE" })).toEqual(cancelled);
    expect(await ask(`session/${session_id}/status`)).toEqual(cancelled);
  });
});

describe("POST /v1/auth/verify", () => {
  const verify = (code: string) => ask("verify", { method: "POST", body: { code } });

  it("answers with the eight fields in their order, null and [] included", async () => {
    const session = await create({ state: "browser_session_abc" });
    const person = stage.person({ first_name: "John", username: "johndoe", lang: "ru" });
    await person.open(session.telegram_link ?? null);
    const code = codeOf(await person.tap("Войти"));
    const { status, text } = await verify(code);
    expect({ status, text }).toEqual({
      status: 200,
      text:
        '{"channel":"telegram","first_name":"John","username":"johndoe","avatar_url":null,' +
        `"subscriber_id":"${JSON.parse(text).subscriber_id}","lang":"ru","tags":[],` +
        '"state":"browser_session_abc"}',
    });
  });

  it("says null for a person without a username and a session without a state", async () => {
    const session = await create();
    const { text } = await verify(
      codeOf(await stage.person().logIn(session.telegram_link ?? null)),
    );
    expect(text).toContain('"username":null,');
    expect(text).toMatch(/,"state":null\}$/);
  });
});

describe("errors", () => {
  const own = { headers: { "x-request-id": "story-1" } };

  it("code_invalid has four fields and no violations", async () => {
    expect(await ask("verify", { ...own, method: "POST", body: { code: "nonsense" } })).toEqual({
      status: 400,
      text: '{"error":"The code is not valid.","code":"code_invalid","retryable":false,"request_id":"story-1"}',
    });
  });

  it.each([
    ["an unknown field of the body", "session", { method: "POST", body: { sate: "x" } }, "sate"],
    ["an unknown field of the query", "link?sate=x", {}, "sate"],
    ["a field that breaks a rule", "session", { method: "POST", body: { state: "" } }, "state"],
    [
      "a nested field that breaks a rule",
      "session",
      { method: "POST", body: { client: { ip: "somewhere" } } },
      "client.ip",
    ],
  ])("validation_failed names %s", async (_, path, call, field) => {
    const { status, text } = await ask(path, { ...own, ...call });
    expect(status).toBe(400);
    const envelope = JSON.parse(text);
    expect(Object.keys(envelope)).toEqual([
      "error",
      "code",
      "retryable",
      "request_id",
      "violations",
    ]);
    expect(envelope).toMatchObject({ code: "validation_failed", request_id: "story-1" });
    expect(envelope.violations).toEqual([{ field, message: expect.any(String) }]);
  });

  it.each([
    ["no credentials", null, 'Bearer realm="tapin"'],
    [
      "an unknown key",
      `tapin_live_${"x".repeat(32)}`,
      'Bearer realm="tapin", error="invalid_token"',
    ],
  ])("unauthorized challenges a caller with %s", async (_, bearer, challenge) => {
    const answer = await restFetch(`${stage.url}/v1/auth/link`, { ...own, bearer });
    expect(answer.status).toBe(401);
    expect(answer.headers.get("www-authenticate")).toBe(challenge);
    expect(await answer.text()).toBe(
      '{"error":"The credentials are missing or not valid.","code":"unauthorized","retryable":false,"request_id":"story-1"}',
    );
  });

  it("a key in a query string is refused, even a good one", async () => {
    const { status, text } = await ask(`link?api_key=${project.apiKey}`, own);
    expect(status).toBe(400);
    expect(text).not.toContain(project.apiKey);
  });
});
