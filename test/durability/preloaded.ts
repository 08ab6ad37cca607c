// The service on an embedded database in memory, run by Node after a piece of code that watches it
// or gets in its way.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { keepOutput } from "../support/leaks.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Starts it. `preload` is the text of a module, which each of its threads runs first. */
export function startPreloaded(preload: string) {
  const url = `data:text/javascript,${encodeURIComponent(preload)}`;
  const child = spawn(`${ROOT}node_modules/.bin/node`, ["--import", url, "src/main.ts"], {
    cwd: ROOT,
    env: { PATH: process.env.PATH, TAPIN_PORT: "0", TAPIN_DATA_DIR: "memory" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const lines: string[] = [];
  keepOutput(lines);
  let errors = "";
  child.stderr.on("data", (chunk) => {
    errors += String(chunk);
  });
  const output = createInterface({ input: child.stdout });
  output.on("line", (line) => lines.push(line));
  return { child, output, lines, errors: () => errors };
}
