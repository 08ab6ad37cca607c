// The limits of callers, over every dialect: failed lookups (T10), sessions for one client address,
// watchers (T24), and what callers are told of them.

import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { awaitAnswer } from "../support/await-condition.ts";
import { CLIENTS, DIALECTS } from "../support/clients.ts";
import {
  type CallError,
  type ContractClient,
  type CreatedSession,
  type DialectName,
  firstOf,
  refusalOf,
} from "../support/contract-client.ts";
import { makeSite, type Site } from "../support/site.ts";
import { RUNTIMES, startTapin, type Tapin } from "../support/tapin.ts";

const NO_SESSION = "aBcDeFgH12345678";

let address = 0;
/** Header of a client that nobody was before, as the trusted proxy writes it. */
function from(client = `203.0.113.${++address}`): { headers: Record<string, string> } {
  return { headers: { "x-forwarded-for": client } };
}

function expectLimited(refusal: CallError, dialect: DialectName, quota: string): void {
  expect(refusal.reason).toBe("rate_limited");
  expect(refusal.code).toBe(dialect === "REST" ? 429 : "resource_exhausted");
  const seconds = Number(refusal.headers.get("retry-after"));
  expect(seconds).toBeGreaterThanOrEqual(1);
  expect(seconds).toBeLessThanOrEqual(60);
  expect(refusal.headers.get("ratelimit-policy")).toContain(quota);
  // RPC errors tell it beside what was told before: a list (RFC 9651 section 3.1).
  const [name] = quota.split(";");
  const fields = refusal.headers.get("ratelimit");
  expect(fields).toMatch(new RegExp(`(^|, )${name};r=0(;t=\\d+)?(,|$)`));
}

describe.each(RUNTIMES)("limits on %s", (runtime) => {
  let tapin: Tapin;
  let site: Site;
  const clients: ContractClient[] = [];
  beforeAll(async () => {
    tapin = await startTapin({
      runtime,
      env: {
        TAPIN_FAILURE_LIMIT: "5",
        TAPIN_SESSION_LIMIT: "5",
        TAPIN_SESSION_WATCHERS: "2",
        TAPIN_WATCHERS: "30",
        TAPIN_TRUSTED_PROXIES: "127.0.0.0/8, ::1",
      },
    });
  });
  afterEach(() => {
    for (const client of clients.splice(0)) client.close();
    site?.close();
  });
  afterAll(async () => {
    expect(await tapin.end()).toBe(0);
  });

  function client(dialect: DialectName, bearer: string | null): ContractClient {
    const made = CLIENTS[dialect](tapin.url, bearer);
    clients.push(made);
    return made;
  }

  it("T10 refused credentials have a budget for each address, whichever the dialect", async () => {
    site = await makeSite(tapin);
    const attacker = from();
    for (const dialect of DIALECTS) {
      const madeUp = `tapin_live_${String(address).padStart(32, "0")}`;
      const refusal = await refusalOf(client(dialect, madeUp).getLink(attacker));
      expect(refusal.reason).toBe("unauthorized");
    }
    for (const dialect of DIALECTS) {
      for (const bearer of [null, "nonsense", `tapin_live_${"a".repeat(32)}`]) {
        const refusal = await refusalOf(client(dialect, bearer).getLink(attacker));
        expectLimited(refusal, dialect, '"failures";q=5;w=60');
      }
    }
    // Good credentials work from there, and others have their own budget.
    expect(await site.rest.getLink(attacker)).toBeTruthy();
    expect((await refusalOf(client("REST", null).getLink(from()))).reason).toBe("unauthorized");
    expect(tapin.output()).toContain(`"address":"${attacker.headers["x-forwarded-for"]}"`);
  });

  it("T10 an IPv6 caller is its /64, and what the client itself writes into X-Forwarded-For is nobody", async () => {
    const reasons = [];
    for (let call = 0; call < 6; call++) {
      const made = `198.51.100.${call}, 2001:db8:${runtime === "node" ? 1 : 2}::${call}`;
      reasons.push((await refusalOf(client("REST", null).getLink(from(made)))).reason);
    }
    expect(reasons).toEqual([...Array(5).fill("unauthorized"), "rate_limited"]);
  });

  it("T10 made-up watch tokens count for their address", async () => {
    const attacker = from();
    const madeUp = client("gRPC", `tapin_watch_${"a".repeat(32)}`);
    for (let call = 0; call < 5; call++) {
      const refusal = await refusalOf(madeUp.getSessionStatus(NO_SESSION, attacker));
      expect(refusal.reason).toBe("unauthorized");
    }
    for (const dialect of DIALECTS) {
      const stream = client(dialect, `tapin_watch_${"b".repeat(32)}`);
      expectLimited(
        await refusalOf(stream.watchSession(NO_SESSION, attacker)),
        dialect,
        '"failures"',
      );
    }
  });

  it("T10 unknown sessions and codes have a budget for each project; what exists is found", async () => {
    site = await makeSite(tapin);
    const { sessionId } = await site.rest.createSession();
    expect((await refusalOf(site.rest.getSessionStatus(NO_SESSION))).reason).toBe(
      "session_not_found",
    );
    expect((await refusalOf(site.grpc.cancelSession(NO_SESSION))).reason).toBe("session_not_found");
    expect((await refusalOf(site.grpc.watchSession(NO_SESSION))).reason).toBe("session_not_found");
    for (const { rest } of [site, site]) {
      expect((await refusalOf(rest.verifyCode({ code: "x" }))).reason).toBe("code_invalid");
    }
    for (const dialect of DIALECTS) {
      const website = client(dialect, site.apiKey);
      expectLimited(await refusalOf(website.verifyCode({ code: "x" })), dialect, '"failures"');
      expectLimited(await refusalOf(website.getSessionStatus(NO_SESSION)), dialect, '"failures"');
      expect((await website.getSessionStatus(sessionId)).status).toBe("pending");
    }
  });

  it("sessions for one client address have a budget in each project, over all dialects together", async () => {
    site = await makeSite(tapin);
    const ip = "2001:db8:9:9::1";
    for (const dialect of DIALECTS) {
      const created = await client(dialect, site.apiKey).createSession({ client: { ip } });
      expect(created.sessionId).toHaveLength(16);
    }
    for (const dialect of DIALECTS) {
      const neighbour = { client: { ip: "2001:db8:9:9::2" } };
      const refusal = await refusalOf(client(dialect, site.apiKey).createSession(neighbour));
      expectLimited(refusal, dialect, '"sessions";q=5;w=60');
    }
    expect(await site.rest.createSession({ client: { ip: "2001:db8:9:8::1" } })).toBeTruthy();
    const other = await makeSite(tapin);
    expect(await other.rest.createSession({ client: { ip } })).toBeTruthy();
    other.close();
    // A website that does not say for whom is not limited by its own address.
    for (let call = 0; call < 8; call++) expect(await site.rest.createSession()).toBeTruthy();
  });

  it("an answer to an API key says what is left of the project's budget, in every dialect", async () => {
    site = await makeSite(tapin);
    for (const [index, dialect] of DIALECTS.entries()) {
      let headers = new Headers();
      const onHeaders = (received: Headers) => {
        headers = received;
      };
      await client(dialect, site.apiKey).getLink({ onHeaders });
      expect(headers.get("ratelimit-policy")).toBe('"requests";q=6000;w=60');
      expect(headers.get("ratelimit")).toMatch(
        new RegExp(`^"requests";r=${5999 - index};t=[1-6]?\\d$`),
      );
    }
  });

  describe("T24 watchers", () => {
    const controllers: AbortController[] = [];
    afterEach(() => {
      for (const controller of controllers.splice(0)) controller.abort();
    });

    /** Opens a watch and waits for its first message; the controller ends it. */
    async function open(watcher: ContractClient, sessionId: string, options = from()) {
      const controller = new AbortController();
      controllers.push(controller);
      const { signal } = controller;
      const stream = watcher.watchSession(sessionId, { ...options, signal });
      await stream[Symbol.asyncIterator]().next();
      return controller;
    }

    it.each(DIALECTS)(
      "of one session over %s: refused above the limit, let in again once one left",
      async (dialect) => {
        site = await makeSite(tapin);
        const { sessionId, watchToken } = await site.rest.createSession();
        const tab = client(dialect, watchToken);
        const first = await open(tab, sessionId);
        await open(client("gRPC", site.apiKey), sessionId);
        const refusal = await refusalOf(tab.watchSession(sessionId, from()));
        expectLimited(refusal, dialect, '"watchers-of-session";q=2');
        const { sessionId: another } = await site.rest.createSession();
        await open(client(dialect, site.apiKey), another);
        first.abort();
        await awaitAnswer("the place of the one that left is free", async () =>
          firstOf(tab.watchSession(sessionId, from())).catch((error: CallError) => {
            if (error.reason !== "rate_limited") throw error;
            return null;
          }),
        );
      },
    );

    it("of one address with watch tokens: a tenth of a project's, over its sessions together", async () => {
      site = await makeSite(tapin);
      const sessions: CreatedSession[] = [];
      for (let made = 0; made < 4; made++) sessions.push(await site.rest.createSession());
      const watchFrom = async (index: number, where: ReturnType<typeof from>) => {
        const { sessionId = "", watchToken = "" } = sessions[index] ?? {};
        return await open(client("REST", watchToken), sessionId, where);
      };
      const here = from();
      for (const index of [0, 1, 2]) await watchFrom(index, here);
      const refusal = await watchFrom(3, here).catch((error: CallError) => error);
      expectLimited(refusal as CallError, "REST", '"watchers-of-address";q=3');
      await watchFrom(3, from());
    });

    it("of one project: by its keys and watch tokens together", async () => {
      site = await makeSite(tapin);
      const website = client("gRPC", site.apiKey);
      const other = await makeSite(tapin);
      for (let made = 0; made < 15; made++) {
        const { sessionId, watchToken } = await site.rest.createSession();
        await open(website, sessionId);
        await open(client("gRPC", watchToken), sessionId);
      }
      const { sessionId } = await site.rest.createSession();
      for (const dialect of DIALECTS) {
        const refusal = await refusalOf(client(dialect, site.apiKey).watchSession(sessionId));
        expectLimited(refusal, dialect, '"watchers-of-project";q=30');
      }
      await open(other.grpc, (await other.rest.createSession()).sessionId);
      other.close();
    });

    it("a session's end frees its places", async () => {
      site = await makeSite(tapin);
      const all = [];
      for (let made = 0; made < 20; made++) {
        const { sessionId } = await site.rest.createSession();
        const seen = [];
        const stream = site.grpc.watchSession(sessionId);
        for await (const { status } of stream) {
          seen.push(status);
          if (status === "pending") await site.rest.cancelSession(sessionId);
        }
        all.push(seen.at(-1));
        await firstOf(site.grpc.watchSession(sessionId));
      }
      expect(all).toEqual(Array(20).fill("cancelled"));
    });
  });
});

describe("pictures of people", () => {
  it("are off the budget of who asks, whether or not there are any", async () => {
    // An address has ten times as many.
    const tapin = await startTapin({ env: { TAPIN_AVATARS: "on", TAPIN_RATE_LIMIT: "1" } });
    const statuses = [];
    let last: Response | undefined;
    for (let asked = 0; asked <= 10; asked++) {
      last = await fetch(`${tapin.url}/avatars/made-up-${asked}`);
      statuses.push(last.status);
      if (last.status !== 429) await last.arrayBuffer();
    }
    const body = await last?.json();
    expect(await tapin.end()).toBe(0);
    expect(statuses).toEqual([...Array(10).fill(404), 429]);
    expect(body).toMatchObject({ code: "rate_limited" });
    expect(last?.headers.get("ratelimit-policy")).toBe('"requests-of-address";q=10;w=60');
  });
});

describe("X-Forwarded-For without TAPIN_TRUSTED_PROXIES", () => {
  it("is not believed: all callers of a proxy are one address", async () => {
    const tapin = await startTapin({ env: { TAPIN_FAILURE_LIMIT: "2" } });
    const stranger = CLIENTS.REST(tapin.url, null);
    const reasons = [];
    for (let call = 0; call < 3; call++) {
      reasons.push((await refusalOf(stranger.getLink(from()))).reason);
    }
    await tapin.end();
    // The operator is told, once.
    expect(tapin.output().split('"event":"proxy_unknown"')).toHaveLength(2);
    expect(reasons).toEqual(["unauthorized", "unauthorized", "rate_limited"]);
  });
});
