// How npm starts the service: what is looked at first, and signals as people and supervisors send
// them, to npm instead of the service, or twice.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmod, cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "vitest";
import { keepOutput } from "../support/leaks.ts";
import { startTapin } from "../support/tapin.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

let npm: ChildProcess | null = null;
afterEach(() => {
  if (npm?.pid !== undefined && npm.exitCode === null) process.kill(-npm.pid, "SIGKILL");
});

test.each(["start", "start:deno"])("npm run %s hands SIGTERM to the service", async (script) => {
  const settings = { TAPIN_PORT: "0", TAPIN_DATA_DIR: "memory" };
  // Without the scripts before it: what is installed here is what this very test runs on.
  npm = spawn("npm", ["run", script, "--ignore-scripts"], {
    cwd: root,
    env: { ...process.env, ...settings },
    stdio: ["ignore", "pipe", "inherit"],
    detached: true,
  });
  const lines: string[] = [];
  keepOutput(lines);
  for await (const line of createInterface({ input: npm.stdout as NodeJS.ReadableStream })) {
    lines.push(line);
    if (line.includes('"event":"ready"')) npm.kill("SIGTERM");
  }
  // Its output ends only when the service has ended, not when npm has.
  expect(lines.some((line) => line.includes('"event":"stopping"'))).toBe(true);
  if (npm.exitCode === null && npm.signalCode === null) await once(npm, "exit");
});

const NODE = `#!/bin/sh
echo "node $*"
if [ -n "$BRINGS" ]; then
  mkdir "$BRINGS"
  printf '#!/bin/sh\\necho "the new node $*"\\n' > "$BRINGS/node"
  chmod +x "$BRINGS/node"
fi
exit "$INSTALLS"
`;

/**
 * `scripts/run.sh` in a project of its own, with a `node` that only says what it was to run and
 * whether that works.
 */
async function makeProject(installed: string) {
  const folder = await mkdtemp(join(tmpdir(), "tapin-run-"));
  await mkdir(join(folder, "bin"));
  await mkdir(join(folder, "scripts"));
  await mkdir(join(folder, "node_modules"));
  await cp(join(root, "scripts/run.sh"), join(folder, "scripts/run.sh"));
  await writeFile(join(folder, "package.json"), "{}\n");
  await writeFile(join(folder, "package-lock.json"), "[]\n");
  await writeFile(join(folder, "node_modules/.tapin-installed"), installed);
  await writeFile(join(folder, "bin/node"), NODE);
  await chmod(join(folder, "bin/node"), 0o755);
  return {
    run(installs: number) {
      const command = ["scripts/run.sh", "sh", "-c", 'echo "cache $NODE_COMPILE_CACHE"'];
      const PATH = `${join(folder, "bin")}:${process.env.PATH}`;
      const env = { PATH, INSTALLS: String(installs) };
      const { status, stdout } = spawnSync("sh", command, { cwd: folder, env, encoding: "utf8" });
      return { status, said: stdout.trim().split("\n") };
    },
    /** With an install that brings a Node. */
    runNode(shell: string) {
      const bin = join(folder, "node_modules/.bin");
      const PATH = `${bin}:${join(folder, "bin")}:${process.env.PATH}`;
      const env = { PATH, INSTALLS: "0", BRINGS: bin };
      const command = ["scripts/run.sh", "node", "src/main.ts"];
      const { stdout } = spawnSync(shell, command, { cwd: folder, env, encoding: "utf8" });
      return stdout.trim().split("\n");
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

const CACHE = "cache node_modules/.cache/tapin";

test.each([
  ["is what is wanted, no Node is started to find out", "{}\n[]\n", 0, [CACHE]],
  ["is older, it is installed first", "{}\n[1]\n", 0, ["node scripts/install.mjs", CACHE]],
  ["is older and cannot be renewed, nothing is started", "", 1, ["node scripts/install.mjs"]],
])("run.sh: when what is installed %s", async (_, installed, installs, said) => {
  const project = await makeProject(installed);
  expect(project.run(installs)).toEqual({ status: installs, said });
  await project.remove();
});

// /bin/sh is one or the other, and macOS has bash.
test.each(["sh", "bash"])(
  "run.sh in %s: the Node that the install brought runs the service",
  async (shell) => {
    const project = await makeProject("");
    expect(project.runNode(shell)).toEqual([
      "node scripts/install.mjs",
      "the new node src/main.ts",
    ]);
    await project.remove();
  },
);

test("a second signal in the same moment does not cut the stop short", async () => {
  const tapin = await startTapin();
  const ended = tapin.end("SIGTERM");
  void tapin.end("SIGINT");
  void tapin.end("SIGTERM");
  expect(await ended).toBe(0);
});
