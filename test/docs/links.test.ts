// What the pages point at is there: files, headings, npm scripts, tests, rooms.

import { existsSync, readdirSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, expect, it } from "vitest";
import { markdownPages, ROOT, readPage, tableRows } from "./pages.ts";

/** Anchor of a heading, as the common renderers make it. */
function anchorOf(heading: string): string {
  const plain = heading.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, "");
  return plain.trim().replaceAll(" ", "-");
}

function anchorsOf(path: string): readonly string[] {
  return [...readPage(path).matchAll(/^#{1,6} (.+)$/gm)].map(([, text = ""]) => anchorOf(text));
}

/** Targets inside the project that are not there. */
function brokenLinks(path: string): readonly string[] {
  const targets = [...readPage(path).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => target);
  return targets.filter((target) => {
    if (/^[a-z]+:/.test(target)) return false;
    const [file = "", anchor] = target.split("#");
    const found = file === "" ? path : normalize(join(dirname(path), file));
    if (!existsSync(ROOT + found)) return true;
    return anchor !== undefined && !anchorsOf(found).includes(anchor);
  });
}

/** Paths of the project in code spans, such as `test/races`, that are not there. */
function brokenPaths(path: string): readonly string[] {
  const spans = [
    ...readPage(path).matchAll(/`((?:src|test|docs|proto|scripts|bench)\/[\w./*-]*)`/g),
  ];
  return spans
    .map(([, span = ""]) => span)
    .filter((span) => !span.includes("*"))
    .filter((span) => !existsSync(ROOT + span));
}

describe.each(markdownPages())("%s", (path) => {
  it("points at what is there", () => {
    expect({ links: brokenLinks(path), paths: brokenPaths(path) }).toEqual({
      links: [],
      paths: [],
    });
  });

  it("names only npm scripts that exist", () => {
    const { scripts } = JSON.parse(readPage("package.json")) as { scripts: object };
    const named = [...readPage(path).matchAll(/npm (?:run ([\w:]+)|(start|test)\b)/g)];
    const missing = named
      .map(([, run, plain]) => run ?? plain ?? "")
      .filter((name) => !(name in scripts));
    expect(missing).toEqual([]);
  });
});

it("docs/decisions/README.md lists every decision under its own title", () => {
  const index = readPage("docs/decisions/README.md");
  const pages = readdirSync(`${ROOT}docs/decisions`).filter((name) => /^\d{4}-/.test(name));
  const rows = pages.sort().map((name) => {
    const [, number, title] = /^# (\d{4}) (.+)$/m.exec(readPage(`docs/decisions/${name}`)) ?? [];
    expect(name.slice(0, 4)).toBe(number);
    return `| [${number}](${name}) | ${title} |`;
  });
  expect(tableRows(index).filter((line) => line.startsWith("| ["))).toEqual(rows);
});

it("every decision has context, decision, consequences and when to revisit it", () => {
  const pages = readdirSync(`${ROOT}docs/decisions`).filter((name) => /^\d{4}-/.test(name));
  for (const name of pages) {
    const headings = [...readPage(`docs/decisions/${name}`).matchAll(/^## (.+)$/gm)];
    expect(headings.map(([, heading]) => heading)).toEqual([
      "Context",
      "Decision",
      "Consequences",
      "Revisit",
    ]);
  }
});

it("README.md and CONTRIBUTING.md name every room of src", () => {
  const entries = readdirSync(`${ROOT}src`, { withFileTypes: true });
  const rooms = entries.filter((entry) => entry.isDirectory()).map(({ name }) => `\`src/${name}\``);
  for (const page of ["README.md", "CONTRIBUTING.md"]) {
    expect(rooms.filter((room) => !readPage(page).includes(room))).toEqual([]);
  }
});
