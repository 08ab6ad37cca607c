// The service as tapin.ts runs it: ended when the run of tests that started it is gone, even one
// that was killed and could end nothing itself. The run holds the other end of its standard input.

import process from "node:process";

process.stdin.once("end", () => process.exit(1));
process.stdin.resume();
await import("../../src/main.ts");
