// AdminService as gRPC (by grpc-js) and as Connect JSON: the same verbs as over REST, and the field
// mask.

import type { DescMethodUnary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AdminService, MatchCodePolicy } from "#gen/tapin/admin/v1/admin_pb.ts";
import { AuthService } from "#gen/tapin/auth/v1/auth_pb.ts";
import { startPostgres, type TestPostgres } from "../support/postgres.ts";
import { RUNTIMES, startTapin, type Tapin, TEST_SECRET } from "../support/tapin.ts";
import { ask, jsonOf } from "./raw-http.ts";
import {
  askConnect,
  connectFailure,
  type GrpcClient,
  grpcFailure,
  openGrpc,
} from "./rpc-client.ts";

const rpc = AdminService.method;

type FailureRow = readonly [
  DescMethodUnary,
  Record<string, unknown>,
  string,
  string,
  readonly string[],
];

describe.each(RUNTIMES)("AdminService over RPC on %s", (runtime) => {
  let tapin: Tapin;
  let grpc: GrpcClient;
  let bearer: string;
  beforeAll(async () => {
    tapin = await startTapin({ runtime });
    grpc = openGrpc(tapin.url);
    bearer = tapin.adminToken;
  });
  afterAll(async () => {
    grpc.close();
    expect(await tapin.end()).toBe(0);
  });

  it("gRPC: a project is created, read, listed and changed", async () => {
    const draft = { slug: "g-life", name: "Life", callbackUrl: "https://g.example/in" };
    const { project } = await grpc.unary(rpc.createProject, draft, { bearer });
    expect(project).toMatchObject({ ...draft, matchCode: MatchCodePolicy.OPTIONAL });
    expect(project?.originUrl).toBeUndefined();
    expect(Number(project?.createdAt?.seconds)).toBeGreaterThan(1_700_000_000);
    const read = await grpc.unary(rpc.getProject, { slug: "g-life" }, { bearer });
    expect(read.project).toEqual(project);
    const list = await grpc.unary(rpc.listProjects, { pageSize: 100 }, { bearer });
    expect(list.projects).toContainEqual(project);
  });

  it("gRPC: keys are made, work, are revoked and stay listed", async () => {
    await grpc.unary(rpc.createProject, { slug: "g-keys", name: "Keys" }, { bearer });
    const made = await grpc.unary(rpc.createApiKey, { slug: "g-keys", name: "a" }, { bearer });
    await grpc.unary(AuthService.method.getLink, {}, { bearer: made.apiKey });
    const key = { slug: "g-keys", keyId: made.keyId };
    await grpc.unary(rpc.revokeApiKey, key, { bearer });
    const failure = await grpcFailure(
      grpc.unary(AuthService.method.getLink, {}, { bearer: made.apiKey }),
    );
    expect(failure).toMatchObject({ code: "unauthenticated", reason: "UNAUTHORIZED" });
    const { keys } = await grpc.unary(rpc.listApiKeys, { slug: "g-keys" }, { bearer });
    expect(keys).toMatchObject([{ keyId: made.keyId, name: "a", hint: made.apiKey.slice(-4) }]);
    expect(keys[0]?.revokedAt).toBeDefined();
  });

  it("update_mask: only what it names is changed, and what is unset there is cleared", async () => {
    const draft = {
      slug: "g-mask",
      name: "Mask",
      callbackUrl: "https://g.example/in",
      originUrl: "https://g.example",
      redirectUris: ["https://g.example/a"],
      matchCode: MatchCodePolicy.REQUIRED,
    };
    await grpc.unary(rpc.createProject, draft, { bearer });
    const update = async (change: object, paths: string[]) => {
      const request = { slug: "g-mask", ...change, updateMask: { paths } };
      return (await grpc.unary(rpc.updateProject, request, { bearer })).project;
    };
    expect(await update({ name: "New", originUrl: "https://x.example" }, ["name"])).toMatchObject({
      ...draft,
      name: "New",
    });
    // Silence switches no guard off.
    expect(await update({}, ["match_code", "subscription"])).toMatchObject({
      matchCode: MatchCodePolicy.REQUIRED,
    });
    const cleared = await update({}, ["callback_url", "redirect_uris"]);
    expect(cleared?.callbackUrl).toBeUndefined();
    expect(cleared).toMatchObject({ redirectUris: [], originUrl: draft.originUrl, name: "New" });
  });

  it("without a mask the populated fields are changed, as AIP-134 has it", async () => {
    const draft = { slug: "g-none", name: "None", originUrl: "https://g.example" };
    await grpc.unary(rpc.createProject, draft, { bearer });
    const request = { slug: "g-none", matchCode: MatchCodePolicy.REQUIRED };
    const { project } = await grpc.unary(rpc.updateProject, request, { bearer });
    expect(project).toMatchObject({ ...draft, matchCode: MatchCodePolicy.REQUIRED });
  });

  it.each([["slug"], ["created_at"], ["colour"], ["callbackUrl"], ["name.first"]])(
    "a mask that names %s is refused",
    async (path) => {
      const request = { slug: "demo", updateMask: { paths: [path] } };
      const failure = await grpcFailure(grpc.unary(rpc.updateProject, request, { bearer }));
      expect(failure).toMatchObject({
        code: "invalid_argument",
        reason: "VALIDATION_FAILED",
        violations: [`update_mask: names ${path}, which cannot be changed`],
      });
    },
  );

  it("a mask cannot empty the name", async () => {
    const request = { slug: "demo", updateMask: { paths: ["name"] } };
    const failure = await grpcFailure(grpc.unary(rpc.updateProject, request, { bearer }));
    expect(failure.violations).toEqual(["name: must not be empty"]);
  });

  it("Connect JSON: the same project in ProtoJSON names, by the same rules", async () => {
    const body = { slug: "c-life", name: "Life", callbackUrl: "https://c.example/in" };
    const created = await askConnect(tapin.url, rpc.createProject, { body, bearer });
    expect(created.status).toBe(200);
    expect(created.headers["cache-control"]).toBe("no-store");
    expect(jsonOf(created)).toMatchObject({
      project: { ...body, matchCode: "MATCH_CODE_POLICY_OPTIONAL" },
    });
    const change = { slug: "c-life", originUrl: "https://c.example", updateMask: "originUrl" };
    const updated = await askConnect(tapin.url, rpc.updateProject, { body: change, bearer });
    expect(jsonOf(updated)).toMatchObject({
      project: { ...body, originUrl: "https://c.example" },
    });
    const again = await askConnect(tapin.url, rpc.createProject, { body, bearer });
    expect(again.status).toBe(409);
    expect(connectFailure(again)).toMatchObject({ code: "already_exists", reason: "CONFLICT" });
  });

  const FAILURES: readonly FailureRow[] = [
    [rpc.getProject, { slug: "nobody" }, "not_found", "PROJECT_NOT_FOUND", []],
    [rpc.revokeApiKey, { slug: "demo", keyId: "x" }, "not_found", "NOT_FOUND", []],
    [
      rpc.createProject,
      { slug: "x", name: "X", callbackUrl: "http://localhost/" },
      "invalid_argument",
      "VALIDATION_FAILED",
      [
        "callback_url: must not use localhost, which messengers refuse in a button; use 127.0.0.1 instead",
      ],
    ],
  ];

  it.each(FAILURES)("%s fails alike over gRPC and Connect", async (...row) => {
    const [method, request, code, reason, violations] = row;
    const expected = { code, reason, domain: "tapin", violations };
    expect(await grpcFailure(grpc.unary(method, request, { bearer }))).toMatchObject(expected);
    const answer = await askConnect(tapin.url, method, { body: request, bearer });
    expect(connectFailure(answer)).toMatchObject(expected);
  });

  it("wants the admin token", async () => {
    for (const wrong of [undefined, "wrong", tapin.apiKey]) {
      const options = wrong === undefined ? {} : { bearer: wrong };
      const failure = await grpcFailure(grpc.unary(rpc.listProjects, {}, options));
      expect(failure).toMatchObject({ code: "unauthenticated", reason: "UNAUTHORIZED" });
      const answer = await askConnect(tapin.url, rpc.listProjects, options);
      expect(answer.status).toBe(401);
      expect(answer.headers["www-authenticate"]).toMatch(/^Bearer realm="tapin"/);
    }
  });
});

describe("AdminService that is off", () => {
  let postgres: TestPostgres;
  let tapin: Tapin;
  beforeAll(async () => {
    postgres = await startPostgres();
    const TAPIN_DATABASE_URL = await postgres.createDatabase();
    const env = { TAPIN_DATABASE_URL, TAPIN_SECRET: TEST_SECRET, TAPIN_ADMIN_TOKEN: "" };
    tapin = await startTapin({ env });
  });
  afterAll(async () => {
    await tapin.end();
    await postgres.stop();
  });

  it.each([["no token"], ["some token"]])(
    "refuses %s with forbidden, and says why",
    async (with_) => {
      const bearer = with_ === "no token" ? {} : { bearer: "tapin_admin_for_tests_only" };
      const headers: Record<string, string> =
        with_ === "no token" ? {} : { authorization: "Bearer tapin_admin_for_tests_only" };
      const rest = await ask(`${tapin.url}/v1/admin/projects`, { headers });
      expect(rest.status).toBe(403);
      expect(jsonOf(rest)).toMatchObject({
        error: "AdminService is off: TAPIN_ADMIN_TOKEN is not set.",
        code: "forbidden",
      });
      const answer = await askConnect(tapin.url, rpc.listProjects, bearer);
      expect(connectFailure(answer)).toMatchObject({
        code: "permission_denied",
        reason: "FORBIDDEN",
      });
      const grpc = openGrpc(tapin.url);
      const failure = await grpcFailure(grpc.unary(rpc.listProjects, {}, bearer));
      grpc.close();
      expect(failure).toMatchObject({ code: "permission_denied", reason: "FORBIDDEN" });
    },
  );
});
