// What HTTP itself refuses, for every RPC on its RPC path and on its REST path, from the
// descriptors: verbs, types, sizes, targets. What is refused here is refused whoever asks.

import type { DescMethod } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ERRORS, type Reason } from "../../src/errors.ts";
import { type Answer, ask, jsonOf, type Question } from "../server/raw-http.ts";
import { RUNTIMES } from "../support/tapin.ts";
import { failureOfRest } from "./failure.ts";
import { bearerFor, METHOD_ROWS, METHODS, messageOf, recipeOf } from "./methods.ts";
import { expectRefusal, seenReasons } from "./outcome.ts";
import { restFormOf, templateOf, verbsOf } from "./rest-form.ts";
import { rpcPath } from "./speak.ts";
import { startWorld, type World } from "./world.ts";

const VERBS = ["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE"];
const TOO_LARGE = 70_000;

/** Reasons whose matrix is answers.test.ts or faults.test.ts. */
const OTHERS: readonly Reason[] = [
  "VALIDATION_FAILED",
  "CODE_INVALID",
  "REDIRECT_URI_INVALID",
  "UNAUTHORIZED",
  "FORBIDDEN",
  "SESSION_NOT_FOUND",
  "PROJECT_NOT_FOUND",
  "CONFLICT",
  "RATE_LIMITED",
  "INTERNAL",
  "UNAVAILABLE",
  "DEADLINE_EXCEEDED",
  "CANCELED",
  // A compression nobody knows, and other than one message: test/server/rpc-refusals.
  "UNIMPLEMENTED",
];

function expectRest(answer: Answer, reason: Reason): void {
  const headers = new Headers(answer.headers);
  const failure = failureOfRest(jsonOf(answer) as Parameters<typeof failureOfRest>[0]);
  const outcome = { status: answer.status, headers, messages: [], failure };
  expectRefusal(outcome, reason, { dialect: "REST", isStream: false });
}

describe.each(RUNTIMES)("what HTTP refuses on %s", (runtime) => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld(runtime);
  });
  afterAll(() => world.stop());

  /** Asks with the credentials of the RPC. */
  function asks(method: DescMethod, path: string, { headers, ...question }: Question) {
    const bearer = bearerFor(recipeOf(method), world);
    const authorization: Record<string, string> =
      bearer === null ? {} : { authorization: `Bearer ${bearer}` };
    // Node's client gives the body of a GET or DELETE no length by itself.
    const length: Record<string, string> =
      typeof question.body === "string" ? { "content-length": String(question.body.length) } : {};
    return ask(world.stage.url + path, {
      ...question,
      headers: { ...authorization, ...length, ...headers },
    });
  }

  it.each(METHOD_ROWS)("%s: on its RPC path", async (_, method) => {
    const path = rpcPath(method);
    const readOnly = method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
    const allowed = readOnly ? ["GET", "POST"] : ["POST"];
    for (const verb of VERBS.filter((each) => !allowed.includes(each) && each !== "HEAD")) {
      const answer = await asks(method, path, { method: verb });
      expectRest(answer, "METHOD_NOT_ALLOWED");
      expect(answer.headers.allow).toBe(allowed.join(", "));
    }
    for (const type of ["text/plain", "application/xml", "application/grpc-web-text"]) {
      const headers = { "content-type": type };
      const answer = await asks(method, path, { headers, body: "{}" });
      expectRest(answer, "UNSUPPORTED_MEDIA_TYPE");
      expect(answer.headers["accept-post"]).toContain("application/grpc-web+proto");
    }
    const post = { headers: { "content-type": "application/json" }, body: "{}" };
    expectRest(await asks(method, `${path}/`, post), "NOT_FOUND");
    expectRest(await asks(method, `${path}?${"a".repeat(8200)}`, post), "URI_TOO_LONG");
    expectRest(await asks(method, `${path}?key=${world.apiKey}`, post), "VALIDATION_FAILED");
  });

  it.each(METHOD_ROWS)("%s: on its REST path", async (_, method) => {
    const { request } = await recipeOf(method).answered(world);
    const { verb, path, body } = restFormOf(method, messageOf(method, request));
    const verbs = verbsOf([...METHODS.values()], templateOf(method));
    const allowed = VERBS.filter((each) => verbs.includes(each === "HEAD" ? "GET" : each));
    const allow = new Set([...allowed, "OPTIONS"]);
    for (const other of VERBS.filter((each) => !allow.has(each) && each !== "HEAD")) {
      const answer = await asks(method, path, { method: other });
      expectRest(answer, "METHOD_NOT_ALLOWED");
      expect(new Set(answer.headers.allow?.split(", "))).toEqual(allow);
    }
    const options = await asks(method, path, { method: "OPTIONS" });
    expect([options.status, options.text]).toEqual([204, ""]);
    expect(new Set(options.headers.allow?.split(", "))).toEqual(allow);
    const stream = method.methodKind !== "unary" && { accept: "application/x-ndjson" };
    const json = { "content-type": "application/json", ...stream };
    const good = { method: verb, headers: { ...(body ? json : stream) }, ...(body && { body }) };
    const html = { ...good, headers: { ...good.headers, accept: "text/html" } };
    expectRest(await asks(method, path, html), "NOT_ACCEPTABLE");
    expectRest(await asks(method, `${path}/`, good), "NOT_FOUND");
    expectRest(await asks(method, `/${path}`, good), "NOT_FOUND");
    expectRest(await asks(method, `${path}?${"a".repeat(8200)}`, good), "URI_TOO_LONG");
    expectRest(await asks(method, `${path}?key=${world.apiKey}`, good), "VALIDATION_FAILED");
    const large = { method: verb, headers: json, body: `{"x":"${"y".repeat(TOO_LARGE)}"}` };
    expectRest(await asks(method, path, large), "BODY_TOO_LARGE");
    const head = { ...good, headers: { ...good.headers, "x-large": "y".repeat(20_000) } };
    expectRest(await asks(method, path, head), "HEADERS_TOO_LARGE");
    if (body === undefined) {
      const some = await asks(method, path, { method: verb, headers: json, body: "{}" });
      expectRest(some, "VALIDATION_FAILED");
      expect(jsonOf(some).error).toBe("This method takes no body.");
      return;
    }
    for (const type of ["text/plain", "application/json; charset=latin1", "multipart/form-data"]) {
      const answer = await asks(method, path, { ...good, headers: { "content-type": type } });
      expectRest(answer, "UNSUPPORTED_MEDIA_TYPE");
      const accepts = { POST: "accept-post", PATCH: "accept-patch" }[verb] ?? "accept";
      expect(answer.headers[accepts]).toBe("application/json");
    }
    for (const text of ["{", "[]", `${'{"x":'.repeat(5000)}1${"}".repeat(5000)}`]) {
      const broken = { method: verb, headers: json, body: text };
      expectRest(await asks(method, path, broken), "VALIDATION_FAILED");
    }
    const polluted = { method: verb, headers: json, body: '{"__proto__":{"slug":"x"}}' };
    expectRest(await asks(method, path, polluted), "VALIDATION_FAILED");
  });

  // Fields with two words: their other spelling is none of the contract's.
  const worded = METHOD_ROWS.flatMap(([name, method]) =>
    method.input.fields
      .filter((field) => field.jsonName !== field.name)
      .map((field) => [name, field.jsonName, method] as const),
  );
  it.each(worded)(
    "%s: REST does not know %s, which is ProtoJSON's name",
    async (_, key, method) => {
      const { request } = await recipeOf(method).answered(world);
      const { verb, path, body } = restFormOf(method, messageOf(method, request));
      const question = { method: verb, ...(body && { body: { ...body, [key]: null } }) };
      const target = body === undefined ? `${path}?${key}=1` : path;
      const accept = method.methodKind === "unary" ? "application/json" : "application/x-ndjson";
      const answer = await asks(method, target, { ...question, headers: { accept } });
      expectRest(answer, "VALIDATION_FAILED");
      expect(jsonOf(answer).violations).toEqual([{ field: key, message: "is not known" }]);
    },
  );

  const gets = METHOD_ROWS.filter(
    ([, method]) => verbsOf([method], templateOf(method))[0] === "GET",
  );
  it.each(gets)("%s: HEAD is answered like GET, and delivers nothing", async (_, method) => {
    const { request } = await recipeOf(method).answered(world);
    const { path } = restFormOf(method, messageOf(method, request));
    const accept = method.methodKind === "unary" ? "application/json" : "application/x-ndjson";
    const get = await asks(method, path, { headers: { accept } });
    const head = await asks(method, path, { method: "HEAD", headers: { accept } });
    expect([head.status, head.text, head.headers["content-type"]]).toEqual([
      200,
      "",
      get.headers["content-type"],
    ]);
  });
});

it("every reason of the table has its matrix", () => {
  const all = new Set<string>([...OTHERS, ...seenReasons]);
  expect(Object.keys(ERRORS).filter((reason) => !all.has(reason))).toEqual([]);
});
