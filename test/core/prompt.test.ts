// What buttons carry, and the numbers among which a person looks for the match code.

import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  buttonData,
  type Decision,
  matchChoices,
  PROMPT_TOKEN_LENGTH,
  parseButtonData,
  screenOfEnded,
} from "../../src/core/prompt.ts";
import type { RandomBytes } from "../../src/core/secret.ts";
import { SESSION_STATUSES, type Session } from "../../src/core/session.ts";

const TOKEN = "abcdefghijkLMNOPQRS012";
const random: RandomBytes = (count) => randomBytes(count);

describe("buttonData", () => {
  const decisions: fc.Arbitrary<Decision> = fc.oneof(
    fc.constantFrom<Decision>({ kind: "login" }, { kind: "cancel" }),
    fc.record({
      kind: fc.constant("match" as const),
      choice: fc.integer({ min: 10, max: 99 }).map(String),
    }),
  );
  const tokens = fc.stringMatching(new RegExp(`^[A-Za-z0-9]{${PROMPT_TOKEN_LENGTH}}$`));

  it("comes back from parseButtonData as it went in, within Telegram's 64 bytes", () => {
    fc.assert(
      fc.property(tokens, decisions, (token, decision) => {
        const data = buttonData(token, decision);
        expect(Buffer.byteLength(data)).toBeLessThanOrEqual(64);
        expect(parseButtonData(data)).toEqual({ token, decision });
      }),
    );
  });
});

describe("T13: parseButtonData", () => {
  it.each([
    "",
    "l",
    "l:",
    `l:${TOKEN.slice(1)}`,
    `l:${TOKEN}a`,
    `l:${TOKEN}\n`,
    `l:${TOKEN}:42`,
    `c:${TOKEN}:42`,
    `L:${TOKEN}`,
    `x:${TOKEN}`,
    `m:${TOKEN}`,
    `m:${TOKEN}:`,
    `m:${TOKEN}:4`,
    `m:${TOKEN}:421`,
    `m:${TOKEN}:4a`,
    `m:${TOKEN}:٤٢`,
    ` l:${TOKEN}`,
    `l:${TOKEN}l:${TOKEN}`,
    `l:${TOKEN.replace("a", "_")}`,
    "__proto__",
  ])("takes %j for no button of ours", (data) => {
    expect(parseButtonData(data)).toBeNull();
  });

  it("never throws, whatever was sent", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 100 }), (data) => {
        expect(parseButtonData(data)).toBeNull();
      }),
    );
  });
});

describe("screenOfEnded", () => {
  const all = SESSION_STATUSES.map((status) => {
    const { kind } = screenOfEnded({ status } as Session);
    return [status, kind];
  });

  it("tells who comes too late what became of the session", () => {
    expect(all).toEqual([
      ["pending", "taken"],
      ["opened", "taken"],
      ["completed", "used"],
      ["verified", "used"],
      ["expired", "expired"],
      ["cancelled", "cancelled"],
    ]);
    expect(screenOfEnded(null)).toEqual({ kind: "expired" });
  });
});

describe("matchChoices", () => {
  it("are four different two-digit numbers in rising order, the right one among them", () => {
    for (let code = 10; code <= 99; code++) {
      const choices = matchChoices(String(code), random);
      expect(new Set(choices).size).toBe(4);
      expect(choices).toContain(String(code));
      expect(choices).toEqual([...choices].sort());
      for (const choice of choices) expect(choice).toMatch(/^[1-9][0-9]$/);
    }
  });

  it("fills up even when the random numbers repeat themselves", () => {
    let at = 0;
    const stubborn: RandomBytes = (count) =>
      Uint8Array.from({ length: count }, () => (at++ < 50 ? 7 : at % 180));
    expect(matchChoices("17", stubborn)).toHaveLength(4);
  });

  it("leaves the right one in no favourite place", () => {
    const places = [0, 0, 0, 0];
    for (let round = 0; round < 9000; round++) {
      const code = String(10 + (round % 90));
      const place = matchChoices(code, random).indexOf(code);
      places[place] = (places[place] ?? 0) + 1;
    }
    for (const count of places) expect(count).toBeGreaterThan(1900);
  });
});
