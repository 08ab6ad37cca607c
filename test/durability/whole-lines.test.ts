// Several processes log to one pipe whose reader is slow.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const CHILD = fileURLToPath(new URL("whole-lines-child.ts", import.meta.url));

/** Lines of each writer, and how much padding is in one. */
const COUNT = 2000;
const LENGTH = 3900;

test("Lines keeps every line whole and in order, although two processes write to one pipe", async () => {
  const run = (writer: string) => `"${process.execPath}" "${CHILD}" ${writer} ${COUNT} ${LENGTH}`;
  const shell = spawn("sh", ["-c", `${run("a")} & ${run("b")} & wait`]);
  // Nobody reads before both have far more to write than the pipe takes.
  let said = "";
  while (said !== "done\ndone\n") said += String((await once(shell.stderr, "data"))[0]);
  const seen: Record<string, number[]> = { a: [], b: [] };
  for await (const line of createInterface({ input: shell.stdout })) {
    const { writer, line: number } = JSON.parse(line);
    seen[writer]?.push(number);
  }
  const all = Array.from({ length: COUNT }, (_, index) => index);
  expect(seen).toEqual({ a: all, b: all });
});
