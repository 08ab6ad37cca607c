// The transcoder runs unchanged on both runtimes, behind their own HTTP servers.

import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../../", import.meta.url));

describe("createTranscoder", () => {
  it.each<[string, string[]]>([
    ["node", []],
    ["deno", ["run", "-A"]],
  ])(
    "serves calls, errors and streams over HTTP on %s",
    async (runtime, options) => {
      const program = [...options, "test/transcoder/http-smoke.ts"];
      const { stdout } = await run(`node_modules/.bin/${runtime}`, program, {
        cwd: root,
        timeout: 30_000,
      });
      expect(stdout).toBe("ok\n");
    },
    40_000,
  );
});
