// Names as hostile people write them (T27), and languages as messengers tell them.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cleanName, NAME_LIMIT, primaryLang } from "../../src/core/subscriber.ts";

const NAMES: readonly (readonly [what: string, raw: string, clean: string])[] = [
  ["a plain name", "John", "John"],
  ["a name in another script", "Анна-Мария", "Анна-Мария"],
  ["a name with an apostrophe", "O'Neil", "O'Neil"],
  ["an emoji", "Ann 🦊", "Ann 🦊"],
  ["markup, which stays text", "<b>Bob</b> *x* [y](z)", "<b>Bob</b> *x* [y](z)"],
  ["outer and doubled spaces", "  Ann   Lee ", "Ann Lee"],
  ["other kinds of space", "Ann\u00a0\u2003Lee\u3000", "Ann Lee"],
  ["a right-to-left override", "Ann\u202egnp.exe", "Anngnp.exe"],
  ["bidirectional isolates and marks", "\u2066A\u2069\u200eb\u200fc\u061cd", "Abcd"],
  ["zero-width characters", "A\u200bn\u200cn\u200d\u2060\ufeff", "Ann"],
  ["a soft hyphen", "A\u00adnn", "Ann"],
  ["invisible tags", "Ann\u{e0041}\u{e007f}", "Ann"],
  ["control characters", "A\u0000n\u0007n\u001b[31m\u007f\u0085", "Ann[31m"],
  ["line ends", "Ann\nTapin: your code\r\nis 1", "AnnTapin: your codeis 1"],
  ["line and paragraph separators", "A\u2028n\u2029n", "Ann"],
  ["private use and lone surrogates", "A\ue000n\ud800n", "Ann"],
  ["a stack of combining marks", `e${"\u0301".repeat(40)}!`, "e\u0301\u0301!"],
  ["two combining marks, as Vietnamese has", "e\u0302\u0301", "e\u0302\u0301"],
  ["marks kept apart by what is removed", `e${"\u0301\u200b".repeat(20)}!`, "e\u0301\u0301!"],
  ["only what is removed", "\u200b\u202e \u0000", ""],
  ["nothing", "", ""],
  ["a name that is too long", "x".repeat(200), "x".repeat(NAME_LIMIT)],
  ["a long name of emoji, cut between them", "🦊".repeat(100), "🦊".repeat(NAME_LIMIT)],
  ["a space at the cut", `${"x".repeat(NAME_LIMIT - 1)} y`, "x".repeat(NAME_LIMIT - 1)],
];

describe("T27: cleanName", () => {
  it.each(NAMES)("cleans %s", (_, raw, clean) => {
    expect(cleanName(raw)).toBe(clean);
  });

  it("is safe and short for every text, and cleaning again changes nothing", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 200 }), (raw) => {
        const name = cleanName(raw);
        expect(name).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/u);
        expect(name).not.toMatch(/\p{M}{3}/u);
        expect(Array.from(name).length).toBeLessThanOrEqual(NAME_LIMIT);
        expect(name).toBe(name.trim());
        expect(cleanName(name)).toBe(name);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("primaryLang", () => {
  it.each([
    ["ru", "ru"],
    ["en-US", "en"],
    ["pt_BR", "pt"],
    ["RU", "ru"],
    ["zh-Hans-CN", "zh"],
    ["fil", "fil"],
    ["", "en"],
    [null, "en"],
    [undefined, "en"],
    ["x", "en"],
    ["klingon", "en"],
    ["-ru", "en"],
    ["r1", "en"],
    ["ру", "en"],
    ["ru\n", "en"],
  ])("of %j is %s", (tag, lang) => {
    expect(primaryLang(tag)).toBe(lang);
  });
});
