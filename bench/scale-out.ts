// Two processes against one, on the same two cores: how far a second process gets, where the
// generator is light (h2load) and so is the database's part. Once with a port each, and once with
// one port for both (TAPIN_WORKERS).

import { contest, type Round, type Side } from "./support/contest.ts";
import { canPin } from "./support/cores.ts";
import { grpcUnary } from "./support/grpc-call.ts";
import { grpcLoad } from "./support/grpc-load.ts";
import { h2loadMissing } from "./support/h2load.ts";
import { statusCall } from "./support/messages.ts";
import type { Finding, Goal, Length, Scenario } from "./support/scenario.ts";
import type { ServerProcess } from "./support/server-process.ts";
import { openSessions, sessionIdOf } from "./support/sessions.ts";
import { makeProject } from "./support/stage.ts";

const GOAL: Goal = { of: "ratio", is: "at least", limit: 1.6 };

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
    const { id: projectId, apiKey } = await makeProject(one.url, databaseUrl);
    await openSessions({ databaseUrl, projectId, count: 1, mark: "s" });
    const call = statusCall(sessionIdOf("s", 1));
    const answer = await grpcUnary(one.url, { path: call.path, apiKey }, call.message);
    const load = ({ url }: ServerProcess, length: Length) =>
      grpcLoad({ ...call, url, apiKey, answerBytes: answer.length, length, place: "all" });
    const against = async (two: readonly ServerProcess[], row: Row): Promise<Finding> => {
      const single: Side = { server: null, round: (length) => load(one, length) };
      const double: Side = {
        server: null,
        round: async (length) => sum(await Promise.all(two.map((server) => load(server, length)))),
      };
      const { floor, tapin } = await contest({ floor: single, tapin: double }, effort);
      return { ...row, unit: "calls/s", floorName: "one process", floor, tapin, goal: GOAL };
    };
    const other = await stage.startTapin(databaseUrl, { place: "load" });
    const apart = await against([one, other], {
      what: "two processes, gRPC GetSessionStatus",
      note: "a process on each of two cores, with PostgreSQL and the load generators on the same two",
    });
    await other.stop();
    const env = { TAPIN_WORKERS: "2" };
    const workers = await stage.startTapin(databaseUrl, { place: "all", env });
    const together = await against([workers, workers], {
      what: "TAPIN_WORKERS=2, gRPC GetSessionStatus",
      note: "two processes on one port and on the same two cores, and the same load; which of the two gets a connection, the system decides",
    });
    await Promise.all([one.stop(), workers.stop()]);
    return [apart, together];
  },
};

type Row = Pick<Finding, "what" | "note">;

function sum(rounds: readonly Round[]): Round {
  return {
    figure: rounds.reduce((total, { figure }) => total + figure, 0),
    loadMs: Math.max(...rounds.map(({ loadMs }) => loadMs)),
  };
}
