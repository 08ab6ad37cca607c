// What every REST error looks like, whoever refuses the request: contract section 2, status by
// status.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AuthService } from "#gen/tapin/auth/v1/auth_pb.ts";
import { ERRORS, type Reason } from "../../src/errors.ts";
import { rpcPath } from "../matrix/speak.ts";
import { RUNTIMES, startTapin, type Tapin } from "../support/tapin.ts";
import {
  type Answer,
  ask,
  askHttp2,
  askRaw,
  dropHttp2,
  jsonOf,
  openHttp2,
  openRaw,
  type Question,
} from "./raw-http.ts";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const JSON_TYPE = { "content-type": "application/json" };
const SAME_ORIGIN = { headers: { "sec-fetch-site": "same-origin" } };

/** Fails unless the answer is the envelope of this reason, complete and with nothing beside it. */
function expectEnvelope(answer: Answer | null, reason: Reason): void {
  expect(answer?.status).toBe(ERRORS[reason].http);
  const { headers, text } = answer as Answer;
  const envelope = JSON.parse(text) as Record<string, unknown>;
  const { violations, ...rest } = envelope;
  expect(rest).toEqual({
    error: expect.stringMatching(/^[A-Z"].*\.$/),
    code: reason.toLowerCase(),
    retryable: ERRORS[reason].retryable,
    request_id: headers["x-request-id"],
  });
  if (violations !== undefined) expect(reason).toBe("VALIDATION_FAILED");
  expect(headers["content-type"]).toBe("application/json");
  expect(headers["cache-control"]).toBe("no-store");
}

describe.each(RUNTIMES)("the envelope on %s", (runtime) => {
  let tapin: Tapin;
  beforeAll(async () => {
    tapin = await startTapin({ runtime });
  });
  afterAll(async () => {
    expect(await tapin.end()).toBe(0);
  });

  const keyed = (path: string, question: Question = {}) =>
    ask(tapin.url + path, {
      ...question,
      headers: { authorization: `Bearer ${tapin.apiKey}`, ...question.headers },
    });
  const fieldsOf = (answer: Answer) =>
    (jsonOf(answer).violations as { field: string }[] | undefined)?.map(({ field }) => field);

  it.each([
    ["no JSON", "{"],
    ["nothing where a value should be", '{"state":}'],
    ["a list", "[]"],
    ["a text", '"state"'],
    ["null", "null"],
    ["bytes that are no UTF-8", new Uint8Array([0x7b, 0xff, 0x7d])],
    ["a field twice", '{"state":"a","state":"b"}'],
    ["two documents", "{}{}"],
    ["nesting 10,000 deep", "[".repeat(10_000)],
  ])("400 for a body that is %s", async (_, body) => {
    const answer = await keyed("/v1/auth/session", { headers: JSON_TYPE, body });
    expectEnvelope(answer, "VALIDATION_FAILED");
  });

  it.each([
    ["unknown", { stat: "a" }, ["stat"]],
    ["several unknown", { a: 1, b: 2 }, ["a", "b"]],
    ["of the wrong type", { match_code: "yes" }, ["match_code"]],
    ["breaking a rule", { state: "a b" }, ["state"]],
    ["breaking a rule deeper", { client: { ip: "300.1.1.1" } }, ["client.ip"]],
    ["an address with words in its zone", { client: { ip: "::1%evil.example" } }, ["client.ip"]],
    ["prototype pollution", JSON.parse('{"__proto__":{"state":"x"}}'), ["__proto__"]],
  ])("400 names the fields that are %s", async (_, body, fields) => {
    const answer = await keyed("/v1/auth/session", { body });
    expectEnvelope(answer, "VALIDATION_FAILED");
    expect(fieldsOf(answer)).toEqual(fields);
  });

  it("400 names unknown query fields, and those that a body has taken", async () => {
    const unknown = await keyed("/v1/auth/link?a=1&b=2");
    expectEnvelope(unknown, "VALIDATION_FAILED");
    expect(fieldsOf(unknown)).toEqual(["a", "b"]);
    const beside = await keyed("/v1/auth/verify?code=x", { body: {} });
    expectEnvelope(beside, "VALIDATION_FAILED");
    expect(fieldsOf(beside)).toEqual(["code"]);
  });

  it.each([
    ["/v1/auth/link?a=1&key=", "KEY", ["key"]],
    ["/v1/auth/link?a%20b=x&a%20b=tapin_live_x&token=", "KEY", ["a b", "token"]],
    ["/v1/auth/link?", "KEY", undefined],
    ["/v1/auth/session/", "KEY", undefined],
    ["/healthz?token=", "tapin_watch_x", ["token"]],
    ["/tapin.auth.v1.AuthService/GetLink?authorization=", "KEY", ["authorization"]],
    ["/nowhere/", "TAPIN_LIVE_X", undefined],
    ["/tapin.auth.v1.AuthService/GetLink?%6bey=", "%74apin_watch_x", ["key"]],
  ])("400 for credentials in the URL %s, naming where", async (path, credential, fields) => {
    const secret = credential === "KEY" ? tapin.apiKey : credential;
    const answer = await keyed(path + secret);
    expectEnvelope(answer, "VALIDATION_FAILED");
    expect(jsonOf(answer).error).toContain("Authorization header");
    expect(fieldsOf(answer)).toEqual(fields);
    expect(answer.text).not.toContain(secret);
    expect(tapin.output().split(secret).length - 1).toBe(
      credential === "KEY" ? bannerMentions(tapin) : 0,
    );
  });

  it("400 for a code that is not one, the same whatever it looks like", async () => {
    const bodies = [{ code: "x" }, { code: "A".repeat(43) }, { code: "\u0000💥" }];
    for (const body of bodies) {
      const answer = await keyed("/v1/auth/verify", { body });
      expectEnvelope(answer, "CODE_INVALID");
      expect(jsonOf(answer).error).toBe("The code is not valid.");
    }
  });

  it("400 for a redirect URI that is not registered", async () => {
    const body = { redirect_uri: "https://evil.example/" };
    expectEnvelope(await keyed("/v1/auth/session", { body }), "REDIRECT_URI_INVALID");
  });

  it.each([
    ["no header", undefined],
    ["an empty one", ""],
    ["another scheme", "Basic YTpi"],
    ["no scheme", `tapin_live_${"a".repeat(32)}`],
    ["an unknown key", `Bearer tapin_live_${"a".repeat(32)}`],
    ["a key that is too short", "Bearer tapin_live_abc"],
    ["two credentials", "Bearer a, Bearer b"],
  ])("401 with a challenge for %s", async (_, authorization) => {
    const answer = await ask(`${tapin.url}/v1/auth/link`, {
      headers: authorization === undefined ? {} : { authorization },
    });
    expectEnvelope(answer, "UNAUTHORIZED");
    expect(answer.headers["www-authenticate"]).toMatch(/^Bearer realm="tapin"/);
  });

  it.each([
    "/nope",
    "/v1",
    "/v1/",
    "/v1/auth/link/",
    "//v1/auth/link",
    "/v1/auth/Link",
    "/%2e%2e/x",
  ])("404 for %s", async (path) => {
    expectEnvelope(await keyed(path), "NOT_FOUND");
  });

  it.each<[string, string, Reason, Question?]>([
    ["GET", "/sandbox/nope", "NOT_FOUND"],
    ["GET", "/sandbox/telegram/NobodyBot", "NOT_FOUND"],
    ["POST", "/sandbox/", "METHOD_NOT_ALLOWED"],
    ["POST", "/demo/login", "FORBIDDEN", { body: {} }],
    ["POST", "/demo/login", "UNSUPPORTED_MEDIA_TYPE", { ...SAME_ORIGIN, body: "{}" }],
    ["POST", "/demo/finish", "CODE_INVALID", { ...SAME_ORIGIN, body: { code: "x" } }],
  ])("the sandbox's pages refuse %s %s in it, with %s", async (method, path, reason, question) => {
    expectEnvelope(await ask(tapin.url + path, { method, ...question }), reason);
  });

  it("404 for an unknown session, the same with a watch token of another", async () => {
    const id = "aBcDeFgH12345678";
    const withKey = await keyed(`/v1/auth/session/${id}/status`);
    expectEnvelope(withKey, "SESSION_NOT_FOUND");
    const authorization = `Bearer tapin_watch_${"a".repeat(32)}`;
    const withToken = await ask(`${tapin.url}/v1/auth/session/${id}/status`, {
      headers: { authorization },
    });
    expect([401, 404]).toContain(withToken.status);
  });

  it.each([
    ["POST", "/v1/auth/link", "GET, HEAD, OPTIONS"],
    ["GET", "/v1/auth/session", "POST, OPTIONS"],
    ["PUT", "/v1/auth/session/aBcDeFgH12345678", "DELETE, OPTIONS"],
    ["DELETE", "/v1/admin/projects/demo", "GET, HEAD, PATCH, OPTIONS"],
    ["POST", "/healthz", "GET, HEAD"],
    ["GET", "/tapin.auth.v1.AuthService/VerifyCode", "POST"],
    ["PUT", "/tapin.auth.v1.AuthService/GetLink", "GET, POST"],
  ])("405 for %s %s, allowing %s", async (method, path, allow) => {
    const answer = await keyed(path, { method });
    expectEnvelope(answer, "METHOD_NOT_ALLOWED");
    expect(answer.headers.allow).toBe(allow);
  });

  it.each([
    ["/v1/auth/link", "text/html"],
    ["/v1/auth/link", "application/json;q=0"],
    ["/v1/auth/session/aBcDeFgH12345678/watch", "application/json"],
  ])("406 for %s as %s", async (path, accept) => {
    expectEnvelope(await keyed(path, { headers: { accept } }), "NOT_ACCEPTABLE");
  });

  it("409 for an idempotency key that comes with another body", async () => {
    const headers = { "idempotency-key": `envelope-${runtime}` };
    const first = await keyed("/v1/auth/session", { headers, body: { state: "a" } });
    const same = await keyed("/v1/auth/session", { headers, body: { state: "a" } });
    expect(jsonOf(same).session_id).toBe(jsonOf(first).session_id);
    const other = await keyed("/v1/auth/session", { headers, body: { state: "b" } });
    expectEnvelope(other, "CONFLICT");
  });

  it("413 for a body that is announced or arrives larger than 64 KiB", async () => {
    const body = JSON.stringify({ state: "a".repeat(65 * 1024) });
    expectEnvelope(await keyed("/v1/auth/session", { headers: JSON_TYPE, body }), "BODY_TOO_LARGE");
    const headers = { ...JSON_TYPE, "transfer-encoding": "chunked" };
    expectEnvelope(await keyed("/v1/auth/session", { headers, body }), "BODY_TOO_LARGE");
    const largest = `{"state":"a"${" ".repeat(64 * 1024 - 13)}}`;
    expect((await keyed("/v1/auth/session", { headers: JSON_TYPE, body: largest })).status).toBe(
      200,
    );
  });

  it("414 for a target longer than 8 KiB", async () => {
    expectEnvelope(await keyed(`/v1/auth/link?${"a".repeat(8200)}`), "URI_TOO_LONG");
  });

  it.each([
    "text/plain",
    "application/xml",
    "application/json; charset=latin1",
    "application/grpc",
  ])("415 for a body of %s, telling what is read", async (type) => {
    const headers = { "content-type": type };
    const answer = await keyed("/v1/auth/session", { headers, body: "{}" });
    expectEnvelope(answer, "UNSUPPORTED_MEDIA_TYPE");
    expect(answer.headers["accept-post"]).toBe("application/json");
  });

  it("415 on an RPC path, telling which types it reads", async () => {
    const path = "/tapin.auth.v1.AuthService/VerifyCode";
    const answer = await keyed(path, { headers: { "content-type": "text/plain" }, body: "{}" });
    expectEnvelope(answer, "UNSUPPORTED_MEDIA_TYPE");
    expect(answer.headers["accept-post"]).toMatch(/^application\/json, application\/proto, /);
  });

  it("415 for a Connect GET that does not tell its encoding", async () => {
    const path = "/tapin.auth.v1.AuthService/GetLink";
    expectEnvelope(await keyed(path), "UNSUPPORTED_MEDIA_TYPE");
    expectEnvelope(await keyed(`${path}?encoding=xml&message=x`), "UNSUPPORTED_MEDIA_TYPE");
    const good = await keyed(`${path}?connect=v1&encoding=json&message=%7B%7D`);
    expect([good.status, jsonOf(good).configured]).toEqual([200, true]);
  });

  it("431 for a head larger than 16 KiB", async () => {
    const head = `GET /v1/auth/link HTTP/1.1\r\nHost: a\r\nX-Large: ${"a".repeat(20_000)}\r\n\r\n`;
    expectEnvelope(await askRaw(tapin.url, head), "HEADERS_TOO_LARGE");
  });

  it.each([
    ["no HTTP at all", "HELLO\r\n\r\n"],
    ["a method without a target", "BREW\r\nHost: a\r\n\r\n"],
    ["a header that looks like a request", "GET / HTTP/1.1\r\nBREW /x HTTP/1.1\r\n\r\n"],
    ["a TLS greeting", "\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\r\n\r\n"],
    ["a version nobody speaks", "GET / HTTP/9.9\r\nHost: a\r\n\r\n"],
    ["two lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"],
    [
      "length and chunks",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
    ["a folded header", "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n"],
    ["a header name with a space", "GET / HTTP/1.1\r\nHost: a\r\nX y: z\r\n\r\n"],
    ["a control character in a header", "GET / HTTP/1.1\r\nHost: a\r\nX: \u0001\u0000\r\n\r\n"],
  ])("400 for what is no request: %s", async (_, bytes) => {
    const answer = await askRaw(tapin.url, Buffer.from(bytes, "latin1"));
    expectEnvelope(answer, "VALIDATION_FAILED");
  });

  it.each([
    ["one that HTTP/1.1 parsers do not know", "BREW"],
    ["one that begins like another", "GETS"],
    ["one of another case", "get"],
    ["one of WebDAV, which they know", "PROPFIND"],
  ])("501 for a method nobody knows, over HTTP/1.1 and HTTP/2: %s", async (_, method) => {
    const session = await openHttp2(tapin.url);
    for (const path of [
      "/v1/auth/link",
      "/healthz",
      "/nowhere",
      rpcPath(AuthService.method.getLink),
    ]) {
      const head = `${method} ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
      const overHttp1 = await askRaw(tapin.url, head);
      expectEnvelope(overHttp1, "UNIMPLEMENTED");
      const overHttp2 = await askHttp2(session, path, { method });
      expectEnvelope(overHttp2, "UNIMPLEMENTED");
      expect(jsonOf(overHttp2).error).toBe(jsonOf(overHttp1 as Answer).error);
    }
    dropHttp2(session);
  });

  it("501 behind another request on the same connection, after its answer", async () => {
    const connection = await openRaw(tapin.url);
    const heads = ["GET /healthz", "BREW /healthz"];
    connection.send(heads.map((head) => `${head} HTTP/1.1\r\nHost: a\r\n\r\n`).join(""));
    expect((await connection.answer())?.status).toBe(200);
    expectEnvelope(await connection.answer(), "UNIMPLEMENTED");
    await connection.closed;
  });

  it("an expectation nobody knows is ignored", async () => {
    const answer = await keyed("/v1/auth/link", { headers: { expect: "the-unexpected" } });
    expect(answer.status).toBe(200);
  });

  it.each([
    ["a good one is echoed", "abc-DEF_1.2", true],
    ["the longest is echoed", "a".repeat(64), true],
    ["one that is too long is replaced", "a".repeat(65), false],
    ["one with spaces is replaced", "a b", false],
    ["one with markup is replaced", "<script>", false],
    ["an empty one is replaced", "", false],
    ["one as long as a code but with a dot is echoed", `${"a".repeat(42)}.`, true],
    ["one with the shape of a code is replaced", `${"aB3_-".repeat(8)}xyz`, false],
    ["one that holds the shape of a code is replaced", `x.${"aB3_-".repeat(8)}xyz.y`, false],
    ["one that holds a key is replaced", `x.tapin_live_${"k".repeat(32)}`, false],
    ["one that holds a watch token is replaced", `tapin_watch_${"k".repeat(32)}`, false],
  ])("x-request-id: %s", async (_, given, echoed) => {
    const paths = ["/v1/auth/link", "/nope", "/healthz", "/tapin.auth.v1.AuthService/GetLink"];
    for (const path of paths) {
      const question = path.startsWith("/tapin") ? { body: {} } : {};
      const answer = await keyed(path, { ...question, headers: { "x-request-id": given } });
      const id = answer.headers["x-request-id"];
      if (echoed) expect(id).toBe(given);
      else expect(id).toMatch(UUID);
    }
  });

  it("answers of operations are not to be stored", async () => {
    for (const path of ["/v1/auth/link", "/healthz", "/readyz"]) {
      const answer = await keyed(path);
      expect([answer.status, answer.headers["cache-control"]]).toEqual([200, "no-store"]);
    }
  });

  it("HEAD is answered like GET, without a body", async () => {
    const get = await keyed("/v1/auth/link");
    const head = await keyed("/v1/auth/link", { method: "HEAD" });
    expect([head.status, head.text]).toEqual([200, ""]);
    expect(head.headers["content-length"]).toBe(get.headers["content-length"]);
    expect((await keyed("/nope", { method: "HEAD" })).status).toBe(404);
  });
});

function bannerMentions(tapin: Tapin): number {
  const banner = tapin.output().slice(tapin.output().indexOf("Tapin is ready.\n"));
  return banner.split(tapin.apiKey).length - 1;
}
