// Which browser pages may use a watch token: those of the project's origin, in every dialect, and
// no others: T16.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DIALECTS } from "../support/clients.ts";
import type { CallOptions, CreatedSession } from "../support/contract-client.ts";
import { firstOf, refusalOf } from "../support/contract-client.ts";
import { type Stage, type StoryProject, startStage } from "../support/story-stage.ts";

const SHOP = "https://shop.example";
const NEIGHBOUR = "https://neighbour.example:8443";
const FOREIGN = "https://evil.example";

let stage: Stage;
let project: StoryProject;
let session: CreatedSession;
beforeAll(async () => {
  stage = await startStage();
  project = await stage.project({ origin_url: SHOP });
  await stage.project({ origin_url: NEIGHBOUR });
  session = await project.client().createSession();
});
afterAll(() => stage.stop());

/** Paths a page calls, with the method it uses there. */
const targets = () =>
  [
    ["GET", `/v1/auth/session/${session.sessionId}/status`],
    ["GET", `/v1/auth/session/${session.sessionId}/watch`],
    ["DELETE", `/v1/auth/session/${session.sessionId}`],
    ["POST", "/tapin.auth.v1.AuthService/GetSessionStatus"],
    ["POST", "/tapin.auth.v1.AuthService/WatchSession"],
    ["POST", "/tapin.auth.v1.AuthService/CancelSession"],
  ] as const;

async function preflight(method: string, path: string, origin: string): Promise<Response> {
  return await fetch(stage.url + path, {
    method: "OPTIONS",
    headers: {
      origin,
      "access-control-request-method": method,
      "access-control-request-headers": "authorization,content-type,connect-protocol-version",
    },
  });
}

const listOf = (answer: Response, name: string) =>
  (answer.headers.get(name) ?? "").split(",").map((item) => item.trim().toLowerCase());

describe.each(DIALECTS)("T16 over %s", (dialect) => {
  const page = (origin: string) => {
    let seen = new Headers();
    const options: CallOptions = {
      headers: { origin },
      onHeaders: (headers) => {
        seen = headers;
      },
    };
    return { options, allowed: () => seen.get("access-control-allow-origin") };
  };

  it("a page of the project's origin reads, watches and cancels", async () => {
    const own = await project.client().createSession();
    const tab = stage.client(dialect, own.watchToken);
    const { options, allowed } = page(SHOP);
    expect(await tab.getSessionStatus(own.sessionId, options)).toEqual({ status: "pending" });
    expect(allowed()).toBe(SHOP);
    expect(await firstOf(tab.watchSession(own.sessionId, options))).toMatchObject({ sequence: 1 });
    expect(await tab.cancelSession(own.sessionId, options)).toEqual({ status: "cancelled" });
  });

  it.each([FOREIGN, NEIGHBOUR, "http://shop.example", "https://shop.example:444", "null"])(
    "a page of %s is forbidden and changes nothing",
    async (origin) => {
      const tab = stage.client(dialect, session.watchToken);
      const { options } = page(origin);
      const calls = [
        () => tab.getSessionStatus(session.sessionId, options),
        () => tab.watchSession(session.sessionId, options),
        () => tab.cancelSession(session.sessionId, options),
      ];
      for (const call of calls) {
        expect(await refusalOf(call())).toMatchObject({
          reason: "forbidden",
          code: dialect === "REST" ? 403 : "permission_denied",
        });
      }
      expect(await tab.getSessionStatus(session.sessionId)).toEqual({ status: "pending" });
    },
  );

  it("a page that got hold of the API key cannot read the answer, whatever its origin", async () => {
    const website = project.client(dialect);
    for (const origin of [SHOP, FOREIGN]) {
      const { options, allowed } = page(origin);
      expect(await website.getLink(options)).toMatchObject({ configured: true });
      expect(allowed()).toBeNull();
    }
  });

  it("a project without an origin lets no other page watch", async () => {
    const closed = (await stage.project()).client();
    const own = await closed.createSession();
    const tab = stage.client(dialect, own.watchToken);
    const refusal = await refusalOf(tab.getSessionStatus(own.sessionId, page(SHOP).options));
    expect(refusal.reason).toBe("forbidden");
  });
});

describe("T16 preflight", () => {
  it("allows a project's origin, with methods, headers and a time to remember", async () => {
    for (const [method, path] of targets()) {
      const answer = await preflight(method, path, SHOP);
      expect(answer.status).toBe(204);
      expect(answer.headers.get("access-control-allow-origin")).toBe(SHOP);
      expect(answer.headers.get("access-control-allow-credentials")).toBeNull();
      expect(answer.headers.get("access-control-max-age")).toBe("600");
      expect(listOf(answer, "vary")).toContain("origin");
      expect(listOf(answer, "access-control-allow-methods")).toContain(method.toLowerCase());
      expect(listOf(answer, "access-control-allow-headers")).toEqual(
        expect.arrayContaining([
          ...["authorization", "content-type", "last-event-id", "idempotency-key"],
          ...["connect-protocol-version", "connect-timeout-ms", "x-grpc-web", "grpc-timeout"],
        ]),
      );
    }
  });

  it.each([
    FOREIGN,
    "null",
    "http://shop.example",
    `${SHOP}.evil.example`,
    "https://SHOP.example/",
  ])("gives %s no permission", async (origin) => {
    for (const [method, path] of targets()) {
      const answer = await preflight(method, path, origin);
      expect(answer.headers.get("access-control-allow-origin")).toBeNull();
      expect(answer.headers.get("access-control-allow-methods")).toBeNull();
      expect(listOf(answer, "vary")).toContain("origin");
    }
  });

  it("follows a change of the project's origin at once", async () => {
    const moving = await stage.project({ origin_url: "https://old.example" });
    const path = "/tapin.auth.v1.AuthService/GetSessionStatus";
    const allowed = async (origin: string) =>
      (await preflight("POST", path, origin)).headers.get("access-control-allow-origin");
    expect(await allowed("https://old.example")).toBe("https://old.example");
    const origin_url = "https://new.example";
    await stage.admin("PATCH", `projects/${moving.slug}`, { origin_url });
    expect(await allowed("https://new.example")).toBe("https://new.example");
    expect(await allowed("https://old.example")).toBeNull();
  });
});

it("T16 an error is readable for the project's page: reason, request id and retry time", async () => {
  const answer = await fetch(`${stage.url}/v1/auth/session/0123456789abcdef/status`, {
    headers: { origin: SHOP, authorization: `Bearer ${session.watchToken}` },
  });
  expect(answer.status).toBe(401);
  expect(answer.headers.get("access-control-allow-origin")).toBe(SHOP);
  expect(listOf(answer, "access-control-expose-headers")).toEqual(
    expect.arrayContaining(["x-request-id", "retry-after", "grpc-status", "grpc-message"]),
  );
});
