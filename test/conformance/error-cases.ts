// Family errors: every reason in every dialect, and what comes with it.

import { expect } from "vitest";
import { ERRORS, type Reason } from "../../src/errors.ts";
import { bothWays, type CallCase, each, text, textsOf } from "./call-case.ts";
import type { Plan } from "./caller.ts";

const REASONS = Object.keys(ERRORS) as Reason[];

/** The cases. */
export const ERROR_CASES: readonly CallCase[] = [
  ...REASONS.map(
    (reason): CallCase => ({
      family: "errors",
      name: `${reason} has its code, sentence and reason, unary and after a message`,
      async run(caller) {
        const wanted = { code: ERRORS[reason].rpc, message: ERRORS[reason].sentence, reason };
        expect((await caller.unary({ reason })).failure).toMatchObject(wanted);
        const { messages, failure } = await caller.stream({ reason, data: text("one") });
        expect(textsOf(messages)).toEqual(["one"]);
        expect(failure).toMatchObject(wanted);
      },
    }),
  ),
  {
    family: "errors",
    name: "a sentence of any letters comes as it was written",
    async run(caller) {
      const sentence = 'Привет, 世界 🎉: 100% "x"\t\\u0000 %41\r\n-';
      expect((await caller.unary({ reason: "CONFLICT", sentence })).failure?.message).toBe(
        sentence,
      );
      expect((await caller.stream({ reason: "CONFLICT", sentence })).failure?.message).toBe(
        sentence,
      );
    },
  },
  {
    family: "errors",
    name: "violations and the time to wait come as details",
    async run(caller) {
      const plan = {
        reason: "RATE_LIMITED",
        violations: [
          { name: "a.b", value: "must be c" },
          { name: "d", value: "" },
        ],
        retryAfterSeconds: 7,
      };
      for (const { failure } of [await caller.unary(plan), await caller.stream(plan)]) {
        expect(failure).toMatchObject({ violations: ["a.b: must be c", "d: "], retrySeconds: 7 });
        expect(failure?.metadata.get("retry-after")).toBe("7");
      }
    },
  },
  {
    family: "errors",
    name: "a broken rule names its field",
    async run(caller) {
      for (const { failure } of [
        await caller.unary({ short: "long" }),
        await caller.stream({ short: "long" }),
        await caller.idempotent({ short: "long" }),
      ]) {
        expect(failure).toMatchObject({
          code: "invalid_argument",
          reason: "VALIDATION_FAILED",
          violations: [expect.stringMatching(/^short: /)],
        });
      }
    },
  },
  {
    family: "errors",
    name: "a bug is internal, and keeps to itself what it was",
    async run(caller) {
      for (const { failure } of [
        await caller.unary({ reason: "BUG" }),
        await caller.stream({ reason: "BUG", data: text("one") }),
      ]) {
        expect(failure).toMatchObject({ code: "internal", reason: "INTERNAL" });
        expect(failure?.message).toBe(ERRORS.INTERNAL.sentence);
      }
    },
  },
  {
    family: "errors",
    name: "a method nobody implements is unimplemented",
    async run(caller) {
      expect((await caller.unimplemented({})).failure).toMatchObject({
        code: "unimplemented",
        reason: "UNIMPLEMENTED",
      });
    },
  },
  {
    family: "errors",
    name: "both ways: an error after answers, while the caller still sends",
    over: bothWays,
    async run(caller) {
      const ended = Promise.withResolvers<void>();
      async function* plans(): AsyncIterable<Plan> {
        yield { data: text("one") };
        yield { reason: "CONFLICT" };
        await ended.promise;
      }
      const { messages, failure } = await caller.bidi(plans());
      ended.resolve();
      expect(textsOf(messages)).toEqual(["one"]);
      expect(failure).toMatchObject({ code: "already_exists", reason: "CONFLICT" });
    },
  },
  {
    family: "errors",
    name: "both ways: a broken rule in the second request ends the stream",
    over: bothWays,
    async run(caller) {
      const { messages, failure } = await caller.bidi(
        each<Plan>({ data: text("one") }, { short: "long" }, { data: text("never") }),
      );
      expect(textsOf(messages)).toEqual(["one"]);
      expect(failure).toMatchObject({ reason: "VALIDATION_FAILED" });
    },
  },
];
