// What the contract says in words, looked up in the document: null and absent, limits, credentials,
// headers, errors. It is written by hand, so that a generator that goes wrong is not its own
// witness.

import { expect, it } from "vitest";
import { DOCUMENT, OPERATIONS, type Part, resolve } from "../support/openapi.ts";

type Parts = Readonly<Record<string, Part>>;

const { schemas } = DOCUMENT.components as { schemas: Parts };

function operation(operationId: string): Part {
  const found = OPERATIONS.find((each) => each.operation.operationId === operationId);
  if (found === undefined) throw new Error(`no operation ${operationId}`);
  return found.operation;
}

const fieldsOf = (message: string) => (schemas[message]?.properties ?? {}) as Parts;
const field = (message: string, name: string) => fieldsOf(message)[name];

it("a link, a user name and a state are text or null, and always there", () => {
  for (const [message, name] of [
    ["GetLinkResponse", "telegram_link"],
    ["CreateSessionResponse", "max_link"],
    ["VerifyCodeResponse", "username"],
    ["VerifyCodeResponse", "avatar_url"],
    ["VerifyCodeResponse", "state"],
    ["Project", "callback_url"],
    ["ApiKey", "revoked_at"],
  ] as const) {
    expect(field(message, name)?.type).toEqual(["string", "null"]);
    expect(schemas[message]?.required).toContain(name);
  }
});

it("a code and a match code are text, and absent while there is none", () => {
  for (const [message, name] of [
    ["GetSessionStatusResponse", "code"],
    ["WatchSessionResponse", "code"],
    ["CreateSessionResponse", "match_code"],
  ] as const) {
    expect(field(message, name)?.type).toBe("string");
    expect(schemas[message]?.required).not.toContain(name);
  }
});

it("enums are short names in lower case, and none says that nothing was given", () => {
  expect(schemas.SessionStatus?.enum).toEqual(["pending", "completed", "expired", "cancelled"]);
  expect(schemas.Channel?.enum).toEqual(["telegram", "max"]);
  expect(schemas.MatchCodePolicy?.enum).toEqual(["optional", "required"]);
});

it("seconds are int32, and times are RFC 3339", () => {
  const seconds = { type: "integer", format: "int32" };
  expect(field("CreateSessionResponse", "expires_in")).toMatchObject(seconds);
  expect(field("Project", "created_at")).toMatchObject({ type: "string", format: "date-time" });
});

it("limits of requests are the rules of the proto files", () => {
  expect(field("CreateSessionRequest", "state")?.pattern).toBe("^[!-%'-;=?-~]{1,128}$");
  expect(field("CreateSessionRequest", "redirect_uri")).toMatchObject({
    minLength: 1,
    maxLength: 2048,
  });
  expect(field("VerifyCodeRequest", "code")).toMatchObject({ minLength: 1, maxLength: 256 });
  expect(field("CreateProjectRequest", "redirect_uris")).toMatchObject({ maxItems: 20 });
  expect(schemas.CreateProjectRequest?.required).toEqual(["slug", "name"]);
  expect(schemas.CreateSessionRequest?.required).toBeUndefined();
  expect(Object.keys(fieldsOf("CreateApiKeyRequest"))).toEqual(["name"]);
  expect(Object.keys(fieldsOf("UpdateProjectRequest"))).not.toContain("update_mask");
  const [pageSize] = operation("listProjects").parameters as readonly Part[];
  expect(pageSize).toMatchObject({
    in: "query",
    required: false,
    schema: { minimum: 0, maximum: 100 },
  });
});

it("every operation names the credentials it takes", () => {
  const schemes = (id: string) => operation(id).security;
  expect(schemes("createSession")).toEqual([{ apiKey: [] }]);
  expect(schemes("watchSession")).toEqual([{ apiKey: [] }, { watchToken: [] }]);
  expect(schemes("createProject")).toEqual([{ adminToken: [] }]);
  expect(schemes("openLink")).toEqual([]);
});

it("Idempotency-Key and Last-Event-ID are parameters where they are honoured, and nowhere else", () => {
  const takers = (name: string) =>
    OPERATIONS.filter(({ operation: { parameters } }) =>
      (parameters as readonly Part[]).map(resolve).some((each) => each.name === name),
    ).map((each) => each.operation.operationId);
  expect(takers("Idempotency-Key").sort()).toEqual([
    "createSession",
    "getSessionStatus",
    "verifyCode",
    "watchSession",
  ]);
  expect(takers("Last-Event-ID")).toEqual(["watchSession"]);
  expect(takers("X-Request-Id")).toHaveLength(OPERATIONS.length);
});

it("errors name their reasons, and carry the headers that belong to them", () => {
  const response = (id: string, status: number) =>
    resolve((operation(id).responses as Parts)[status] as Part);
  const reasons = (id: string, status: number) => {
    const { schema } = (response(id, status).content as Parts)["application/json"] as Part;
    const { allOf } = schema as { allOf: { properties: { code: { enum: string[] } } }[] };
    return allOf[1]?.properties.code.enum.sort();
  };
  expect(reasons("createSession", 400)).toEqual(["redirect_uri_invalid", "validation_failed"]);
  expect(reasons("verifyCode", 400)).toEqual(["code_invalid", "validation_failed"]);
  expect(reasons("getSessionStatus", 404)).toEqual(["session_not_found"]);
  expect(reasons("revokeApiKey", 404)).toEqual(["not_found", "project_not_found"]);
  expect(Object.keys(response("getLink", 401).headers as Parts)).toContain("WWW-Authenticate");
  expect(Object.keys(response("getLink", 429).headers as Parts)).toContain("Retry-After");
  expect(Object.keys(operation("getLink").responses as Parts)).not.toContain("415");
  expect(Object.keys(operation("watchSession").responses as Parts)).not.toContain("504");
});

it("WatchSession streams in both forms", () => {
  const { content } = (operation("watchSession").responses as Parts)[200] as Part;
  expect(Object.keys(content as Parts)).toEqual(["text/event-stream", "application/x-ndjson"]);
});
