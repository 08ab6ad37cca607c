// A key that is revoked, a project that is changed and a session that ends through one process, as
// they are seen through another that answers from memory: calls, open streams, pages, polls. One
// process is on Node, the other on Deno.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { LISTENER_NAME } from "../../src/store/listener.ts";
import { awaitCondition } from "../support/await-condition.ts";
import { CLIENTS } from "../support/clients.ts";
import { type ContractClient, type DialectName, refusalOf } from "../support/contract-client.ts";
import { type DatabaseProxy, startDatabaseProxy } from "../support/database-proxy.ts";
import { openWatch } from "../support/open-watch.ts";
import { restFetch } from "../support/rest-client.ts";
import { type Stage, type StoryProject, startStage } from "../support/story-stage.ts";
import { startTapin, type Tapin } from "../support/tapin.ts";

/**
 * Milliseconds within which a stream must end: at its next heartbeat (14 s) it would look anyhow.
 */
const AT_ONCE_MS = 7000;

const DIALECTS = ["gRPC", "REST"] as const;

describe.each([
  { told: "node", asked: "deno" },
  { told: "deno", asked: "node" },
] as const)("told on $told, asked on $asked", ({ told, asked }) => {
  let stage: Stage;
  let proxy: DatabaseProxy;
  let second: Tapin;
  let project: StoryProject;
  const clients: ContractClient[] = [];
  beforeAll(async () => {
    stage = await startStage({ runtime: told });
    proxy = await startDatabaseProxy(stage.databaseUrl);
    const env = { TAPIN_DATABASE_URL: proxy.url, TAPIN_SANDBOX: "off" };
    second = await startTapin({ runtime: asked, env });
  });
  afterAll(async () => {
    await second?.end("SIGKILL");
    await proxy?.close();
    await stage?.stop();
  });
  beforeEach(async () => {
    project = await stage.project();
  });
  afterEach(() => {
    proxy.restore();
    for (const client of clients.splice(0)) client.close();
  });

  const onSecond = (dialect: DialectName, bearer = project.apiKey) => {
    const client = CLIENTS[dialect](second.url, bearer);
    clients.push(client);
    return client;
  };
  const revoke = () => stage.admin("DELETE", `projects/${project.slug}/keys/${project.keyId}`);

  /** A session that the second process answers polls of from memory. */
  async function makeKnown(client: ContractClient): Promise<string> {
    const { sessionId } = await client.createSession();
    for (let polls = 0; polls < 10; polls++) await client.getSessionStatus(sessionId);
    return sessionId;
  }

  it("T21 a key that is in constant use is refused once it is revoked", async () => {
    const client = onSecond("REST");
    const sessionId = await makeKnown(client);
    await revoke();
    for (const call of [client.getLink(), client.getSessionStatus(sessionId)]) {
      expect((await refusalOf(call)).reason).toBe("unauthorized");
    }
  });

  it("T21 the same while nothing tells the second process of changes", async () => {
    const client = onSecond("gRPC");
    await makeKnown(client);
    proxy.silence(LISTENER_NAME);
    await revoke();
    expect((await refusalOf(client.getLink())).reason).toBe("unauthorized");
  });

  it.each(DIALECTS)("T21 a watch over %s ends as its key is revoked, on both", async (dialect) => {
    const { sessionId } = await project.client().createSession();
    const opened = [project.client(dialect), onSecond(dialect)].map((client) =>
      openWatch(client, { sessionId, watchToken: project.apiKey }),
    );
    await Promise.all(opened.map(({ first }) => first));
    await revoke();
    const revokedAt = performance.now();
    const ends = await Promise.all(opened.map(({ end }) => end));
    expect(ends).toEqual(["unauthorized", "unauthorized"]);
    expect(performance.now() - revokedAt).toBeLessThan(AT_ONCE_MS);
  });

  it("a changed project is seen by callers and pages", async () => {
    const client = onSecond("REST");
    await makeKnown(client);
    const redirectUri = "https://shop.example/new";
    const mayRedirect = async () =>
      (await client.createSession({ redirectUri }).catch(() => null)) !== null;
    expect(await mayRedirect()).toBe(false);
    const page = "https://page.example";
    const mayRead = async (origin: string) => {
      const answer = await restFetch(`${second.url}/v1/auth/link`, { headers: { origin } });
      await answer.body?.cancel();
      return answer.headers.get("access-control-allow-origin") === origin;
    };
    const change = (body: object) => stage.admin("PATCH", `projects/${project.slug}`, body);
    await change({ redirect_uris: [redirectUri], origin_url: page });
    await awaitCondition("the redirect URI is taken", mayRedirect);
    await awaitCondition("the page may read", () => mayRead(page));
    await change({ redirect_uris: [], origin_url: "https://other.example" });
    await awaitCondition("the page may not read any more", async () => !(await mayRead(page)));
    await awaitCondition("the redirect URI is refused", async () => !(await mayRedirect()));
  });

  it("pending polls need no database; a foreign key and a foreign token get what they always did", async () => {
    const client = onSecond("REST");
    const sessionId = await makeKnown(client);
    const foreign = onSecond("gRPC", (await stage.project()).apiKey);
    const { watchToken } = await client.createSession();
    const byForeignKey = foreign.getSessionStatus(sessionId);
    expect((await refusalOf(byForeignKey)).reason).toBe("session_not_found");
    const byForeignToken = foreign.getSessionStatus(sessionId, { bearer: watchToken });
    expect((await refusalOf(byForeignToken)).reason).toBe("unauthorized");

    // Again when this machine was too busy to keep what is known fresh.
    const isAnswered = async () => {
      const known = await makeKnown(client);
      proxy.silence("tapin");
      const answer = await client.getSessionStatus(known).catch(() => null);
      proxy.restore();
      return answer?.status === "pending";
    };
    await awaitCondition("it is answered while the database says nothing", isAnswered, 30_000);
  });

  it("a session that was cancelled elsewhere is pending for no longer than a moment", async () => {
    const client = onSecond("gRPC");
    const sessionId = await makeKnown(client);
    await project.client().cancelSession(sessionId);
    await awaitCondition("it is cancelled", async () => {
      return (await client.getSessionStatus(sessionId)).status === "cancelled";
    });
    const here = await makeKnown(client);
    expect(await client.cancelSession(here)).toEqual({ status: "cancelled" });
    expect(await client.getSessionStatus(here)).toEqual({ status: "cancelled" });
  });
});
