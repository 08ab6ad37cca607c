// SECURITY.md names tests that are there, under the number of the threat they show.

import { existsSync, statSync } from "node:fs";
import { expect, it } from "vitest";
import { ROOT, readPage, tableRows } from "./pages.ts";

/**
 * Threats whose answer is no test of their own name: nothing there to attack, or shown by a whole
 * suite.
 */
const WITHOUT_TEST = ["T20", "T23"];

const table = tableRows(readPage("SECURITY.md")).join("\n");
const rows = [...table.matchAll(/^\| (T\d+) \|.*\|([^|]*)\|$/gm)].map(
  ([, threat = "", shown = ""]) => ({
    threat,
    files: [...shown.matchAll(/`(test\/[^`]+)`/g)].map(([, file = ""]) => file),
  }),
);

it("SECURITY.md lists the threats T1 to T28", () => {
  expect(rows.map(({ threat }) => threat)).toEqual(
    Array.from({ length: 28 }, (_, index) => `T${index + 1}`),
  );
});

it.each(rows)("SECURITY.md shows $threat by tests of that name", ({ threat, files }) => {
  for (const file of files) expect(existsSync(ROOT + file), file).toBe(true);
  if (WITHOUT_TEST.includes(threat)) return;
  expect(files.length).toBeGreaterThan(0);
  for (const file of files.filter((name) => statSync(ROOT + name).isFile())) {
    expect(readPage(file), file).toMatch(new RegExp(`\\b${threat}\\b`));
  }
});
