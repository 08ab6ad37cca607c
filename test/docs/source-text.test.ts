// What can be said of the sources as text: every file and export explains itself, files stay short,
// nothing is left open. What needs the syntax tree is Biome's.

import { describe, expect, it } from "vitest";
import { filesIn, readPage } from "./pages.ts";

const SOURCES = filesIn(["src"], ".ts");
const BENCH = filesIn(["bench"], ".ts");
const ALL = [
  ...SOURCES,
  ...filesIn(["test", "scripts"], ".ts"),
  ...BENCH,
  ...filesIn(["src"], ".css"),
].filter((path) => !path.startsWith("test/transcoder/gen/"));

const linesOf = (path: string) => readPage(path).trimEnd().split("\n");

/** Exported declarations without a doc comment right above them. */
function undocumented(path: string): readonly string[] {
  const lines = linesOf(path);
  return lines
    .map((line, index) => ({ line, above: lines[index - 1] ?? "", number: index + 1 }))
    .filter(({ line }) => /^export (?!type \{|\{|\*)/.test(line))
    .filter(({ above }) => !above.endsWith("*/"))
    .map(({ line, number }) => `${path}:${number} ${line}`);
}

describe("src and bench", () => {
  it("every file begins with a paragraph that says what lives there", () => {
    const silent = [...SOURCES, ...BENCH].filter((path) => !/^\/\/ \S.{20,}/.test(readPage(path)));
    expect(silent).toEqual([]);
  });

  it("every export has a doc comment", () => {
    expect([...SOURCES, ...BENCH].flatMap(undocumented)).toEqual([]);
  });
});

describe("files", () => {
  it("are at most 400 lines long, and 300 at the 95th percentile", () => {
    const lengths = ALL.map((path) => ({ path, lines: linesOf(path).length }));
    lengths.sort((left, right) => left.lines - right.lines);
    expect(lengths.filter(({ lines }) => lines > 400)).toEqual([]);
    expect(lengths[Math.ceil(lengths.length * 0.95) - 1]?.lines).toBeLessThanOrEqual(300);
  });

  it("have comments of at most 100 characters a line, which Biome leaves as they are", () => {
    const long = ALL.filter((path) => !path.includes("/gen/")).flatMap((path) =>
      linesOf(path)
        .map((line, index) => ({ line, at: `${path}:${index + 1}` }))
        .filter(({ line }) => line.length > 100 && /^\s*(?:\/\/|\/?\*)/.test(line))
        .map(({ at }) => at),
    );
    expect(long).toEqual([]);
  });

  it("leave nothing open and suppress no rule", () => {
    // Put together here, or this file would find itself.
    const marks = [
      "TO|DO",
      "FIX|ME",
      "XX|X",
      "HA|CK",
      "biome|-ignore",
      "@ts|-ignore",
      "@ts|-nocheck",
    ];
    const open = new RegExp(
      `(?<![\\w-])(?:${marks.map((mark) => mark.replace("|", "")).join("|")})\\b`,
    );
    const found = ALL.flatMap((path) =>
      linesOf(path)
        .filter((line) => open.test(line))
        .map((line) => `${path}: ${line}`),
    );
    expect(found).toEqual([]);
  });

  it("do not switch off what keeps them so", () => {
    const { rules } = JSON.parse(readPage("biome.json")).linter;
    expect(rules.suspicious.noExplicitAny).toBe("error");
    expect(rules.suspicious.noImportCycles.options).toEqual({ ignoreTypes: false });
    expect(rules.style.noDefaultExport).toBe("error");
    expect(rules.complexity.noExcessiveLinesPerFunction.options).toEqual({ maxLines: 60 });
    expect(rules.style.noExcessiveLinesPerFile.options).toEqual({ maxLines: 400 });
  });
});
