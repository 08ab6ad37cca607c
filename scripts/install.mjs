// Installs the dependencies when they are missing or do not match package-lock.json. Runs before
// every npm script (for those that start the service, run.sh looks first whether it must), under
// whichever Node (20 or newer) the machine has: plain JavaScript, no dependencies.

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const stamp = `${root}node_modules/.tapin-installed`;
const wanted = ["package.json", "package-lock.json"]
  .map((name) => readFileSync(`${root}${name}`, "utf8"))
  .join("");

// `npm run --ignore-scripts start` asks for what is there, installed or not.
const told = process.env.npm_config_ignore_scripts === "true";

if (told) process.exit(0);
if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== wanted) {
  console.error("Installing the dependencies, this takes about half a minute ...");
  const npm = process.env.npm_execpath;
  // The Node that runs npm, since the one inside node_modules may be replaced.
  const node = process.env.npm_node_execpath ?? process.execPath;
  // Not `npm ci`: it refuses a lock file that does not list the packages of every other platform.
  const quiet = ["--no-audit", "--no-fund", "--loglevel=error"];
  const args = ["install", "--no-save", "--include=dev", ...quiet];
  const command = npm === undefined ? ["npm", args] : [node, [npm, ...args]];
  const { status } = spawnSync(...command, { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
  if (status !== 0) {
    console.error("The dependencies could not be installed. Try: npm install");
    process.exit(1);
  }
  writeFileSync(stamp, wanted);
}
