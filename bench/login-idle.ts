// One login at a time: from the tap until the watcher on the other process is told its code,
// against what the database alone needs for that, one commit and one notification.

import { once } from "node:events";
import pg from "pg";
import type { Scenario } from "./support/scenario.ts";
import { median } from "./support/statistics.ts";
import { startTwoProcesses, type TwoProcesses } from "./support/two-processes.ts";

/** Logins of a round. */
const LOGINS = 25;

/** The scenario. */
export const loginIdle: Scenario = {
  name: "login-idle",
  about: "one login from the tap to the watcher's `completed`, two processes, idle",
  leftOut: null,
  missing: () => null,
  async run(stage, { rounds, warmUps, scale }) {
    const two = await startTwoProcesses(stage);
    const bare = await openBareDatabase(two.databaseUrl);
    const logins = Math.max(3, LOGINS * scale);
    const floor: number[] = [];
    const tapin: number[] = [];
    for (let round = 0; round < rounds + warmUps; round += 1) {
      const figures = { floor: [] as number[], tapin: [] as number[] };
      for (let n = 1; n <= logins; n += 1) {
        figures.floor.push(await bare.measure());
        figures.tapin.push(await logInOnce(two, String(round * 1000 + n)));
      }
      if (round < warmUps) continue;
      floor.push(median(figures.floor));
      tapin.push(median(figures.tapin));
    }
    await bare.close();
    await two.stop();
    return [
      {
        what: "login, tap to completed, idle",
        unit: "ms",
        floorName: "one commit, then NOTIFY to LISTEN",
        floor,
        tapin,
        goal: { of: "ratio", is: "at most", limit: 2 },
        note: "from the pretend messenger's delivery of the tap to the message on the watcher's stream; each figure is the median of a round",
      },
    ];
  },
};

/** Milliseconds from the tap to the message of the watcher. */
async function logInOnce(two: TwoProcesses, userId: string): Promise<number> {
  const login = await two.openLogin(userId);
  const { open, told } = two.watch(login.sessionId);
  await open;
  const tappedAt = performance.now();
  two.tap(login);
  return (await told).at - tappedAt;
}

async function openBareDatabase(connectionString: string): Promise<{
  measure(): Promise<number>;
  close(): Promise<void>;
}> {
  const writer = new pg.Client({ connectionString });
  const listener = new pg.Client({ connectionString });
  await Promise.all([writer.connect(), listener.connect()]);
  await writer.query("create table bench_commits (id bigint generated always as identity)");
  await listener.query("listen bench");
  return {
    async measure() {
      const beganAt = performance.now();
      await writer.query("insert into bench_commits default values");
      const heard = once(listener, "notification");
      await writer.query("notify bench");
      await heard;
      return performance.now() - beganAt;
    },
    async close() {
      await Promise.all([writer.end(), listener.end()]);
    },
  };
}
