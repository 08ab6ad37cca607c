// `npm run fuzz`: hostile requests for as long as one likes, 60 s unless SECONDS says otherwise, on
// Node or RUNTIME=deno, from a SEED or a new one. The last lines are the figures; the exit code
// tells whether anything was wrong.

import process from "node:process";
import type { Runtime } from "../support/tapin.ts";
import { type Round, startFuzzer } from "./fuzzer.ts";
import { Tally } from "./tally.ts";

const seconds = Number(process.env.SECONDS ?? 60);
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const runtime = (process.env.RUNTIME ?? "node") as Runtime;

const say = (line: string) => process.stdout.write(`${line}\n`);

say(`seed ${seed}, ${runtime}, ${seconds} s`);
const fuzzer = await startFuzzer(seed, { runtime });
const total = new Tally();
const rounds: Round[] = [];
const startedAt = performance.now();
while (performance.now() - startedAt < seconds * 1000 && total.faults.length === 0) {
  const round = await fuzzer.round();
  rounds.push(round);
  total.merge(round.tally);
  const { heap, resident } = round.census;
  say(
    `round ${rounds.length}: ${Math.round(round.ms)} ms, heap ${heap} MB, resident ${resident} MB`,
  );
}
await fuzzer.login();
const exitCode = await fuzzer.tapin.end();
const faults = [...total.faults, ...fuzzer.complaints()];
for (const fault of faults) say(fault);
say(`answers: ${total}`);
say(`requests: ${total.requests} in ${Math.round((performance.now() - startedAt) / 1000)} s`);
say(`heap in MB: ${rounds.map(({ census }) => census.heap).join(" ")}`);
say(`resident in MB: ${rounds.map(({ census }) => census.resident).join(" ")}`);
const { user, system } = process.cpuUsage();
const ownCpu = Math.round((user + system) / 1e6);
say(`CPU seconds: service ${rounds.at(-1)?.census.cpu}, fuzzer ${ownCpu}`);
say(`faults: ${faults.length}; exit code of the service: ${exitCode}; seed: ${seed}`);
process.exit(faults.length === 0 && exitCode === 0 ? 0 : 1);
