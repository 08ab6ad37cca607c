// `npm run bench`: Tapin and its floors side by side, in one table. Exit code 1 when a scenario
// failed; a goal that is not reached is no failure.

import { writeFileSync } from "node:fs";
import process from "node:process";
import { SCENARIOS } from "./scenarios.ts";
import { leaveServerCore } from "./support/cores.ts";
import { machineLines } from "./support/machine.ts";
import { type Options, parseOptions, usage } from "./support/options.ts";
import { writePerformancePage } from "./support/performance-page.ts";
import { isReached, notesOf, type ScenarioReport, tableOf } from "./support/report.ts";
import type { Effort, Scenario } from "./support/scenario.ts";
import { type Stage, setStage } from "./support/stage.ts";

const say = (text: string) => process.stdout.write(`${text}\n`);

function readOptions(): Options {
  if (process.argv.includes("--help")) {
    say(usage(SCENARIOS));
    process.exit(0);
  }
  try {
    return parseOptions(process.argv.slice(2), SCENARIOS);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n\n`);
    process.stderr.write(usage(SCENARIOS));
    process.exit(1);
  }
}

async function runScenario(
  scenario: Scenario,
  stage: Stage,
  effort: Effort,
): Promise<ScenarioReport> {
  const { name, about } = scenario;
  const missing = scenario.missing(effort);
  if (missing !== null) return { name, findings: [], notRun: missing };
  say(`${name}: ${about}`);
  const startedAt = performance.now();
  const findings = await scenario.run(stage, effort);
  say(`${name}: done in ${Math.round((performance.now() - startedAt) / 1000)} s`);
  return { name, findings, notRun: null };
}

/** The failure of one scenario keeps none of the others from being run. */
async function runAll({ scenarios, effort }: Options): Promise<{
  readonly reports: readonly ScenarioReport[];
  readonly failures: number;
}> {
  const reports: ScenarioReport[] = [];
  let failures = 0;
  const stage = await setStage();
  for (const scenario of scenarios) {
    try {
      reports.push(await runScenario(scenario, stage, effort));
    } catch (error) {
      failures += 1;
      process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
      reports.push({ name: scenario.name, findings: [], notRun: "it failed" });
    }
    await stage.clear();
  }
  await stage.stop();
  return { reports, failures };
}

// So that what was started ends too.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));

const options = readOptions();
leaveServerCore();
const machine = machineLines();
const { reports, failures } = await runAll(options);
const { rounds, length } = options.effort;
const long = "seconds" in length ? `${length.seconds} s` : `${length.calls} calls`;
const head = [...machine, `${rounds} pairs of rounds, of ${long} where nothing else ends them`];
const text = [head.map((line) => `- ${line}`).join("\n"), tableOf(reports), notesOf(reports)].join(
  "\n\n",
);
say(`\n${text}`);
if (options.write) writePerformancePage(text);
if (options.json !== null) {
  const scenarios = reports.map(({ findings, ...report }) => ({
    ...report,
    findings: findings.map((finding) => ({ ...finding, reached: isReached(finding) })),
  }));
  const report = { at: new Date().toISOString(), machine, effort: options.effort, scenarios };
  writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`);
}
process.exit(failures === 0 ? 0 : 1);
