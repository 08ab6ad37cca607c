// How RPC callers are told of errors: the same code, reason and details over gRPC, gRPC-Web and
// Connect.

import { Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from "#gen/google/rpc/error_details_pb.ts";
import { AuthService } from "#gen/tapin/auth/v1/auth_pb.ts";
import { RUNTIMES, startTapin, type Tapin } from "../support/tapin.ts";
import { ask, jsonOf } from "./raw-http.ts";
import { grpcFailure, openGrpc, type RpcFailure } from "./rpc-client.ts";

type Ask = (
  bearer: string | null,
  call: "link" | "create" | "verify" | "status",
) => Promise<unknown>;

/** Requests that fail, one for each kind of answer. */
const REQUESTS = {
  link: {},
  create: { state: "a b", client: { ip: "nowhere" } },
  verify: { code: "x" },
  status: { sessionId: "aBcDeFgH12345678" },
} as const;

function overConnect(transport: Transport): Ask {
  const client = createClient(AuthService, transport);
  return (bearer, call) => {
    const options = bearer === null ? {} : { headers: { authorization: `Bearer ${bearer}` } };
    if (call === "link") return client.getLink(REQUESTS.link, options);
    if (call === "create") return client.createSession(REQUESTS.create, options);
    if (call === "verify") return client.verifyCode(REQUESTS.verify, options);
    return client.getSessionStatus(REQUESTS.status, options);
  };
}

async function connectFailureOf(call: Promise<unknown>): Promise<RpcFailure> {
  const error = await call.then(
    () => {
      throw new Error("the call succeeded");
    },
    (failure: unknown) => ConnectError.from(failure),
  );
  const [info] = error.findDetails(ErrorInfoSchema);
  const [request] = error.findDetails(BadRequestSchema);
  const [retry] = error.findDetails(RetryInfoSchema);
  return {
    code: Code[error.code].replace(/(?<=[a-z])[A-Z]/g, (letter) => `_${letter}`).toLowerCase(),
    message: error.rawMessage,
    reason: info?.reason ?? "",
    domain: info?.domain ?? "",
    violations: (request?.fieldViolations ?? []).map(
      ({ field, description }) => `${field}: ${description}`,
    ),
    retrySeconds: retry?.retryDelay === undefined ? null : Number(retry.retryDelay.seconds),
  };
}

/** The dialects: how each asks, and how each tells a failure. */
function dialectsOf(url: string) {
  const grpc = openGrpc(url);
  const overGrpc: Ask = (bearer, call) => {
    const options = bearer === null ? {} : { bearer };
    const { getLink, createSession, verifyCode, getSessionStatus } = AuthService.method;
    if (call === "link") return grpc.unary(getLink, REQUESTS.link, options);
    if (call === "create") return grpc.unary(createSession, REQUESTS.create, options);
    if (call === "verify") return grpc.unary(verifyCode, REQUESTS.verify, options);
    return grpc.unary(getSessionStatus, REQUESTS.status, options);
  };
  const base = { baseUrl: url };
  return {
    close: () => grpc.close(),
    failures: {
      gRPC: (...args: Parameters<Ask>) => grpcFailure(overGrpc(...args)),
      "gRPC-Web": (...args: Parameters<Ask>) =>
        connectFailureOf(overConnect(createGrpcWebTransport(base))(...args)),
      "gRPC-Web JSON": (...args: Parameters<Ask>) =>
        connectFailureOf(
          overConnect(createGrpcWebTransport({ ...base, useBinaryFormat: false }))(...args),
        ),
      "Connect JSON": (...args: Parameters<Ask>) =>
        connectFailureOf(overConnect(createConnectTransport(base))(...args)),
      "Connect binary": (...args: Parameters<Ask>) =>
        connectFailureOf(
          overConnect(createConnectTransport({ ...base, useBinaryFormat: true }))(...args),
        ),
    },
  };
}

const DIALECTS = ["gRPC", "gRPC-Web", "gRPC-Web JSON", "Connect JSON", "Connect binary"] as const;

describe.each(RUNTIMES)("errors of RPC on %s", (runtime) => {
  let tapin: Tapin;
  let dialects: ReturnType<typeof dialectsOf>;
  beforeAll(async () => {
    tapin = await startTapin({ runtime });
    dialects = dialectsOf(tapin.url);
  });
  afterAll(async () => {
    dialects.close();
    expect(await tapin.end()).toBe(0);
  });

  it.each(DIALECTS)("%s: every error has its code, ErrorInfo and BadRequest", async (dialect) => {
    const failure = dialects.failures[dialect];
    const common = { domain: "tapin", violations: [], retrySeconds: null };
    expect(await failure(tapin.apiKey, "create")).toEqual({
      ...common,
      code: "invalid_argument",
      message: "The request is not valid.",
      reason: "VALIDATION_FAILED",
      violations: [
        "state: must be 1-128 printable ASCII characters without space, <, > and &",
        "client.ip: must be an IPv4 or IPv6 address",
      ],
    });
    expect(await failure(tapin.apiKey, "verify")).toEqual({
      ...common,
      code: "failed_precondition",
      message: "The code is not valid.",
      reason: "CODE_INVALID",
    });
    expect(await failure(tapin.apiKey, "status")).toEqual({
      ...common,
      code: "not_found",
      message: "There is no such session.",
      reason: "SESSION_NOT_FOUND",
    });
    for (const bearer of [null, "wrong", `tapin_live_${"a".repeat(32)}`]) {
      expect(await failure(bearer, "link")).toEqual({
        ...common,
        code: "unauthenticated",
        message: "The credentials are missing or not valid.",
        reason: "UNAUTHORIZED",
      });
    }
  });

  it("REST tells the same violations as RPC", async () => {
    const answer = await ask(`${tapin.url}/v1/auth/session`, {
      headers: { authorization: `Bearer ${tapin.apiKey}` },
      body: REQUESTS.create,
    });
    expect(jsonOf(answer).violations).toEqual([
      {
        field: "state",
        message: "must be 1-128 printable ASCII characters without space, <, > and &",
      },
      { field: "client.ip", message: "must be an IPv4 or IPv6 address" },
    ]);
  });

  it("an RPC nobody serves is unimplemented to gRPC", async () => {
    const grpc = openGrpc(tapin.url);
    const method = { ...AuthService.method.getLink, name: "GetLunch" };
    const failure = await grpcFailure(grpc.unary(method as typeof AuthService.method.getLink, {}));
    grpc.close();
    expect(failure.code).toBe("unimplemented");
  });

  it("a message larger than 64 KiB is refused with resource_exhausted", async () => {
    const grpc = openGrpc(tapin.url);
    const request = { code: "x".repeat(70_000) };
    const failure = await grpcFailure(
      grpc.unary(AuthService.method.verifyCode, request, { bearer: tapin.apiKey }),
    );
    grpc.close();
    expect(failure.code).toBe("resource_exhausted");
    const answer = await ask(`${tapin.url}/tapin.auth.v1.AuthService/VerifyCode`, {
      headers: { authorization: `Bearer ${tapin.apiKey}` },
      body: request,
    });
    expect(jsonOf(answer).code).toBe("resource_exhausted");
  });

  it("an answer that holds a secret is never compressed", async () => {
    const answer = await ask(`${tapin.url}/tapin.auth.v1.AuthService/CreateSession`, {
      headers: { authorization: `Bearer ${tapin.apiKey}`, "accept-encoding": "gzip, br" },
      body: {},
    });
    expect(answer.status).toBe(200);
    expect(answer.headers["content-encoding"]).toBeUndefined();
  });
});

describe.each(RUNTIMES)("TAPIN_RATE_LIMIT=5 on %s", (runtime) => {
  let tapin: Tapin;
  let dialects: ReturnType<typeof dialectsOf>;
  beforeAll(async () => {
    tapin = await startTapin({
      runtime,
      env: { TAPIN_RATE_LIMIT: "5", TAPIN_FAILURE_LIMIT: "100" },
    });
    dialects = dialectsOf(tapin.url);
  });
  afterAll(async () => {
    dialects.close();
    await tapin.end();
  });

  const link = (apiKey: string) =>
    ask(`${tapin.url}/v1/auth/link`, { headers: { authorization: `Bearer ${apiKey}` } });

  it("one budget for all dialects; when it is used up, each says how long to wait", async () => {
    // Refusals for wrong credentials must not take from the project's budget.
    expect((await link(`tapin_live_${"a".repeat(32)}`)).status).toBe(401);
    const used = [];
    for (let call = 0; call < 4; call++) used.push((await link(tapin.apiKey)).status);
    expect(used).toEqual([200, 200, 200, 200]);
    const fifth = await dialects.failures.gRPC(tapin.apiKey, "verify");
    expect(fifth.reason).toBe("CODE_INVALID");

    const refused = await link(tapin.apiKey);
    expect(refused.status).toBe(429);
    expect(jsonOf(refused)).toMatchObject({ code: "rate_limited", retryable: true });
    const seconds = Number(refused.headers["retry-after"]);
    expect(seconds).toBeGreaterThanOrEqual(1);
    expect(seconds).toBeLessThanOrEqual(60);
    for (const dialect of DIALECTS) {
      const failure = await dialects.failures[dialect](tapin.apiKey, "link");
      expect(failure).toMatchObject({
        code: "resource_exhausted",
        reason: "RATE_LIMITED",
        message: "Too many requests. Try again later.",
      });
      expect(failure.retrySeconds).toBeGreaterThanOrEqual(1);
      expect(failure.retrySeconds).toBeLessThanOrEqual(60);
    }
  });

  it("another project and the operator have their own", async () => {
    const headers = { authorization: `Bearer ${tapin.adminToken}` };
    const projects = `${tapin.url}/v1/admin/projects`;
    await ask(projects, { headers, body: { slug: "other", name: "Other" } });
    const made = await ask(`${projects}/other/keys`, { headers, body: { name: "a" } });
    expect((await link(String(jsonOf(made).api_key))).status).toBe(200);
    for (let call = 0; call < 8; call++) {
      expect((await ask(projects, { headers })).status).toBe(200);
    }
  });

  it("T10 made-up watch tokens share the budget of their address, ten times as large", async () => {
    const status = (token: string) =>
      ask(`${tapin.url}/v1/auth/session/aBcDeFgH12345678/status`, {
        headers: { authorization: `Bearer ${token}` },
      });
    const madeUp = (prefix: string, index: number) =>
      `tapin_${prefix}_${String(index).padStart(32, "0")}`;
    let answered = 0;
    while ((await status(madeUp("watch", answered))).status !== 429) {
      answered += 1;
      expect(answered).toBeLessThanOrEqual(50);
    }
    // The tests before have used up less than ten of the fifty.
    expect(answered).toBeGreaterThan(40);
    const refused = await status(madeUp("watch", 1000));
    expect(refused.status).toBe(429);
    expect(Number(refused.headers["retry-after"])).toBeGreaterThanOrEqual(1);
    const headers = { authorization: `Bearer ${tapin.adminToken}` };
    const projects = `${tapin.url}/v1/admin/projects`;
    await ask(projects, { headers, body: { slug: "third", name: "Third" } });
    const made = await ask(`${projects}/third/keys`, { headers, body: { name: "a" } });
    expect((await link(String(jsonOf(made).api_key))).status).toBe(200);
  });
});
