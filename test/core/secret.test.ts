// How secrets look, how they are derived, and that a rotated server secret still checks what it
// made.

import { createHash, randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import {
  challengeOf,
  createSecrets,
  type RandomBytes,
  randomMatchCode,
  randomText,
  randomUuid,
  repeatableBytes,
  sameSecret,
  sha256Hex,
} from "../../src/core/secret.ts";

const OLD = "old-server-secret-that-is-long-enough!";
const NEW = "new-server-secret-that-is-long-enough!";
const GRANT = "8e0c7e3a-3b1f-4f0e-9d1a-0a4a6d7f5b11";
const SESSION = "aBcDeFgH12345678";
const random: RandomBytes = (count) => randomBytes(count);

/** Gives these bytes, over and over. */
function repeating(...bytes: number[]): RandomBytes {
  let at = 0;
  return (count) => Uint8Array.from({ length: count }, () => bytes[at++ % bytes.length] ?? 0);
}

/** Pearson's statistic for equally likely outcomes. */
function chiSquare(counts: readonly number[]): number {
  const expected = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

describe("randomText", () => {
  it("has the length asked for and only letters and digits", () => {
    for (const length of [1, 16, 22, 32, 63]) {
      expect(randomText(random, length)).toMatch(new RegExp(`^[A-Za-z0-9]{${length}}$`));
    }
  });

  it("throws away the bytes that would make some characters likelier", () => {
    expect(randomText(repeating(248, 255, 0, 61, 62, 247), 4)).toBe("A9A9");
  });

  it("spreads evenly over its 62 characters", () => {
    const counts = new Map<string, number>();
    for (const character of randomText(random, 124_000)) {
      counts.set(character, (counts.get(character) ?? 0) + 1);
    }
    expect(counts.size).toBe(62);
    // 61 degrees of freedom: above 150 once in 10^9 runs.
    expect(chiSquare([...counts.values()])).toBeLessThan(150);
  });
});

describe("randomMatchCode", () => {
  it("takes every number from 10 to 99, equally often", () => {
    const counts = new Map<string, number>();
    for (let made = 0; made < 45_000; made++) {
      const code = randomMatchCode(random);
      counts.set(code, (counts.get(code) ?? 0) + 1);
    }
    const expected = Array.from({ length: 90 }, (_, index) => String(10 + index));
    expect([...counts.keys()].sort()).toEqual(expected);
    expect(chiSquare([...counts.values()])).toBeLessThan(190);
  });

  it("throws away the bytes that would make some numbers likelier", () => {
    expect(randomMatchCode(repeating(180, 255, 179))).toBe("99");
  });
});

describe("randomUuid", () => {
  it("marks version 4 and the variant of RFC 9562, whatever the bytes", () => {
    const v4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
    expect(randomUuid(repeating(0))).toBe("00000000-0000-4000-8000-000000000000");
    expect(randomUuid(repeating(255))).toBe("ffffffff-ffff-4fff-bfff-ffffffffffff");
    const made = Array.from({ length: 1000 }, () => randomUuid(random));
    for (const uuid of made) expect(uuid).toMatch(v4);
    expect(new Set(made).size).toBe(1000);
  });

  it("does not write into the bytes it was handed", () => {
    const bytes = new Uint8Array(16).fill(255);
    randomUuid(() => bytes);
    expect(bytes.every((byte) => byte === 255)).toBe(true);
  });
});

describe("createSecrets", () => {
  const secrets = createSecrets([OLD]);

  it("makes codes of 43 base64url characters and watch tokens of 32 after their prefix", () => {
    expect(secrets.codeOf(GRANT)).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(secrets.watchTokenOf(SESSION)).toMatch(/^tapin_watch_[A-Za-z0-9]{32}$/);
  });

  it("derives the same again, and another for another id or another server secret", () => {
    expect(createSecrets([OLD]).codeOf(GRANT)).toBe(secrets.codeOf(GRANT));
    expect(createSecrets([OLD]).watchTokenOf(SESSION)).toBe(secrets.watchTokenOf(SESSION));
    expect(secrets.codeOf(`${GRANT}0`)).not.toBe(secrets.codeOf(GRANT));
    expect(createSecrets([NEW]).codeOf(GRANT)).not.toBe(secrets.codeOf(GRANT));
    expect(createSecrets([NEW]).watchTokenOf(SESSION)).not.toBe(secrets.watchTokenOf(SESSION));
  });

  it("fills a watch token for every one of 20,000 sessions", () => {
    const tokens = new Set<string>();
    for (let at = 0; at < 20_000; at++) {
      const token = secrets.watchTokenOf(String(at).padStart(16, "0"));
      expect(token.length).toBe("tapin_watch_".length + 32);
      tokens.add(token);
    }
    expect(tokens.size).toBe(20_000);
  });

  it("T10 checks a watch token against its own session only", () => {
    const token = secrets.watchTokenOf(SESSION);
    expect(secrets.isWatchToken(SESSION, token)).toBe(true);
    expect(secrets.isWatchToken("0000000000000000", token)).toBe(false);
    for (const wrong of [
      "",
      token.slice(0, -1),
      `${token}A`,
      token.toLowerCase(),
      "tapin_watch_",
    ]) {
      expect(secrets.isWatchToken(SESSION, wrong)).toBe(false);
    }
  });

  it("after a rotation the first secret makes and all check", () => {
    const rotated = createSecrets([NEW, OLD]);
    expect(rotated.codeOf(GRANT)).toBe(createSecrets([NEW]).codeOf(GRANT));
    expect(rotated.isWatchToken(SESSION, secrets.watchTokenOf(SESSION))).toBe(true);
    expect(rotated.isWatchToken(SESSION, rotated.watchTokenOf(SESSION))).toBe(true);
    const oldCode = secrets.codeOf(GRANT);
    expect(rotated.codeMatching(GRANT, sha256Hex(oldCode))).toBe(oldCode);
  });

  it("once the old secret is gone, nothing it made is good any more", () => {
    const after = createSecrets([NEW]);
    expect(after.codeMatching(GRANT, sha256Hex(secrets.codeOf(GRANT)))).toBeNull();
    expect(after.isWatchToken(SESSION, secrets.watchTokenOf(SESSION))).toBe(false);
  });

  it("refuses to work without a server secret", () => {
    expect(() => createSecrets([])).toThrow("at least one server secret");
  });
});

describe("sameSecret", () => {
  it("T10 compares texts of any length without throwing", () => {
    expect(sameSecret("abc", "abc")).toBe(true);
    for (const other of ["", "ab", "abcd", "abd", "ABC"])
      expect(sameSecret("abc", other)).toBe(false);
    expect(sameSecret("", "")).toBe(true);
  });
});

describe("challengeOf", () => {
  it("is the example of RFC 7636 appendix B", () => {
    expect(challengeOf("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")).toBe(
      "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    );
  });
});

describe("sha256Hex", () => {
  it("hashes the UTF-8 of a text", () => {
    expect(sha256Hex("")).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    expect(sha256Hex("ключ")).toBe(createHash("sha256").update(Buffer.from("ключ")).digest("hex"));
  });
});

describe("repeatableBytes", () => {
  const taken = (seed: string, counts: readonly number[]) => {
    const bytes = repeatableBytes(seed);
    return counts.map((count) => Buffer.from(bytes(count)).toString("hex"));
  };

  it("are the same for the same seed, others for another, and never come twice", () => {
    const counts = [1, 8, 8, 32, 33, 100];
    const first = taken("seed", counts);
    expect(first.map((hex) => hex.length / 2)).toEqual(counts);
    expect(taken("seed", counts)).toEqual(first);
    expect(taken("other", counts)[5]).not.toBe(first[5]);
    expect(first[1]).not.toBe(first[2]);
  });
});
