// Families basic, empty and metadata: what comes back when all is well.

import { expect } from "vitest";
import { bothWays, type CallCase, each, text, textsOf } from "./call-case.ts";
import type { Plan } from "./caller.ts";

const BASIC: readonly CallCase[] = [
  {
    family: "basic",
    name: "a unary call is answered, and the operation knows its dialect",
    async run(caller, { protocol }) {
      const { messages, failure } = await caller.unary({ data: text("one") });
      expect([textsOf(messages), failure]).toEqual([["one"], null]);
      expect(messages[0]?.dialect).toBe(protocol);
    },
  },
  {
    family: "basic",
    name: "a call without side effects is answered",
    async run(caller) {
      const { messages } = await caller.idempotent({ data: text("déjà vu & co") });
      expect(textsOf(messages)).toEqual(["déjà vu & co"]);
    },
  },
  {
    family: "basic",
    name: "bytes of every value come back as they went",
    async run(caller) {
      const data = [Uint8Array.from({ length: 256 }, (_, value) => value)];
      const { messages } = await caller.unary({ data });
      expect([...(messages[0]?.data ?? [])]).toEqual([...(data[0] ?? [])]);
    },
  },
  {
    family: "basic",
    name: "a stream brings its messages in order, then ends well",
    async run(caller) {
      const { messages, failure } = await caller.stream({ data: text("one", "two", "three") });
      expect([textsOf(messages), failure]).toEqual([["one", "two", "three"], null]);
    },
  },
  {
    family: "basic",
    name: "a stream of a thousand messages loses none",
    async run(caller) {
      const wanted = Array.from({ length: 1000 }, (_, index) => String(index));
      const { messages } = await caller.stream({ data: text(...wanted) });
      expect(textsOf(messages)).toEqual(wanted);
    },
  },
  {
    family: "basic",
    name: "an answer larger than any request may be comes whole",
    async run(caller) {
      // The limit is for requests; a stream's answer repeats its request.
      const big = Buffer.alloc(40 * 1024, "x");
      const { messages } = await caller.stream({ data: [big] });
      expect(messages[0]?.data.length).toBe(big.length);
    },
  },
  {
    family: "basic",
    name: "both ways: all requests, then all answers",
    over: bothWays,
    async run(caller) {
      const plans = each<Plan>({ data: text("a", "b") }, {}, { data: text("c") });
      const { messages, failure } = await caller.bidi(plans);
      expect([textsOf(messages), failure]).toEqual([["a", "b", "c"], null]);
    },
  },
  {
    family: "basic",
    name: "both ways: each request waits for the answer before it",
    over: bothWays,
    async run(caller) {
      const arrived = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      async function* plans(): AsyncIterable<Plan> {
        yield { data: text("a") };
        await arrived[0]?.promise;
        yield { data: text("b") };
        await arrived[1]?.promise;
      }
      let count = 0;
      const { messages } = await caller.bidi(plans(), {
        onMessage: () => arrived[count++]?.resolve(),
      });
      expect(textsOf(messages)).toEqual(["a", "b"]);
    },
  },
];

const EMPTY: readonly CallCase[] = [
  {
    family: "empty",
    name: "an empty request is a request",
    async run(caller) {
      const { messages, failure } = await caller.unary({});
      expect([messages.length, textsOf(messages), failure]).toEqual([1, [""], null]);
    },
  },
  {
    family: "empty",
    name: "an empty request without side effects is a request",
    async run(caller) {
      expect(textsOf((await caller.idempotent({})).messages)).toEqual([""]);
    },
  },
  {
    family: "empty",
    name: "a stream without messages ends well",
    async run(caller) {
      const { messages, failure } = await caller.stream({});
      expect([messages, failure]).toEqual([[], null]);
    },
  },
  {
    family: "empty",
    name: "an empty message in a stream is a message",
    async run(caller) {
      const { messages } = await caller.stream({ data: [new Uint8Array(), new Uint8Array()] });
      expect(textsOf(messages)).toEqual(["", ""]);
    },
  },
  {
    family: "empty",
    name: "both ways: no request, no answer",
    over: bothWays,
    async run(caller) {
      const { messages, failure } = await caller.bidi(each());
      expect([messages, failure]).toEqual([[], null]);
    },
  },
];

const METADATA: readonly CallCase[] = [
  {
    family: "metadata",
    name: "a header comes to the operation",
    async run(caller) {
      const headers = [["x-one", "first value"]] as const;
      const { messages } = await caller.unary({ echo: ["x-one", "x-none"] }, { headers });
      expect(messages[0]?.headers).toMatchObject([
        { name: "x-one", value: "first value" },
        { name: "x-none", value: "" },
      ]);
    },
  },
  {
    family: "duplicate metadata",
    name: "a header given twice comes to the operation with both values, in order",
    async run(caller) {
      const headers = [
        ["x-two", "b"],
        ["x-two", "a"],
      ] as const;
      for (const outcome of [
        await caller.unary({ echo: ["x-two"] }, { headers }),
        await caller.stream({ echo: ["x-two"], data: text("") }, { headers }),
      ]) {
        expect(outcome.messages[0]?.headers[0]?.value).toBe("b, a");
      }
    },
  },
  {
    family: "duplicate metadata",
    name: "an error's metadata keep both values, before and after messages",
    async run(caller) {
      const headers = [
        { name: "x-twice", value: "b" },
        { name: "x-twice", value: "a" },
      ];
      const plan = { reason: "FORBIDDEN", headers };
      for (const outcome of [
        await caller.unary(plan),
        await caller.stream(plan),
        await caller.stream({ ...plan, data: text("one") }),
      ]) {
        expect(outcome.failure?.metadata.get("x-twice")).toBe("b, a");
      }
    },
  },
  {
    family: "metadata",
    name: "binary metadata come as they went",
    async run(caller) {
      const value = Buffer.from([0, 1, 254, 255]).toString("base64").replace(/=+$/, "");
      const { messages } = await caller.unary(
        { echo: ["x-some-bin"] },
        { headers: [["x-some-bin", value]] },
      );
      const came = messages[0]?.headers[0]?.value ?? "";
      expect([...Buffer.from(came, "base64")]).toEqual([0, 1, 254, 255]);
    },
  },
  {
    family: "metadata",
    name: "x-request-id comes back, with an answer and with an error",
    async run(caller) {
      const headers = [["x-request-id", "abc-123"]] as const;
      const answered = await caller.unary({}, { headers });
      const failed = await caller.unary({ reason: "CONFLICT" }, { headers });
      expect(answered.headers.get("x-request-id")).toBe("abc-123");
      expect(failed.headers.get("x-request-id")).toBe("abc-123");
    },
  },
];

/** The cases. */
export const ANSWER_CASES: readonly CallCase[] = [...BASIC, ...EMPTY, ...METADATA];
