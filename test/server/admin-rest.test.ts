// AdminService as REST: the life of a project and of its keys, and what an operator is told when it
// cannot be.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RUNTIMES, startTapin, type Tapin } from "../support/tapin.ts";
import { type Answer, ask, jsonOf } from "./raw-http.ts";

describe.each(RUNTIMES)("AdminService over REST on %s", (runtime) => {
  let tapin: Tapin;
  beforeAll(async () => {
    tapin = await startTapin({ runtime });
  });
  afterAll(async () => {
    expect(await tapin.end()).toBe(0);
  });

  const admin = (method: string, path: string, body?: object): Promise<Answer> =>
    ask(`${tapin.url}/v1/admin${path}`, {
      method,
      headers: { authorization: `Bearer ${tapin.adminToken}` },
      ...(body === undefined ? {} : { body }),
    });
  const linkStatus = async (apiKey: string) => {
    const headers = { authorization: `Bearer ${apiKey}` };
    return (await ask(`${tapin.url}/v1/auth/link`, { headers })).status;
  };

  it("a project is created, read, changed field by field and cleared", async () => {
    const created = await admin("POST", "/projects", { slug: "life", name: "Life" });
    expect(created.status).toBe(200);
    expect(jsonOf(created)).toEqual({
      slug: "life",
      name: "Life",
      callback_url: null,
      origin_url: null,
      redirect_uris: [],
      match_code: "optional",
      subscription: "automatic",
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    });
    const change = {
      callback_url: "https://life.example/in?x=1",
      origin_url: "https://life.example",
    };
    expect(jsonOf(await admin("PATCH", "/projects/life", change))).toMatchObject({
      ...change,
      name: "Life",
    });
    const uris = ["https://life.example/a", "http://127.0.0.1:3000/b"];
    const listed = { redirect_uris: uris, match_code: "required" };
    expect(jsonOf(await admin("PATCH", "/projects/life", listed))).toMatchObject({
      ...change,
      ...listed,
    });
    const renamed = await admin("PATCH", "/projects/life", { name: "Жизнь 🌱" });
    expect(jsonOf(renamed)).toMatchObject({ ...change, ...listed, name: "Жизнь 🌱" });
    const cleared = { callback_url: null, origin_url: null, redirect_uris: [] };
    await admin("PATCH", "/projects/life", cleared);
    expect(jsonOf(await admin("GET", "/projects/life"))).toMatchObject({
      ...cleared,
      name: "Жизнь 🌱",
      match_code: "required",
    });
  });

  it("PATCH with an empty body changes nothing, and the slug cannot be changed", async () => {
    await admin("POST", "/projects", { slug: "still", name: "Still" });
    const before = (await admin("GET", "/projects/still")).text;
    expect((await admin("PATCH", "/projects/still", {})).text).toBe(before);
    const moved = await admin("PATCH", "/projects/still", { slug: "other" });
    expect(moved.status).toBe(400);
    expect(jsonOf(moved)).toMatchObject({ violations: [{ field: "slug" }] });
  });

  it("an API key is shown once, works, is revoked at once, and stays listed", async () => {
    await admin("POST", "/projects", { slug: "keys", name: "Keys" });
    const made = jsonOf(await admin("POST", "/projects/keys/keys", { name: "server" }));
    const apiKey = String(made.api_key);
    expect(apiKey).toMatch(/^tapin_live_[A-Za-z0-9]{32}$/);
    expect(Object.keys(made).sort()).toEqual(["api_key", "key_id"]);
    const second = jsonOf(await admin("POST", "/projects/keys/keys", { name: "worker" }));
    expect(await linkStatus(apiKey)).toBe(200);
    const revoke = `/projects/keys/keys/${made.key_id}`;
    expect(await admin("DELETE", revoke)).toMatchObject({ status: 200, text: "{}" });
    expect(await linkStatus(apiKey)).toBe(401);
    expect(await linkStatus(String(second.api_key))).toBe(200);
    expect((await admin("DELETE", revoke)).status).toBe(200);
    const list = await admin("GET", "/projects/keys/keys");
    const { keys } = jsonOf(list) as { keys: Record<string, unknown>[] };
    expect(keys.map(({ name }) => name)).toEqual(["server", "worker"]);
    expect(keys[0]).toEqual({
      key_id: made.key_id,
      name: "server",
      hint: apiKey.slice(-4),
      created_at: expect.any(String),
      last_used_at: expect.any(String),
      revoked_at: expect.any(String),
    });
    expect(keys[1]).toMatchObject({ revoked_at: null });
    expect(list.text).not.toContain(apiKey);
    expect(tapin.output()).not.toContain(apiKey);
  });

  it("projects are listed by slug, a page at a time, each exactly once", async () => {
    for (const slug of ["page-c", "page-a", "page-b"]) {
      await admin("POST", "/projects", { slug, name: slug });
    }
    const seen: string[] = [];
    let token = "";
    do {
      const page = jsonOf(await admin("GET", `/projects?page_size=2&page_token=${token}`));
      const projects = page.projects as { slug: string }[];
      expect(projects.length).toBeLessThanOrEqual(2);
      seen.push(...projects.map(({ slug }) => slug));
      token = String(page.next_page_token);
    } while (token !== "");
    expect(seen).toEqual([...seen].sort());
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen).toEqual(expect.arrayContaining(["demo", "page-a", "page-b", "page-c"]));
    const whole = jsonOf(await admin("GET", "/projects")) as { projects: { slug: string }[] };
    expect(whole.projects.map(({ slug }) => slug)).toEqual(seen);
  });

  it.each([
    ["page_size=-1", "page_size"],
    ["page_size=101", "page_size"],
    ["page_size=many", "page_size"],
    ["page_token=%20%20", "page_token"],
    ["page_token=Li4vLi4", "page_token"],
    [`page_token=${"a".repeat(200)}`, "page_token"],
    ["size=2", "size"],
  ])("refuses to list with ?%s and names %s", async (query, field) => {
    const answer = await admin("GET", `/projects?${query}`);
    expect(answer.status).toBe(400);
    expect(jsonOf(answer)).toMatchObject({ code: "validation_failed", violations: [{ field }] });
  });

  it("a slug is taken once", async () => {
    const project = { slug: "twice", name: "Twice" };
    const answers = await Promise.all([1, 2, 3].map(() => admin("POST", "/projects", project)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409]);
    const refused = answers.find(({ status }) => status === 409) as Answer;
    expect(jsonOf(refused)).toMatchObject({
      error: "The slug twice is taken.",
      code: "conflict",
      retryable: false,
    });
  });

  it.each([
    ["GET", "/projects/nobody", undefined, "project_not_found"],
    ["PATCH", "/projects/nobody", { name: "X" }, "project_not_found"],
    ["GET", "/projects/nobody/keys", undefined, "project_not_found"],
    ["POST", "/projects/nobody/keys", { name: "X" }, "project_not_found"],
    ["DELETE", "/projects/nobody/keys/x", undefined, "project_not_found"],
    ["DELETE", "/projects/demo/keys/x", undefined, "not_found"],
    ["DELETE", "/projects/demo/keys/8e0c7e3a-3b1f-4f0e-9d1a-0a4a6d7f5b11", undefined, "not_found"],
    ["GET", "/projects/demo/nothing", undefined, "not_found"],
    ["GET", "/projects/", undefined, "not_found"],
  ])("%s %s is 404", async (method, path, body, code) => {
    const answer = await admin(method, path, body);
    expect(answer.status).toBe(404);
    expect(jsonOf(answer)).toMatchObject({ code });
  });

  it.each([
    ["GET", "/projects/%00", undefined],
    ["GET", "/projects/Demo", undefined],
    ["PATCH", "/projects/a%00b", { name: "X" }],
    ["GET", "/projects/%00/keys", undefined],
    ["POST", "/projects/%00/keys", { name: "X" }],
    ["DELETE", "/projects/%00/keys/x", undefined],
    ["GET", "/projects/%00/bots", undefined],
    ["PUT", "/projects/%00/bots/telegram", { token: "1:x" }],
    ["DELETE", "/projects/%00/bots/telegram", undefined],
  ])("%s %s is refused for what cannot be a slug", async (method, path, body) => {
    const answer = await admin(method, path, body);
    expect(answer.status).toBe(400);
    expect(jsonOf(answer)).toMatchObject({
      code: "validation_failed",
      violations: [{ field: "slug" }],
    });
  });

  it.each(["a\u0000b", "a\u202eb", " a", "  "])("a key cannot be named %j", async (name) => {
    const answer = await admin("POST", "/projects/demo/keys", { name });
    expect(answer.status).toBe(400);
    expect(jsonOf(answer)).toMatchObject({
      code: "validation_failed",
      violations: [{ field: "name", message: expect.stringMatching(/plain characters/) }],
    });
  });

  it("no credentials are taken from a URL, whatever their kind", async () => {
    for (const kind of ["live", "watch", "admin"]) {
      const answer = await admin("GET", `/projects?page_token=tapin_${kind}_abc`);
      expect(answer.status).toBe(400);
      expect(jsonOf(answer).error).toMatch(/^Credentials belong in the Authorization header/);
    }
  });

  it("another project's key cannot be revoked", async () => {
    await admin("POST", "/projects", { slug: "mine", name: "Mine" });
    await admin("POST", "/projects", { slug: "yours", name: "Yours" });
    const made = jsonOf(await admin("POST", "/projects/mine/keys", { name: "server" }));
    expect((await admin("DELETE", `/projects/yours/keys/${made.key_id}`)).status).toBe(404);
    expect(await linkStatus(String(made.api_key))).toBe(200);
  });

  const draft = { slug: "valid", name: "Valid" };
  it.each([
    ["an upper-case slug", { ...draft, slug: "Valid" }, "slug", /a-z/],
    ["a long slug", { ...draft, slug: "a".repeat(60) }, "slug", /a-z/],
    ["no slug", { name: "Valid" }, "slug", /a-z/],
    ["no name", { slug: "valid" }, "name", /empty/],
    ["a long name", { ...draft, name: "x".repeat(65) }, "name", /64/],
    ["a name that is not clean", { ...draft, name: "Va\u202elid" }, "name", /plain characters/],
    ["a name of spaces", { ...draft, name: "  " }, "name", /plain characters/],
    ["localhost", { ...draft, callback_url: "http://localhost/x" }, "callback_url", /127\.0\.0\.1/],
    ["plain http", { ...draft, callback_url: "http://a.example/" }, "callback_url", /https/],
    ["a path", { ...draft, origin_url: "https://a.example/x" }, "origin_url", /a\.example/],
    [
      "a fragment",
      { ...draft, redirect_uris: ["https://a.example/", "https://a.example/#x"] },
      "redirect_uris[1]",
      /fragment/,
    ],
    [
      "21 redirect URIs",
      { ...draft, redirect_uris: Array.from({ length: 21 }, (_, at) => `https://a.example/${at}`) },
      "redirect_uris",
      /20/,
    ],
    ["a policy nobody knows", { ...draft, match_code: "sometimes" }, "match_code", /optional/],
    ["a number for a text", { ...draft, name: 7 }, "name", /string|text/],
    ["a field nobody knows", { ...draft, colour: "red" }, "colour", /./],
  ])("refuses %s and says what is wrong", async (_, body, field, message) => {
    const answer = await admin("POST", "/projects", body);
    expect(answer.status).toBe(400);
    const { code, violations } = jsonOf(answer) as {
      code: string;
      violations: { field: string; message: string }[];
    };
    expect(code).toBe("validation_failed");
    expect(violations.map((violation) => violation.field)).toEqual([field]);
    expect(violations[0]?.message).toMatch(message);
  });

  it("tells all that is wrong in one answer", async () => {
    const urls = { callback_url: "x", origin_url: "y", redirect_uris: ["z"] };
    const answer = await admin("PATCH", "/projects/demo", urls);
    const { violations } = jsonOf(answer) as { violations: { field: string }[] };
    expect(violations.map(({ field }) => field)).toEqual([
      "callback_url",
      "origin_url",
      "redirect_uris[0]",
    ]);
  });

  it.each([
    ["nothing", undefined, 'Bearer realm="tapin"'],
    ["another scheme", "Basic YTpi", 'Bearer realm="tapin"'],
    ["a wrong token", "Bearer wrong", 'Bearer realm="tapin", error="invalid_token"'],
    ["an API key", "KEY", 'Bearer realm="tapin", error="invalid_token"'],
  ])("refuses %s with 401 and a challenge", async (_, given, challenge) => {
    const authorization = given === "KEY" ? `Bearer ${tapin.apiKey}` : given;
    const answer = await ask(`${tapin.url}/v1/admin/projects`, {
      headers: authorization === undefined ? {} : { authorization },
    });
    expect(answer.status).toBe(401);
    expect(answer.headers["www-authenticate"]).toBe(challenge);
    expect(jsonOf(answer)).toMatchObject({ code: "unauthorized" });
  });

  it("the admin token opens nothing of AuthService", async () => {
    expect(await linkStatus(tapin.adminToken)).toBe(401);
  });
});
