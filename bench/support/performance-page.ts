// docs/performance.md: the part between two marks is what the program printed.

import { readFileSync, writeFileSync } from "node:fs";
import { ROOT } from "./server-process.ts";

const PAGE = `${ROOT}docs/performance.md`;
const BEGIN = "<!-- bench: begin -->";
const END = "<!-- bench: end -->";

/** Puts the text there in place of the last one. */
export function writePerformancePage(text: string): void {
  const page = readFileSync(PAGE, "utf8");
  const [before, after] = [page.split(BEGIN)[0], page.split(END)[1]];
  if (before === undefined || after === undefined) throw new Error(`${PAGE} has lost its marks`);
  writeFileSync(PAGE, `${before}${BEGIN}\n\n${text.trim()}\n\n${END}${after}`);
}
