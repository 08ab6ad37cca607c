// Two processes against one, on the same two cores: how far a second process gets, where the
// generator is light (h2load) and so is the database's part.

import { contest, type Round, type Side } from "./support/contest.ts";
import { canPin } from "./support/cores.ts";
import { grpcUnary } from "./support/grpc-call.ts";
import { grpcLoad } from "./support/grpc-load.ts";
import { h2loadMissing } from "./support/h2load.ts";
import { statusCall } from "./support/messages.ts";
import type { Length, Scenario } from "./support/scenario.ts";
import type { ServerProcess } from "./support/server-process.ts";
import { openSessions, sessionIdOf } from "./support/sessions.ts";
import { makeProject } from "./support/stage.ts";

/** The scenario. */
export const scaleOut: Scenario = {
  name: "scale-out",
  about: "gRPC GetSessionStatus, pending, on two processes against one",
  leftOut: null,
  missing: ({ mayInstall }) =>
    canPin ? h2loadMissing(mayInstall) : "there is no second core, or no taskset",
  async run(stage, effort) {
    const databaseUrl = await stage.createDatabase();
    const one = await stage.startTapin(databaseUrl);
    const other = await stage.startTapin(databaseUrl, { place: "load" });
    const { id: projectId, apiKey } = await makeProject(one.url, databaseUrl);
    await openSessions({ databaseUrl, projectId, count: 1, mark: "s" });
    const call = statusCall(sessionIdOf("s", 1));
    const answer = await grpcUnary(one.url, { path: call.path, apiKey }, call.message);
    const load = ({ url }: ServerProcess, length: Length) =>
      grpcLoad({ ...call, url, apiKey, answerBytes: answer.length, length, place: "all" });
    const single: Side = { server: null, round: (length) => load(one, length) };
    const double: Side = {
      server: null,
      round: async (length) => sum(await Promise.all([load(one, length), load(other, length)])),
    };
    const { floor, tapin } = await contest({ floor: single, tapin: double }, effort);
    await Promise.all([one.stop(), other.stop()]);
    return [
      {
        what: "two processes, gRPC GetSessionStatus",
        unit: "calls/s",
        floorName: "one process",
        floor,
        tapin,
        goal: { of: "ratio", is: "at least", limit: 1.6 },
        note: "a process on each of two cores, with PostgreSQL and the load generators on the same two",
      },
    ];
  },
};

function sum(rounds: readonly Round[]): Round {
  return {
    figure: rounds.reduce((total, { figure }) => total + figure, 0),
    loadMs: Math.max(...rounds.map(({ loadMs }) => loadMs)),
  };
}
