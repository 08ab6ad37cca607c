// `npm run check`: everything that can be said about the code without running it. All steps run,
// and the exit code tells whether one failed.

import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { docsFiles } from "./build-docs.ts";
import { bundleEntry, ENTRIES } from "./build-web.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

const COMMANDS: readonly (readonly [string, readonly string[]])[] = [
  ["biome", ["check", "--error-on-warnings", "."]],
  ["tsc", ["-p", "."]],
  ["deno", ["check", "src/main.ts", "src/store/embedded-thread.ts", "bench/main.ts"]],
  ["buf", ["lint"]],
  // The contract as it was last released: what callers may already depend on.
  ["buf", ["breaking", "proto", "--against", "proto/released.binpb", "--exclude-imports"]],
];

function run(command: string, args: readonly string[]): boolean {
  console.log(`> ${command} ${args.join(" ")}`);
  const bin = join(root, "node_modules", ".bin", command);
  return spawnSync(bin, args, { cwd: root, stdio: "inherit" }).status === 0;
}

/** Generates again into an empty folder, and compares every byte with gen/. */
async function checkGenerated(): Promise<boolean> {
  console.log("> gen/ is what proto/ and src/web make of it");
  const fresh = mkdtempSync(join(tmpdir(), "tapin-gen-"));
  try {
    if (!run("buf", ["generate", "-o", fresh])) return false;
    const made = new Map(filesIn(join(fresh, "gen")));
    for (const entry of ENTRIES) made.set(`web/${entry}.js`, await bundleEntry(entry));
    for (const [name, text] of docsFiles()) made.set(name, text);
    const kept = new Map(filesIn(join(root, "gen")));
    const stale = [...new Set([...made.keys(), ...kept.keys()])].filter(
      (name) => made.get(name) !== kept.get(name),
    );
    for (const name of stale) console.log(`gen/${name} is stale: run npm run gen`);
    return stale.length === 0;
  } finally {
    rmSync(fresh, { recursive: true });
  }
}

function filesIn(folder: string): [string, string][] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile())
    .map((path) => [relative(folder, path), readFileSync(path, "utf8")]);
}

const results = COMMANDS.map(([command, args]) => run(command, args));
results.push(await checkGenerated());
const failed = results.filter((passed) => !passed).length;
console.log(failed === 0 ? "check: all passed" : `check: ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
