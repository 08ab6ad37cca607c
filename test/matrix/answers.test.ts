// The matrix: every RPC x every outcome a healthy Tapin has x every dialect x both runtimes. RPCs,
// fields and rules come from the descriptors; what only a person can know is in recipes.ts, and an
// RPC that is missing there fails here.

import type { DescMethod, JsonValue } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Reason } from "../../src/errors.ts";
import type { DialectName } from "../support/contract-client.ts";
import { RUNTIMES } from "../support/tapin.ts";
import { brokenRulesOf } from "./broken-rules.ts";
import { call, METHOD_ROWS, METHODS, recipeOf } from "./methods.ts";
import { expectAnswer, expectRefusal, type Failure, type Outcome } from "./outcome.ts";
import type { Fields, Prepared } from "./recipes.ts";
import { type Ask, DIALECTS } from "./speak.ts";
import { startWorld, type World } from "./world.ts";

const FOREIGN = "https://evil.example";

it("every RPC of the proto files has its recipe", () => {
  for (const method of METHODS.values()) recipeOf(method);
  expect(METHODS.size).toBeGreaterThanOrEqual(22);
});

/** Ids, times, secrets and made-up names differ from call to call, but not in their form. */
function masked(answers: readonly JsonValue[]): JsonValue {
  const text = JSON.stringify(answers)
    .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, "<uuid>")
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "<time>")
    .replaceAll(/(tapin_[a-z]+_)[A-Za-z0-9]{32}/g, "$1<secret>")
    .replaceAll(/auths_[A-Za-z0-9]{16}/g, "auths_<id>")
    .replaceAll(/("sessionId":)"[A-Za-z0-9]{16}"/g, '$1"<id>"')
    .replaceAll(/("matchCode":)"\d\d"/g, '$1"<number>"')
    .replaceAll(/avatars\/\d+/g, "avatars/<id>")
    .replaceAll(/("hint":)"[A-Za-z0-9]{4}"/g, '$1"<hint>"')
    .replaceAll(/\b(m|shop)-[0-9a-f]{8}/g, "<slug>");
  return JSON.parse(text);
}

describe.each(RUNTIMES)("the matrix on %s", (runtime) => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld(runtime);
  });
  afterAll(() => world.stop());

  /** The same in every dialect, whatever it is that is asked for in each. */
  async function inAllDialects<T>(
    method: DescMethod,
    inOne: (cell: { dialect: DialectName; method: DescMethod; isStream: boolean }) => Promise<T>,
  ): Promise<void> {
    const isStream = method.methodKind !== "unary";
    const results: { dialect: string; result: T }[] = [];
    for (const dialect of DIALECTS) {
      const result = await inOne({ dialect, method, isStream }).catch((error: Error) => {
        error.message = `over ${dialect}: ${error.message}`;
        throw error;
      });
      results.push({ dialect, result });
    }
    const [first] = results;
    for (const { dialect, result } of results) {
      expect({ dialect, result }).toEqual({ dialect, result: first?.result });
    }
  }

  /** Refused alike in every dialect. */
  async function refusedAlike(
    method: DescMethod,
    reason: Reason,
    { request, headers }: Prepared,
    more: Partial<Ask> = {},
  ): Promise<void> {
    const prepared = { request, ...(headers && { headers }) };
    await inAllDialects(method, async (cell) => {
      const failure = expectRefusal(await call(world, cell, prepared, more), reason, cell);
      return toldBy(failure);
    });
  }

  const toldBy = ({ sentence, violations }: Failure) => ({ sentence, violations });

  it.each(METHOD_ROWS)("%s: answered with equal data", async (_, method) => {
    const recipe = recipeOf(method);
    await inAllDialects(method, async (cell) => {
      const prepared = await recipe.answered(world);
      // REST alone is strict about fields it does not know.
      const unknownField = cell.dialect !== "REST";
      const messages = expectAnswer(await call(world, cell, prepared, { unknownField }));
      expect(messages.length).toBeGreaterThan(0);
      return recipe.equal === undefined ? masked(messages) : messages.map(recipe.equal);
    });
  });

  const watched = METHOD_ROWS.filter(
    ([, method]) => recipeOf(method).takes === "api_key_or_watch_token",
  );
  it.each(watched)("%s: a watch token is as good as the key", async (_, method) => {
    await inAllDialects(method, async (cell) => {
      const prepared = await recipeOf(method).answered(world);
      const bearer = prepared.watchToken ?? null;
      return masked(expectAnswer(await call(world, cell, prepared, { bearer })));
    });
  });

  it.each(watched)("%s: forbidden to a page of another origin", async (_, method) => {
    const prepared = await recipeOf(method).answered(world);
    const more = { bearer: prepared.watchToken ?? null, headers: { origin: FOREIGN } };
    await refusedAlike(method, "FORBIDDEN", prepared, more);
  });

  const closed = METHOD_ROWS.filter(([, method]) => recipeOf(method).takes !== "nothing");
  it.each(closed)(
    "%s: unauthorized with none, wrong, or another's credentials",
    async (_, method) => {
      const { takes, answered } = recipeOf(method);
      const prepared = await answered(world);
      const good = { admin: world.stage.tapin.adminToken, key: world.apiKey };
      const bearers = [
        null,
        "nonsense",
        `tapin_live_${"a".repeat(32)}`,
        `tapin_watch_${"a".repeat(32)}`,
        takes === "admin" ? good.key : good.admin,
      ];
      for (const bearer of bearers)
        await refusedAlike(method, "UNAUTHORIZED", prepared, { bearer });
      const basic = { authorization: `Basic ${Buffer.from(`a:${good.key}`).toString("base64")}` };
      await refusedAlike(method, "UNAUTHORIZED", prepared, { bearer: null, headers: basic });
    },
  );

  it.each(METHOD_ROWS)(
    "%s: each broken rule is told with the same violations",
    async (_, method) => {
      const { request } = await recipeOf(method).answered(world);
      for (const broken of brokenRulesOf(method, request)) {
        await inAllDialects(method, async (cell) => {
          const outcome = await call(world, cell, { request: broken.request });
          const { violations, sentence } = expectRefusal(outcome, "VALIDATION_FAILED", cell);
          const fields = violations.map(({ field }) => field);
          expect(fields, broken.rule).toContain(broken.field);
          // REST writes enum values as names, so it refuses another value itself.
          return broken.rule === "enum.defined_only" ? fields : { violations, sentence };
        });
      }
    },
  );

  it.each(METHOD_ROWS)("%s: the refusals of its own are told alike", async (_, method) => {
    const { answered, refused = {} } = recipeOf(method);
    for (const [reason, prepare] of Object.entries(refused)) {
      await refusedAlike(method, reason as Reason, await prepare(world));
    }
    const { request } = await answered(world);
    const missing = missingIn(method, request);
    if (missing !== null) await refusedAlike(method, ...missing);
  });

  it.each(METHOD_ROWS)("%s: REST names a field it does not know", async (_, method) => {
    const cell = { dialect: "REST", method, isStream: false } as const;
    const { request } = await recipeOf(method).answered(world);
    const outcome = await call(world, cell, { request }, { unknownField: true });
    const { violations } = expectRefusal(outcome, "VALIDATION_FAILED", cell);
    expect(violations.map(({ field }) => field)).toEqual(["nobody_knows"]);
  });
});

/**
 * The request with the session or project it names replaced by none, and what then is told; null
 * when it names none.
 */
function missingIn(method: DescMethod, request: Fields): [Reason, Prepared] | null {
  const has = (name: string) => method.input.fields.some((field) => field.name === name);
  if (has("session_id")) {
    return ["SESSION_NOT_FOUND", { request: { ...request, sessionId: "aBcDeFgH12345678" } }];
  }
  if (!has("slug") || /^Create\w*Project$/.test(method.name)) return null;
  return ["PROJECT_NOT_FOUND", { request: { ...request, slug: "no-such-project" } }];
}

/** What the matrix makes of an outcome must be able to fail. */
describe("expectRefusal", () => {
  const cell = { dialect: "gRPC", isStream: false } as const;
  const headers = new Headers({ "x-request-id": "a", "cache-control": "no-store" });
  const failure: Failure = {
    code: "not_found",
    sentence: "There is nothing here.",
    reason: "NOT_FOUND",
    domain: "tapin",
    requestId: "a",
    violations: [],
    retrySeconds: null,
    retryable: null,
  };
  const good: Outcome = { status: 200, headers, messages: [], failure };

  it("takes what the table says", () => {
    expect(expectRefusal(good, "NOT_FOUND", cell)).toEqual(failure);
  });

  it.each<[string, Outcome]>([
    ["an answer", { ...good, failure: null }],
    ["another HTTP status", { ...good, status: 404 }],
    ["another code", { ...good, failure: { ...failure, code: "internal" } }],
    ["no reason", { ...good, failure: { ...failure, reason: "" } }],
    ["no request id", { ...good, headers: new Headers({ "cache-control": "no-store" }) }],
    ["another request id", { ...good, failure: { ...failure, requestId: "b" } }],
    ["what may be stored", { ...good, headers: new Headers({ "x-request-id": "a" }) }],
    ["a time to wait", { ...good, failure: { ...failure, retrySeconds: 1 } }],
  ])("does not take %s", (_, outcome) => {
    expect(() => expectRefusal(outcome, "NOT_FOUND", cell)).toThrow();
  });
});
