// docs/operations.md lists every event of the log, and no other.

import { expect, it } from "vitest";
import { filesIn, readPage, sections, tableRows } from "./pages.ts";

/** Streams of REST name their events in the same way (contract section 1), and so do sockets. */
const OTHER_EVENTS = ["status", "close"];

it("docs/operations.md has a row for every event that src/ writes to the log", () => {
  const written = filesIn(["src"], ".ts")
    .filter((path) => !/^src\/(web|sandbox|transcoder)\//.test(path))
    .flatMap((path) => [...readPage(path).matchAll(/\bevent: "([a-z_]+)"/g)])
    .map(([, name]) => name ?? "")
    .filter((name) => !OTHER_EVENTS.includes(name));
  const logs = sections(readPage("docs/operations.md"), 2).get("Logs") ?? "";
  const listed = tableRows(logs)
    .slice(2)
    .flatMap((row) => [...(row.split("|")[1] ?? "").matchAll(/`([a-z_]+)`/g)])
    .map(([, name]) => name);
  expect(listed.sort()).toEqual([...new Set(written)].sort());
});
