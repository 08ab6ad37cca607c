// The README's table and docs/settings.md say what SETTINGS says.

import { expect, it } from "vitest";
import { SETTINGS } from "../../src/settings.ts";
import { readPage, sections, tableRows } from "./pages.ts";

const page = sections(readPage("docs/settings.md"), 3);

it("SETTINGS is the README's table", () => {
  const rows = SETTINGS.map(
    ({ name, fallback, meaning }) => `| \`${name}\` | ${fallback} | ${meaning} |`,
  );
  const table = sections(readPage("README.md"), 2).get("Settings") ?? "";
  const heading = ["| name | default | meaning |", "| --- | --- | --- |"];
  expect(tableRows(table)).toEqual([...heading, ...rows]);
});

it("docs/settings.md has a section for every setting, in order, and no other", () => {
  expect([...page.keys()]).toEqual(SETTINGS.map(({ name }) => name));
});

it.each(SETTINGS)("docs/settings.md tells the default of $name", ({ name, fallback }) => {
  const section = page.get(name)?.trim() ?? "";
  const words = ["none", "generated when embedded"];
  const shown = words.includes(fallback) ? fallback : `\`${fallback}\``;
  expect(section.startsWith(`Default: ${shown}`)).toBe(true);
});
