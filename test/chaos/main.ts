// `npm run chaos -- <kills>` (default 100): half of them while updates are polled, half while they
// come to webhooks. The last lines are the figures; the exit code is 1 when something happened that
// must not.

import process from "node:process";
import { startOwnPostgres } from "../support/postgres.ts";
import { runChaos } from "./run-chaos.ts";

const kills = Number(process.argv[2] ?? 100);
if (!Number.isInteger(kills) || kills < 2) {
  process.stderr.write("How many kills? A whole number from 2 on, such as: npm run chaos -- 100\n");
  process.exit(1);
}
const say = (text: string) => process.stdout.write(`${text}\n`);

const postgres = await startOwnPostgres();
let problems = 0;
try {
  for (const updates of ["polling", "webhook"] as const) {
    const times = updates === "polling" ? Math.floor(kills / 2) : Math.ceil(kills / 2);
    const report = await runChaos({
      databaseUrl: await postgres.createDatabase(),
      updates,
      signal: "SIGKILL",
      times,
      onProgress: (done) => {
        if (done % 10 === 0) say(`${updates}: ${done} of ${times} kills`);
      },
    });
    for (const problem of report.problems) say(`PROBLEM: ${problem}`);
    problems += report.problems.length;
    const figures = Object.entries({ logins: report.logins, ...report.figures });
    say(`${updates}: ${times} kills, ${figures.map(([name, n]) => `${name} ${n}`).join(", ")}`);
  }
  say(`${kills} kills, ${problems} problems`);
} finally {
  await postgres.stop();
}
process.exit(problems === 0 ? 0 : 1);
