// `npm run bench` runs: the scenarios for a moment, with a figure for each row. What the figures
// are is not said here.

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { SCENARIOS } from "../../bench/scenarios.ts";
import { ROOT } from "../docs/pages.ts";
import { makeDataDir } from "../support/tapin.ts";

/** Left out because `npm start` takes long: test/durability/npm-start.test.ts runs it. */
const LEFT_OUT = "start";

interface Report {
  readonly scenarios: readonly {
    readonly name: string;
    readonly findings: readonly { readonly what: string; readonly tapin: readonly number[] }[];
    readonly notRun: string | null;
  }[];
}

it("npm run bench -- --smoke measures every scenario but the start", {
  timeout: 300_000,
}, async () => {
  const folder = await makeDataDir();
  try {
    const json = `${ROOT}${folder.path}/report.json`;
    const names = SCENARIOS.map(({ name }) => name).filter((name) => name !== LEFT_OUT);
    const args = ["bench/main.ts", "--smoke", "--json", json, "--only", names.join()];
    const options = { cwd: ROOT, encoding: "utf8", timeout: 280_000 } as const;
    const { status, stdout, stderr } = spawnSync(`${ROOT}node_modules/.bin/node`, args, options);
    expect(status, stdout + stderr).toBe(0);
    const { scenarios } = JSON.parse(readFileSync(json, "utf8")) as Report;
    expect(scenarios.map(({ name }) => name)).toEqual(names);
    for (const { name, findings, notRun } of scenarios) {
      // What a machine lacks, it cannot measure; the report says so.
      if (notRun !== null) expect(notRun, name).toMatch(/missing|Linux|core/);
      else expect(findings.length, name).toBeGreaterThan(0);
      for (const { what, tapin } of findings) {
        expect(tapin.length, what).toBeGreaterThan(0);
        expect(tapin.every(Number.isFinite), what).toBe(true);
      }
    }
    expect(stdout).toContain("| measured");
  } finally {
    await folder.remove();
  }
});
