// Installs the dependencies when they are missing or do not match package-lock.json. Runs before every npm
// script, under whichever Node (20 or newer) the machine has: plain JavaScript, no dependencies.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const stamp = `${root}node_modules/.tapin-installed`;
const wanted = createHash("sha256")
  .update(readFileSync(`${root}package.json`))
  .update(readFileSync(`${root}package-lock.json`))
  .digest("hex");

if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== wanted) {
  console.error("Installing the dependencies, this takes about half a minute ...");
  const npm = process.env.npm_execpath;
  // The Node that runs npm: `npm ci` removes the one inside node_modules.
  const node = process.env.npm_node_execpath ?? process.execPath;
  const args = ["ci", "--include=dev", "--no-audit", "--no-fund", "--loglevel=error"];
  const command = npm === undefined ? ["npm", args] : [node, [npm, ...args]];
  const { status } = spawnSync(...command, { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
  if (status !== 0) {
    console.error("The dependencies could not be installed. Try: npm ci --include=dev");
    process.exit(1);
  }
  writeFileSync(stamp, wanted);
}
