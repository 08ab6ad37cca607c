// What Prometheus reads, after one login of each ending and some refusals, on Node and on Deno; and
// the caller's trace in the log.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { refusalOf } from "../support/contract-client.ts";
import { codeOf } from "../support/person.ts";
import { restFetch } from "../support/rest-client.ts";
import { type Stage, type StoryProject, startStage } from "../support/story-stage.ts";
import { RUNTIMES, startTapin } from "../support/tapin.ts";

const TOKEN = "prometheus-token-for-tests";

describe.each(RUNTIMES)("metrics on %s", { timeout: 60_000 }, (runtime) => {
  let stage: Stage;
  let shop: StoryProject;
  beforeAll(async () => {
    stage = await startStage({ runtime, env: { TAPIN_METRICS_TOKEN: TOKEN } });
    shop = await stage.project();
  });
  afterAll(() => stage.stop());

  const read = (bearer: string | null, method = "GET") =>
    restFetch(`${stage.url}/metrics`, { method, bearer });

  /** The figure of one series; 0 when it was never counted. */
  async function figure(series: string): Promise<number> {
    const text = await (await read(TOKEN)).text();
    const line = text.split("\n").find((each) => each.startsWith(`${series} `));
    return line === undefined ? 0 : Number(line.slice(series.length));
  }

  it("are for whoever has the token, and nobody else", async () => {
    expect((await read(TOKEN)).headers.get("content-type")).toMatch(/^text\/plain; version=0.0.4/);
    expect(await (await read(TOKEN, "HEAD")).text()).toBe("");
    // The scheme is in any case, and more than one space may follow (RFC 9110 section 11.1, RFC
    // 6750 section 2.1).
    const headers = { authorization: `bearer  ${TOKEN}` };
    expect((await fetch(`${stage.url}/metrics`, { headers })).status).toBe(200);
    for (const bearer of [null, "wrong", stage.tapin.adminToken, shop.apiKey]) {
      const refusal = await read(bearer);
      const challenge = `Bearer realm="tapin"${bearer === null ? "" : ', error="invalid_token"'}`;
      expect([refusal.status, refusal.headers.get("www-authenticate")]).toEqual([401, challenge]);
      expect(await refusal.json()).toMatchObject({ code: "unauthorized" });
    }
    expect((await read(TOKEN, "POST")).status).toBe(405);
  });

  it("count calls by RPC, dialect and reason, and the time they take", async () => {
    const calls =
      'tapin_calls_total{rpc="tapin.auth.v1.AuthService/GetLink",dialect="rest",reason=';
    await shop.client().getLink();
    await refusalOf(stage.client("REST", null).getLink());
    expect(await figure(`${calls}"ok"}`)).toBe(1);
    expect(await figure(`${calls}"UNAUTHORIZED"}`)).toBe(1);
    const seconds =
      'tapin_call_seconds_count{rpc="tapin.auth.v1.AuthService/GetLink",dialect="rest"}';
    expect(await figure(seconds)).toBe(2);
    await shop.client("gRPC").getLink();
    expect(await figure(`${calls.replace("rest", "grpc")}"ok"}`)).toBe(1);
  });

  it("count sessions by ending, each once, however often a button is tapped", async () => {
    const website = shop.client();
    const person = stage.person();
    const endings = async () =>
      Object.fromEntries(
        await Promise.all(
          ["completed", "verified", "cancelled", "expired"].map(
            async (status) =>
              [status, await figure(`tapin_sessions_total{status="${status}"}`)] as const,
          ),
        ),
      );
    expect(await endings()).toEqual({ completed: 0, verified: 0, cancelled: 0, expired: 0 });
    const login = await website.createSession();
    const confirmed = await person.logIn(login.telegramLink);
    await website.verifyCode({ code: codeOf(confirmed) });
    const cancelled = await website.createSession();
    await person.open(cancelled.telegramLink);
    await person.tap("Cancel");
    await website.cancelSession(cancelled.sessionId);
    await website.cancelSession((await website.createSession()).sessionId);
    const late = await website.createSession();
    await stage.query("update sessions set expires_at = now() where id = $1", [late.sessionId]);
    await expect.poll(endings, { timeout: 10_000 }).toEqual({
      completed: 1,
      verified: 1,
      cancelled: 2,
      expired: 1,
    });
  });

  it("count a login that ends because its person is deleted, and none that had ended", async () => {
    const series = 'tapin_sessions_total{status="cancelled"}';
    const website = shop.client();
    const person = stage.person();
    const login = await website.createSession();
    const code = codeOf(await person.logIn(login.telegramLink));
    const { subscriberId } = await website.verifyCode({ code });
    await person.open((await website.createSession()).telegramLink);
    const before = await figure(series);
    const path = `/v1/admin/projects/${shop.slug}/subscribers/${subscriberId}`;
    const bearer = stage.tapin.adminToken;
    const answer = await restFetch(stage.url + path, { method: "DELETE", bearer });
    expect(answer.status).toBe(200);
    expect(await figure(series)).toBe(before + 1);
  });

  it("tell the watchers that are there, and how long a decision takes to reach them", async () => {
    const website = shop.client();
    const session = await website.createSession();
    const watching = website.watchSession(session.sessionId)[Symbol.asyncIterator]();
    const first = await watching.next();
    expect(first.value).toMatchObject({ status: "pending" });
    expect(await figure("tapin_watchers")).toBe(1);
    await stage.person().logIn(session.telegramLink);
    while ((await watching.next()).done !== true);
    expect(await figure("tapin_delivery_seconds_count")).toBe(1);
    expect(await figure("tapin_delivery_seconds_sum")).toBeLessThan(5);
    await expect.poll(() => figure("tapin_watchers")).toBe(0);
  });

  it("tell of the database pool, of messengers and of the process", async () => {
    const total =
      (await figure('tapin_database_connections{state="busy"}')) +
      (await figure('tapin_database_connections{state="idle"}'));
    expect(total).toBeGreaterThan(0);
    expect(await figure('tapin_database_connections{state="waiting"}')).toBe(0);
    const sent =
      'tapin_messenger_call_seconds_count{channel="telegram",method="sendMessage",outcome="ok"}';
    expect(await figure(sent)).toBeGreaterThan(0);
    const asked = 'tapin_messenger_call_seconds_count{channel="max",method="GET /me",outcome="ok"}';
    expect(await figure(asked)).toBeGreaterThan(0);
    expect(await figure("nodejs_heap_size_used_bytes")).toBeGreaterThan(1e6);
  });

  it("the log has the trace of a caller that sends one, and no other text of it", async () => {
    const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
    const call = (traceparent: string) =>
      restFetch(`${stage.url}/v1/auth/link`, { bearer: shop.apiKey, headers: { traceparent } });
    await call(`00-${traceId}-00f067aa0ba902b7-01`);
    await call(`00-${"0".repeat(32)}-00f067aa0ba902b7-01`);
    await call("nonsense");
    await expect.poll(() => stage.tapin.output()).toContain(`"trace_id":"${traceId}"`);
    expect(stage.tapin.output().match(/"trace_id"/g)).toHaveLength(1);
  });
});

describe("metrics without a token", { timeout: 60_000 }, () => {
  it("are not there", async () => {
    const tapin = await startTapin();
    const answer = await restFetch(`${tapin.url}/metrics`, { bearer: "" });
    expect([answer.status, await answer.json()]).toMatchObject([404, { code: "not_found" }]);
    expect(await tapin.end()).toBe(0);
  });
});
