// T16: which pages of which origins may do what. The same list for every dialect; watch tokens
// only.

import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createOrigins } from "../../src/server/cors.ts";
import { startOwnPostgres } from "../support/postgres.ts";
import { RUNTIMES, startTapin, type Tapin } from "../support/tapin.ts";
import { type Answer, ask, jsonOf } from "./raw-http.ts";

const SITE = "https://shop.example";
const OTHER = "https://other.example";
const EVIL = "https://evil.example";

/** Request headers that some dialect's browser client sends (connect-web, EventSource, fetch). */
const DIALECT_HEADERS = [
  "authorization",
  "accept",
  "content-type",
  "connect-protocol-version",
  "connect-timeout-ms",
  "grpc-timeout",
  "x-grpc-web",
  "x-user-agent",
  "idempotency-key",
  "last-event-id",
  "x-request-id",
];

const listOf = (header: string | undefined) =>
  (header ?? "").split(",").map((name) => name.trim().toLowerCase());

function expectNoPermission(answer: Answer): void {
  const given = Object.keys(answer.headers).filter((name) => name.startsWith("access-control-"));
  expect(given.filter((name) => name !== "access-control-expose-headers")).toEqual([]);
}

describe.each(RUNTIMES)("T16: CORS on %s", (runtime) => {
  let tapin: Tapin;
  let apiKey: string;
  beforeAll(async () => {
    tapin = await startTapin({ runtime });
    const headers = { authorization: `Bearer ${tapin.adminToken}` };
    const projects = `${tapin.url}/v1/admin/projects`;
    for (const [slug, origin_url] of [
      ["shop", SITE],
      ["other", OTHER],
    ]) {
      await ask(projects, { headers, body: { slug, name: slug, origin_url } });
    }
    const key = await ask(`${projects}/shop/keys`, { headers, body: { name: "a" } });
    apiKey = String(jsonOf(key).api_key);
  });
  afterAll(async () => {
    expect(await tapin.end()).toBe(0);
  });

  const newSession = async () => {
    const headers = { authorization: `Bearer ${apiKey}` };
    const created = jsonOf(await ask(`${tapin.url}/v1/auth/session`, { headers, body: {} }));
    return { id: String(created.session_id), watchToken: String(created.watch_token) };
  };
  const statusPath = (id: string) => `${tapin.url}/v1/auth/session/${id}/status`;
  const preflight = (origin: string, path: string, method = "POST") =>
    ask(tapin.url + path, {
      method: "OPTIONS",
      headers: { origin, "access-control-request-method": method },
    });

  const PATHS = [
    "/tapin.auth.v1.AuthService/WatchSession",
    "/v1/auth/session/aBcDeFgH12345678/watch",
    "/v1/auth/session/aBcDeFgH12345678",
    "/v1/auth/link",
    "/v1/nowhere",
  ];

  it.each(PATHS)(
    "a preflight of the project's page for %s lists all that dialects need",
    async (path) => {
      const answer = await preflight(SITE, path);
      expect([answer.status, answer.text]).toEqual([204, ""]);
      expect(answer.headers["access-control-allow-origin"]).toBe(SITE);
      expect(listOf(answer.headers["access-control-allow-methods"])).toEqual([
        "get",
        "head",
        "post",
        "delete",
      ]);
      const allowed = listOf(answer.headers["access-control-allow-headers"]);
      expect(allowed).toEqual(expect.arrayContaining(DIALECT_HEADERS));
      expect(Number(answer.headers["access-control-max-age"])).toBeGreaterThan(0);
      expect(answer.headers["access-control-allow-credentials"]).toBeUndefined();
      expect(listOf(answer.headers.vary)).toContain("origin");
    },
  );

  it.each([
    EVIL,
    "null",
    "https://shop.example.evil.org",
    "http://shop.example",
    "https://shop.example:8443",
    "https://sub.shop.example",
    "https://shop.example/",
    "*",
  ])("a preflight of %s gets no permission", async (origin) => {
    for (const path of PATHS) {
      const answer = await preflight(origin, path);
      expect(answer.status).toBe(204);
      expectNoPermission(answer);
      expect(listOf(answer.headers.vary)).toContain("origin");
    }
  });

  it.each(["/healthz", "/readyz", "/demo", "/nowhere"])(
    "%s is no operation, so no page has permission",
    async (path) => {
      const answer = await preflight(SITE, path);
      expect(answer.status).toBe(204);
      expectNoPermission(answer);
      expectNoPermission(await ask(tapin.url + path, { headers: { origin: SITE } }));
    },
  );

  it("the project's page may watch with the watch token, and read the answer", async () => {
    const { id, watchToken } = await newSession();
    const answer = await ask(statusPath(id), {
      headers: { authorization: `Bearer ${watchToken}`, origin: SITE },
    });
    expect([answer.status, answer.text]).toEqual([200, '{"status":"pending"}']);
    expect(answer.headers["access-control-allow-origin"]).toBe(SITE);
    expect(listOf(answer.headers.vary)).toContain("origin");
    const readable = listOf(answer.headers["access-control-expose-headers"]);
    expect(readable).toEqual(
      expect.arrayContaining(["x-request-id", "retry-after", "grpc-status", "grpc-message"]),
    );
    expect(answer.headers["access-control-allow-credentials"]).toBeUndefined();
  });

  it("the same over Connect and gRPC-Web", async () => {
    const { id, watchToken } = await newSession();
    const body = Buffer.from(`{"sessionId":"${id}"}`);
    const frame = Buffer.concat([Uint8Array.of(0, 0, 0, 0, body.length), body]);
    for (const type of ["application/json", "application/grpc-web+json"]) {
      const answer = await ask(`${tapin.url}/tapin.auth.v1.AuthService/GetSessionStatus`, {
        headers: { authorization: `Bearer ${watchToken}`, origin: SITE, "content-type": type },
        body: type === "application/json" ? body : frame,
      });
      expect(answer.status).toBe(200);
      expect(answer.headers["access-control-allow-origin"]).toBe(SITE);
      expect(answer.text).toContain("SESSION_STATUS_PENDING");
    }
  });

  it("errors can be read by the project's page too", async () => {
    const answer = await ask(`${tapin.url}/v1/auth/link`, { headers: { origin: SITE } });
    expect(answer.status).toBe(401);
    expect(answer.headers["access-control-allow-origin"]).toBe(SITE);
  });

  it.each([EVIL, "null"])("a page of %s is refused even with the watch token", async (origin) => {
    const { id, watchToken } = await newSession();
    const answer = await ask(statusPath(id), {
      headers: { authorization: `Bearer ${watchToken}`, origin },
    });
    expect(answer.status).toBe(403);
    expect(jsonOf(answer)).toMatchObject({ code: "forbidden" });
    expectNoPermission(answer);
  });

  it("another project's page may not use this project's session", async () => {
    const { id, watchToken } = await newSession();
    const headers = { authorization: `Bearer ${watchToken}`, origin: OTHER };
    expect((await ask(statusPath(id), { headers })).status).toBe(403);
    const cancel = `${tapin.url}/v1/auth/session/${id}`;
    expect((await ask(cancel, { method: "DELETE", headers })).status).toBe(403);
    const watched = await ask(`${cancel}/watch`, { headers });
    expect(watched.status).toBe(403);
    const own = { authorization: `Bearer ${watchToken}` };
    expect((await ask(statusPath(id), { headers: own })).text).toBe('{"status":"pending"}');
  });

  it("an API key has no business in a page: its answers cannot be read there", async () => {
    const { id } = await newSession();
    const headers = { authorization: `Bearer ${apiKey}`, origin: SITE };
    const rest = await ask(statusPath(id), { headers });
    expectNoPermission(rest);
    const rpc = await ask(`${tapin.url}/tapin.auth.v1.AuthService/GetLink`, { headers, body: {} });
    expect(rpc.status).toBe(200);
    expectNoPermission(rpc);
  });

  it("a page of Tapin itself is no stranger", async () => {
    const { id, watchToken } = await newSession();
    const answer = await ask(statusPath(id), {
      headers: { authorization: `Bearer ${watchToken}`, origin: tapin.url },
    });
    expect(answer.status).toBe(200);
    expect(answer.headers["access-control-allow-origin"]).toBeUndefined();
  });

  it("an OPTIONS that is no preflight tells the methods", async () => {
    const answer = await ask(`${tapin.url}/v1/auth/link`, { method: "OPTIONS" });
    expect([answer.status, answer.headers.allow]).toEqual([204, "GET, HEAD, OPTIONS"]);
  });
});

describe.each(RUNTIMES)("pages while the database is away, on %s", (runtime) => {
  it("health answers, and an operation is refused for its own reasons", async () => {
    const server = await startOwnPostgres();
    const tapin = await startTapin({
      runtime,
      env: { TAPIN_DATABASE_URL: await server.createDatabase() },
    });
    await server.stop();
    const headers = { origin: SITE };
    expect((await ask(`${tapin.url}/healthz`, { headers })).status).toBe(200);
    const answer = await ask(`${tapin.url}/v1/auth/link`, { headers });
    expect(answer.status).toBe(401);
    expectNoPermission(answer);
    await tapin.end();
  });
});

describe("createOrigins", () => {
  const log = pino({ level: "silent" });

  it("allows nothing when it cannot be looked up, and does so once it can", async () => {
    let down = true;
    const isOrigin = createOrigins({
      log,
      isOrigin: async () => {
        if (down) throw new Error("the database is away");
        return true;
      },
    });
    expect(await isOrigin(SITE)).toBe(false);
    down = false;
    expect(await isOrigin(SITE)).toBe(true);
  });

  it("does not bother the database with what cannot be an origin", async () => {
    const isOrigin = createOrigins({ log, isOrigin: () => Promise.reject(new Error("asked")) });
    expect(await isOrigin(`https://${"a".repeat(600)}`)).toBe(false);
  });
});
