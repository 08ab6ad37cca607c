// `npm run soak -- <minutes>` (default 10): steady traffic on one process, whose figures are
// printed as they come and judged at the end. The exit code is 1 when one grew, or something is
// left.

import process from "node:process";
import { startOwnPostgres } from "../support/postgres.ts";
import { ALLOWED_GROWTH, checkSoak, type SoakSample } from "./check-soak.ts";
import { runSoak } from "./run-soak.ts";

const minutes = Number(process.argv[2] ?? 10);
if (!(minutes >= 1)) {
  process.stderr.write("How many minutes? From 1 on, such as: npm run soak -- 10\n");
  process.exit(1);
}
const say = (text: string) => process.stdout.write(`${text}\n`);
const names = Object.keys(ALLOWED_GROWTH) as (keyof typeof ALLOWED_GROWTH)[];
const tell = (what: string, sample: SoakSample) =>
  say(`${what}: ${names.map((name) => `${name} ${Math.round(sample[name])}`).join(", ")}`);

const postgres = await startOwnPostgres();
let problems: readonly string[];
try {
  const seconds = minutes * 60;
  const report = await runSoak({
    databaseUrl: await postgres.createDatabase(),
    seconds,
    everySeconds: Math.max(2, Math.round(seconds / 120)),
    onSample: (sample) => tell(`${sample.seconds} s`, sample),
  });
  const { before, after, logins } = report;
  tell("before", before);
  tell("after", after);
  problems = [...report.problems, ...checkSoak(report.samples)];
  if (after.watchers > 0) problems = [...problems, `${after.watchers} hub entries are left`];
  for (const problem of problems) say(`PROBLEM: ${problem}`);
  say(`${minutes} minutes, ${logins} logins, ${problems.length} problems`);
} finally {
  await postgres.stop();
}
process.exit(problems.length === 0 ? 0 : 1);
