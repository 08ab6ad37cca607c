// Families message size, timeouts, deadline propagation and cancellation.

import { randomUUID } from "node:crypto";
import { expect } from "vitest";
import { DEFAULT_SIZES } from "../support/test-ports.ts";
import { bothWays, type CallCase, each, text, textsOf } from "./call-case.ts";
import type { Plan } from "./caller.ts";

const { bodyBytes } = DEFAULT_SIZES;

/** Bytes a request has around so much padding: tag and length. */
const AROUND = 1 + 3;

const SIZE: readonly CallCase[] = [
  {
    family: "message size",
    name: "a request as large as the limit is read",
    over: ({ name }) => !name.includes("JSON"),
    async run(caller) {
      const padding = new Uint8Array(bodyBytes - AROUND);
      const { messages, failure } = await caller.unary({ padding });
      expect([messages[0]?.paddingLength, failure]).toEqual([padding.length, null]);
      const stream = await caller.stream({ padding: padding.subarray(3), data: text("") });
      expect(stream.failure).toBeNull();
    },
  },
  {
    family: "message size",
    name: "a request one byte above the limit is refused, unary and stream",
    over: ({ name }) => !name.includes("JSON"),
    async run(caller) {
      const padding = new Uint8Array(bodyBytes - AROUND + 1);
      for (const { failure } of [
        await caller.unary({ padding }),
        await caller.stream({ padding }),
      ]) {
        expect(failure).toMatchObject({ code: "resource_exhausted", reason: "BODY_TOO_LARGE" });
      }
    },
  },
  {
    family: "message size",
    name: "a request far above the limit is refused, and the next one is answered",
    async run(caller) {
      const { failure } = await caller.unary({ padding: new Uint8Array(700_000) });
      expect(failure).toMatchObject({ code: "resource_exhausted", reason: "BODY_TOO_LARGE" });
      expect((await caller.unary({ data: text("next") })).failure).toBeNull();
    },
  },
  {
    family: "message size",
    name: "both ways: each request may be as large as the limit, none larger",
    over: (dialect) => bothWays(dialect) && !dialect.name.includes("JSON"),
    async run(caller) {
      const padding = new Uint8Array(bodyBytes - AROUND - 2);
      const plan = { padding, data: [new Uint8Array()] };
      const full = await caller.bidi(each<Plan>(plan, plan));
      expect([full.messages.length, full.failure]).toEqual([2, null]);
      const over = { padding: new Uint8Array(bodyBytes - AROUND + 1) };
      const { messages, failure } = await caller.bidi(each<Plan>(plan, over));
      expect(messages.length).toBe(1);
      expect(failure).toMatchObject({ code: "resource_exhausted", reason: "BODY_TOO_LARGE" });
    },
  },
];

const TIME: readonly CallCase[] = [
  {
    family: "timeouts",
    name: "a unary call that takes too long is given up",
    async run(caller) {
      const { failure } = await caller.unary({ hang: true }, { timeoutMs: 100 });
      expect(failure?.code).toBe("deadline_exceeded");
    },
  },
  {
    family: "timeouts",
    name: "a stream that takes too long is given up after what it had to say",
    async run(caller) {
      const plan = { data: text("one"), hang: true };
      const { messages, failure } = await caller.stream(plan, { timeoutMs: 500 });
      expect(textsOf(messages)).toEqual(["one"]);
      expect(failure?.code).toBe("deadline_exceeded");
    },
  },
  {
    family: "timeouts",
    name: "a call that is quick enough is answered",
    async run(caller) {
      const settings = { timeoutMs: 20_000 };
      expect((await caller.unary({}, settings)).failure).toBeNull();
      expect((await caller.stream({ data: text("one") }, settings)).failure).toBeNull();
    },
  },
  {
    family: "deadline propagation",
    name: "the operation's signal aborts when the time of a unary call is over",
    async run(caller) {
      const name = randomUUID();
      await caller.unary({ name, hang: true }, { timeoutMs: 100 });
      expect(await caller.fate(name)).toMatch(/^(DEADLINE_EXCEEDED|CANCELED)$/);
    },
  },
  {
    family: "deadline propagation",
    name: "the operation's signal aborts when the time of a stream is over",
    async run(caller) {
      const name = randomUUID();
      await caller.stream({ name, hang: true }, { timeoutMs: 100 });
      expect(await caller.fate(name)).toMatch(/^(DEADLINE_EXCEEDED|CANCELED)$/);
    },
  },
  {
    family: "cancellation",
    name: "the operation is told that the caller of a stream is gone",
    async run(caller) {
      const name = randomUUID();
      const leave = new AbortController();
      const { failure } = await caller.stream(
        { name, data: text("one"), hang: true },
        { signal: leave.signal, onMessage: () => leave.abort() },
      );
      expect(failure?.code).toBe("canceled");
      expect(await caller.fate(name)).toBe("CANCELED");
    },
  },
  {
    family: "cancellation",
    name: "both ways: the operation is told that the caller is gone",
    over: bothWays,
    async run(caller) {
      const name = randomUUID();
      const leave = new AbortController();
      const waiting = Promise.withResolvers<void>();
      async function* plans(): AsyncIterable<Plan> {
        yield { name, data: text("one") };
        await waiting.promise;
      }
      const settings = { signal: leave.signal, onMessage: () => leave.abort() };
      expect((await caller.bidi(plans(), settings)).failure?.code).toBe("canceled");
      waiting.resolve();
      expect(await caller.fate(name)).toBe("CANCELED");
    },
  },
];

/** The cases. */
export const LIMIT_CASES: readonly CallCase[] = [...SIZE, ...TIME];
