// How the demo site logs people in, over a real socket and against a stand-in for Tapin's API: what
// binds a login to the browser that started it, and who may use a code. The page's script:
// demo-browser.test.ts.

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createVisitors } from "../../src/sandbox/demo/visitors.ts";
import {
  callbackPath,
  createBrowser,
  finishBody,
  type Stub,
  startLogin,
  startStub,
} from "./demo-stub.ts";

const CODES: Readonly<Record<number, string>> = {
  400: "validation_failed",
  403: "forbidden",
  413: "body_too_large",
  415: "unsupported_media_type",
};

let stub: Stub;

beforeEach(async () => {
  stub = await startStub();
});

afterEach(async () => {
  await stub.stop();
});

describe("POST /demo/login", () => {
  it("starts a session bound by state and S256 challenge, and tells whose browser asks", async () => {
    const headers = { "user-agent": "Test/1.0" };
    const response = await createBrowser(stub).post("/demo/login", { match_code: true }, headers);
    const [session] = stub.sessions;
    expect(session?.request).toEqual({
      state: expect.stringMatching(/^[A-Za-z0-9_-]{22}$/),
      code_challenge: expect.stringMatching(/^[A-Za-z0-9_-]{43}$/),
      match_code: true,
      client: { ip: "127.0.0.1", user_agent: "Test/1.0" },
    });
    const answer = await response.json();
    expect(answer).toEqual({
      session_id: session?.id,
      telegram_link: `https://t.me/DemoBot?start=auths_${session?.id}`,
      max_link: null,
      expires_in: 300,
      interval: 1,
      watch_token: session?.watchToken,
      match_code: "42",
      qr_svg: expect.stringContaining("<svg"),
    });
    expect(JSON.stringify(answer)).not.toContain("tapin_live_");
  });

  it("draws the QR code dark on a white plate with four light modules around", async () => {
    const { qr_svg: svg } = await (await createBrowser(stub).post("/demo/login", {})).json();
    const size = Number(/viewBox="0 0 (\d+) /.exec(svg)?.[1]);
    expect(svg).toContain(`<rect fill="#fff" width="${size}" height="${size}"/>`);
    const dark = [...svg.matchAll(/M(\d+),(\d+)h10/g)].flatMap(([, x, y]) => [
      Number(x),
      Number(y),
    ]);
    expect(Math.min(...dark)).toBe(40);
    expect(Math.max(...dark)).toBe(size - 50);
  });

  it("keeps the visitor in an HttpOnly Lax cookie, Secure behind https", async () => {
    const response = await createBrowser(stub).post("/demo/login", {});
    expect(response.headers.get("set-cookie")).toMatch(
      /^demo_session=[\w-]{43}; Path=\/demo; HttpOnly; SameSite=Lax$/,
    );
    await stub.stop();
    stub = await startStub("https://shop.example");
    const secure = await createBrowser(stub).post(
      "/demo/login",
      {},
      { origin: "https://shop.example" },
    );
    expect(secure.headers.get("set-cookie")).toMatch(/; SameSite=Lax; Secure$/);
  });

  it.each<[string, number, Readonly<Record<string, string>>, string]>([
    ["another site (Sec-Fetch-Site)", 403, { "sec-fetch-site": "cross-site" }, "{}"],
    ["a sibling site", 403, { "sec-fetch-site": "same-site" }, "{}"],
    ["another origin", 403, { origin: "https://evil.example" }, "{}"],
    ["no origin at all", 403, { origin: "" }, "{}"],
    ["a form", 415, { "content-type": "application/x-www-form-urlencoded" }, "a=b"],
    ["text dressed up as JSON", 415, { "content-type": "text/plain;application/json" }, "{}"],
    ["a body over 4 KiB", 413, {}, `{"channel":"${"x".repeat(5000)}"}`],
    ["broken JSON", 400, {}, "{"],
    ["JSON that is no object", 400, {}, "7"],
    ["a messenger that is not there", 400, {}, '{"channel":"max"}'],
  ])("refuses %s with %i", async (_what, status, headers, body) => {
    const response = await createBrowser(stub).post("/demo/login", body, headers);
    expect(response.status).toBe(status);
    expect(await response.json()).toEqual({
      error: expect.stringMatching(/^[A-Z].+\.$/),
      code: CODES[status],
      retryable: false,
      request_id: response.headers.get("x-request-id"),
    });
    expect(response.headers.get("set-cookie")).toBeNull();
  });

  it("accepts a page of its own by Sec-Fetch-Site alone", async () => {
    const headers = { "sec-fetch-site": "same-origin", origin: "" };
    expect((await createBrowser(stub).post("/demo/login", {}, headers)).status).toBe(200);
  });

  it("passes the API's rate limit on as a sentence", async () => {
    stub.settings.restError = { status: 429, code: "rate_limited" };
    const response = await createBrowser(stub).post("/demo/login", {}, { "accept-language": "ru" });
    expect(await response.json()).toMatchObject({
      error: expect.stringContaining("слишком много"),
      code: "unavailable",
      retryable: true,
    });
  });
});

describe("POST /demo/finish", () => {
  it("verifies with the code verifier, answers the profile and changes the cookie", async () => {
    const browser = createBrowser(stub);
    const session = await startLogin(stub, browser);
    const before = browser.cookie();
    const response = await browser.post("/demo/finish", finishBody(session));
    expect(await response.json()).toMatchObject({ first_name: "Anna", state: session.state });
    expect(stub.verifies).toEqual([
      { code: session.code, code_verifier: expect.stringMatching(/^[\w-]{43}$/) },
    ]);
    expect(browser.cookie()).not.toBe(before);
    expect((await browser.get("/demo/profile")).status).toBe(200);
    const withOldCookie = await createBrowser(stub).get("/demo/profile", { cookie: before });
    expect(withOldCookie.status).toBe(303);
  });

  it("uses no code for a browser that did not start the session (T3)", async () => {
    const session = await startLogin(stub, createBrowser(stub));
    const other = createBrowser(stub);
    await startLogin(stub, other);
    expect((await other.post("/demo/finish", finishBody(session))).status).toBe(400);
    expect((await createBrowser(stub).post("/demo/finish", finishBody(session))).status).toBe(400);
    expect(stub.verifies).toEqual([]);
  });

  it("logs nobody in when the verified state is another one (T3)", async () => {
    const browser = createBrowser(stub);
    const session = await startLogin(stub, browser);
    stub.settings.profile = { state: "of-somebody-else" };
    const response = await browser.post("/demo/finish", finishBody(session));
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      error: expect.stringContaining("another login"),
      code: "code_invalid",
    });
    expect((await browser.get("/demo/profile")).status).toBe(303);
  });

  it("refuses another site and a body without a code", async () => {
    const browser = createBrowser(stub);
    const session = await startLogin(stub, browser);
    const headers = { "sec-fetch-site": "cross-site" };
    expect((await browser.post("/demo/finish", finishBody(session), headers)).status).toBe(403);
    expect((await browser.post("/demo/finish", { session_id: session.id })).status).toBe(400);
    expect(stub.verifies).toEqual([]);
  });

  it("can be tried again after the API was down", async () => {
    const browser = createBrowser(stub);
    const session = await startLogin(stub, browser);
    stub.settings.restError = { status: 503, code: "unavailable" };
    expect((await browser.post("/demo/finish", finishBody(session))).status).toBe(503);
    stub.settings.restError = undefined;
    expect((await browser.post("/demo/finish", finishBody(session))).status).toBe(200);
  });

  it("finishes each of two sessions one browser started in two tabs", async () => {
    const browser = createBrowser(stub);
    const first = await startLogin(stub, browser);
    const second = await startLogin(stub, browser);
    expect((await browser.post("/demo/finish", finishBody(first))).status).toBe(200);
    expect((await browser.post("/demo/finish", finishBody(second))).status).toBe(200);
  });
});

describe("GET /demo/callback", () => {
  it("logs in the browser that started and leads to the profile", async () => {
    const browser = createBrowser(stub);
    const session = await startLogin(stub, browser);
    const before = browser.cookie();
    const response = await browser.get(callbackPath(session));
    expect([response.status, response.headers.get("location")]).toEqual([303, "/demo/profile"]);
    expect(browser.cookie()).not.toBe(before);
    const profile = await (await browser.get("/demo/profile")).text();
    for (const value of ["Hello, Anna!", "Telegram", "@anna_k", "0199f3c2-", session.state]) {
      expect(profile).toContain(value);
    }
  });

  it("sends another browser back to the waiting tab, and the code stays good (T4, T5)", async () => {
    const browser = createBrowser(stub);
    const session = await startLogin(stub, browser);
    const other = createBrowser(stub);
    await startLogin(stub, other);
    const withState = (state: string) => `/demo/callback?code=${session.code}&state=${state}`;
    for (const response of [
      await createBrowser(stub).get(callbackPath(session)),
      await other.get(callbackPath(session)),
      await browser.get(withState("guessed")),
      await browser.get(`/demo/callback?code=${session.code}`),
      await browser.get(`/demo/callback?state=${session.state}`),
    ]) {
      expect(response.status).toBe(200);
      expect(response.headers.get("set-cookie")).toBeNull();
      expect(await response.text()).toContain("Continue where you started");
    }
    expect(stub.verifies).toEqual([]);
    expect((await browser.post("/demo/finish", finishBody(session))).status).toBe(200);
  });

  it("never lets an attacker's code in, not even with the state right (T3)", async () => {
    const attackers = await startLogin(stub, createBrowser(stub));
    const browser = createBrowser(stub);
    const own = await startLogin(stub, browser);
    const path = `/demo/callback?code=${attackers.code}&state=${own.state}`;
    const response = await browser.get(path);
    expect(response.status).toBe(400);
    expect(await response.text()).toMatch(/already used or took too long.*Start again/s);
    expect((await browser.get("/demo/profile")).status).toBe(303);
  });

  it("and the watching tab at once both end in the profile, with one verify", async () => {
    const browser = createBrowser(stub);
    const session = await startLogin(stub, browser);
    const cookie = browser.cookie();
    const [callback, finish] = await Promise.all([
      browser.get(callbackPath(session), { cookie }),
      browser.post("/demo/finish", finishBody(session), { cookie }),
    ]);
    expect([callback.status, finish.status]).toEqual([303, 200]);
    expect(callback.headers.get("set-cookie")).toBe(finish.headers.get("set-cookie"));
    expect(stub.verifies).toHaveLength(1);

    const lateWithOldCookie = await browser.get(callbackPath(session), { cookie });
    const lateWithNewCookie = await browser.get(callbackPath(session));
    expect([lateWithOldCookie.status, lateWithNewCookie.status]).toEqual([303, 303]);
    expect(stub.verifies).toHaveLength(1);
    expect((await browser.get("/demo/profile")).status).toBe(200);
  });

  it("tells apart a code that is spent and a service that is down", async () => {
    const browser = createBrowser(stub);
    const session = await startLogin(stub, browser);
    session.used = true;
    expect((await browser.get(callbackPath(session))).status).toBe(400);
    stub.settings.restError = { status: 500, code: "internal" };
    const response = await browser.get(callbackPath(session));
    expect(response.status).toBe(503);
    expect(await response.text()).toContain("answered with an error");
  });
});

describe("createVisitors", () => {
  const session = { sessionId: "s", state: "t", codeVerifier: "v" };

  it("forgets the oldest visitor above the limit, and everybody after an hour", () => {
    let now = 0;
    const visitors = createVisitors(2, () => now);
    const [a, b, c] = [0, 1, 2].map(() => visitors.addSession(undefined, session));
    expect([a, b, c].map((visitor) => visitors.get(visitor?.id) !== undefined)).toEqual([
      false,
      true,
      true,
    ]);
    now = 3_600_000;
    expect(visitors.get(c?.id)).toBeUndefined();
  });

  it("keeps the latest five sessions of a visitor", () => {
    const visitors = createVisitors();
    let visitor = visitors.addSession(undefined, session);
    for (let index = 1; index <= 5; index += 1) {
      visitor = visitors.addSession(visitor, { ...session, state: `t${index}` });
    }
    expect(visitors.get(visitor.id)?.sessions.map(({ state }) => state)).toEqual([
      "t1",
      "t2",
      "t3",
      "t4",
      "t5",
    ]);
  });
});
