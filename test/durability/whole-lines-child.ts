// Writes many lines to standard output, as workers do, and says on the error output that all are
// handed over.

import process from "node:process";
import { Lines } from "../../src/log.ts";

const [, , writer, count, length] = process.argv;
const lines = new Lines(process.stdout);
for (let line = 0; line < Number(count); line += 1) {
  lines.write(`${JSON.stringify({ writer, line, padding: "ж".repeat(Number(length) / 2) })}\n`);
}
process.stderr.write("done\n");
