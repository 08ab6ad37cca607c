// docs/messengers.md names tests that are there.

import { expect, it } from "vitest";
import { readPage, tableRows } from "./pages.ts";

const rows = tableRows(readPage("docs/messengers.md")).filter((row) => row.includes("`test/"));

interface Named {
  readonly file: string;
  readonly part: string;
}

/** The tests of a row: the last cell names files, each followed by parts of names. */
function testsOf(row: string): readonly Named[] {
  const shown = row.split(" | ").at(-1) ?? "";
  let file = "";
  return [...shown.matchAll(/(?:`(test\/[^`]+)`|same file) "([^"]+)"/g)].map(
    ([, path, part = ""]) => {
      file = path ?? file;
      return { file, part };
    },
  );
}

it("docs/messengers.md has a test in every row", () => {
  expect(rows.length).toBeGreaterThan(40);
  for (const row of rows) expect(testsOf(row).length, row).toBeGreaterThan(0);
});

it.each(rows.flatMap(testsOf))('docs/messengers.md: $file has "$part"', ({ file, part }) => {
  expect(readPage(file)).toContain(part);
});
