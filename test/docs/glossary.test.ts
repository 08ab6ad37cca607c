// docs/glossary.md has the words of the house.

import { expect, it } from "vitest";
import { SESSION_EVENTS, SESSION_STATUSES } from "../../src/core/session.ts";
import { readPage, sections } from "./pages.ts";

const WORDS = [
  "project",
  "channel",
  "bot",
  "session",
  "status",
  "state",
  "grant",
  "code",
  "watch token",
  "watcher",
  "subscriber",
  "deep link",
  "payload",
  "callback URL",
  "update",
  "reason",
];

const page = sections(readPage("docs/glossary.md"), 2);

/** Words of the first column of the section's table. */
function wordsOf(heading: string): readonly string[] {
  const rows = (page.get(heading) ?? "").split("\n").filter((line) => line.startsWith("|"));
  return rows
    .slice(2)
    .flatMap((row) => (row.split("|")[1] ?? "").split(","))
    .map((word) => word.trim());
}

it("docs/glossary.md explains every word once", () => {
  const things = wordsOf("Things");
  expect(things).toEqual(expect.arrayContaining(WORDS));
  expect(things).toEqual([...new Set(things)]);
});

it("docs/glossary.md has a verb for everything that can happen to a session", () => {
  expect(wordsOf("Verbs")).toEqual(expect.arrayContaining([...SESSION_EVENTS]));
});

it("docs/glossary.md names every status", () => {
  const row = (page.get("Things") ?? "").split("\n").find((line) => line.startsWith("| status"));
  for (const status of SESSION_STATUSES) expect(row).toContain(status);
});
