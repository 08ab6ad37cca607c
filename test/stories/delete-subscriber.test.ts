// T25: DeleteSubscriber leaves nothing of the person in the project, and nothing of anybody else is
// touched.

import { createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AdminService } from "#gen/tapin/admin/v1/admin_pb.ts";
import { grpcFailure, openGrpc } from "../server/rpc-client.ts";
import { type ContractClient, type Profile, refusalOf } from "../support/contract-client.ts";
import { codeOf, type Person } from "../support/person.ts";
import { restFetch } from "../support/rest-client.ts";
import { type Stage, type StoryProject, startStage } from "../support/story-stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await startStage();
});
afterAll(() => stage.stop());

async function logIn(person: Person, site: ContractClient, key?: string): Promise<Profile> {
  const { telegramLink } = await site.createSession({
    state: "cart-77",
    client: { ip: "198.51.100.23", userAgent: "PersonalBrowser/1.0" },
  });
  const code = codeOf(await person.logIn(telegramLink));
  return await site.verifyCode({ code }, key ? { headers: { "idempotency-key": key } } : {});
}

/** Every row of the database that names the person, as `table: row`. */
async function rowsNaming(...words: readonly string[]): Promise<readonly string[]> {
  const tables = await stage.query(
    "select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace",
  );
  const found = [];
  for (const { relname } of tables) {
    const rows = await stage.query(`select to_jsonb(t)::text as row from ${relname} t`);
    for (const { row } of rows) {
      if (words.some((word) => String(row).includes(word))) found.push(`${relname}: ${row}`);
    }
  }
  return found;
}

const remove = (slug: string, subscriberId: string) =>
  restFetch(`${stage.url}/v1/admin/projects/${slug}/subscribers/${subscriberId}`, {
    method: "DELETE",
    bearer: stage.tapin.adminToken,
  });

describe("T25 DeleteSubscriber", () => {
  it("leaves no row that names the person in the project", async () => {
    const project = await stage.project();
    const person = stage.person({ first_name: "Wilhelmina", username: "wilhelmina_k" });
    const profile = await logIn(person, project.client(), "once");
    await person.type("/lang");
    await person.tap("English");
    // A second login that is not verified, and a third that the person has only opened.
    const [second, third] = [
      await project.client().createSession(),
      await project.client().createSession({ client: { ip: "198.51.100.23" } }),
    ];
    const code = codeOf(await person.logIn(second.telegramLink));
    await person.open(third.telegramLink);
    const words = [person.id, profile.subscriberId, "Wilhelmina", "198.51.100.23", "cart-77"];
    const before = (await rowsNaming(...words)).map((row) => row.split(":")[0]);
    for (const table of ["sessions", "grants", "prompts", "idempotency_keys", "account_langs"]) {
      expect(before).toContain(table);
    }

    const watch = project.client("gRPC").watchSession(third.sessionId)[Symbol.asyncIterator]();
    expect((await watch.next()).value).toMatchObject({ status: "pending", opened: true });
    const answer = await remove(project.slug, profile.subscriberId);
    expect([answer.status, await answer.text()]).toEqual([200, "{}"]);

    expect(await rowsNaming(...words)).toEqual([]);
    // What was open has ended for whoever waits for it, and a code that was on its way works no
    // more.
    expect((await watch.next()).value).toMatchObject({ status: "cancelled" });
    expect(await project.client().getSessionStatus(third.sessionId)).toEqual({
      status: "cancelled",
    });
    expect(await project.client().getSessionStatus(second.sessionId)).toEqual({
      status: "expired",
    });
    expect((await refusalOf(project.client().verifyCode({ code }))).reason).toBe("code_invalid");
  });

  it("leaves other people, and the same person's rows of other projects", async () => {
    const [here, there] = [await stage.project(), await stage.project()];
    const [person, neighbour] = [stage.person(), stage.person()];
    const profile = await logIn(person, here.client());
    await person.type("/lang");
    await person.tap("English");
    const elsewhere = await logIn(person, there.client());
    const beside = await logIn(neighbour, here.client());
    const kept = async () => {
      const rows = await rowsNaming(elsewhere.subscriberId, beside.subscriberId, neighbour.id);
      return rows.map((row) => row.split(":")[0]).sort();
    };
    const before = await kept();
    expect((await remove(here.slug, elsewhere.subscriberId)).status).toBe(404);
    expect((await remove(here.slug, profile.subscriberId)).status).toBe(200);
    expect(await kept()).toEqual(before);
    expect((await rowsNaming(person.id)).filter((row) => row.startsWith("account_langs"))).toEqual([
      expect.stringContaining(person.id),
    ]);
    // The next login makes somebody new for this project, and the same as before for the other.
    expect((await logIn(person, here.client())).subscriberId).not.toBe(profile.subscriberId);
    expect((await logIn(person, there.client())).subscriberId).toBe(elsewhere.subscriberId);
  });

  it("answers not_found once it is done, for ids that are none, and for unknown projects", async () => {
    const project = await stage.project();
    const { subscriberId } = await logIn(stage.person(), project.client());
    expect((await remove(project.slug, subscriberId)).status).toBe(200);
    for (const [slug, id, reason] of [
      [project.slug, subscriberId, "not_found"],
      [project.slug, "nobody", "not_found"],
      ["no-such-project", subscriberId, "project_not_found"],
    ] as const) {
      const answer = await remove(slug, id);
      expect([answer.status, await answer.json()]).toMatchObject([404, { code: reason }]);
    }
    const wrong = await restFetch(
      `${stage.url}/v1/admin/projects/${project.slug}/subscribers/${subscriberId}`,
      { method: "DELETE", bearer: project.apiKey },
    );
    expect(wrong.status).toBe(401);
  });

  it("is the same over gRPC, gRPC-Web and Connect", async () => {
    const project = await stage.project();
    const headers = { authorization: `Bearer ${stage.tapin.adminToken}` };
    const over = (transport: Transport) => async (subscriberId: string) => {
      await createClient(AdminService, transport).deleteSubscriber(
        requestOf(project, subscriberId),
        {
          headers,
        },
      );
    };
    const base = { baseUrl: stage.url };
    const grpc = openGrpc(stage.url);
    const overGrpc = async (subscriberId: string) => {
      const call = { bearer: stage.tapin.adminToken };
      const request = requestOf(project, subscriberId);
      await grpc.unary(AdminService.method.deleteSubscriber, request, call);
    };
    for (const deleteOne of [
      overGrpc,
      over(createGrpcWebTransport(base)),
      over(createConnectTransport(base)),
      over(createConnectTransport({ ...base, useBinaryFormat: true })),
    ]) {
      const { subscriberId } = await logIn(stage.person(), project.client());
      await deleteOne(subscriberId);
      expect(await rowsNaming(subscriberId)).toEqual([]);
      const again = await grpcFailure(overGrpc(subscriberId));
      expect(again).toMatchObject({ code: "not_found", reason: "NOT_FOUND" });
    }
    grpc.close();
  });
});

function requestOf({ slug }: StoryProject, subscriberId: string) {
  return { slug, subscriberId };
}
