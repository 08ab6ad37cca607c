// gRPC CreateSession and GetSessionStatus against a grpc-js server that does the same work, and the
// second one also against an answer that costs nothing.

import { contest } from "./support/contest.ts";
import { grpcUnary } from "./support/grpc-call.ts";
import { GRPC_CONNECTIONS, GRPC_STREAMS, grpcLoad } from "./support/grpc-load.ts";
import { h2loadMissing } from "./support/h2load.ts";
import { createCall, statusCall, type UnaryCall } from "./support/messages.ts";
import type { Effort, Finding, Goal, Length, Scenario } from "./support/scenario.ts";
import type { ServerProcess } from "./support/server-process.ts";
import { openSessions, sessionIdOf } from "./support/sessions.ts";
import { makeProject } from "./support/stage.ts";

interface Duel {
  readonly what: string;
  readonly floorName: string;
  readonly call: UnaryCall;
  readonly goal: Goal;
}

/** The scenario. */
export const grpcUnaryCalls: Scenario = {
  name: "grpc-unary",
  about: `gRPC calls over ${GRPC_CONNECTIONS} connections, ${GRPC_STREAMS} under way on each`,
  leftOut: null,
  missing: ({ mayInstall }) => h2loadMissing(mayInstall),
  async run(stage, effort) {
    const databaseUrl = await stage.createDatabase();
    const tapin = await stage.startTapin(databaseUrl);
    const { id: projectId, apiKey } = await makeProject(tapin.url, databaseUrl);
    await openSessions({ databaseUrl, projectId, count: 1, mark: "s" });
    const env = { DATABASE_URL: databaseUrl, PROJECT_ID: projectId };
    const sameWork = await stage.startFloor("grpc-login.ts", env);
    const constant = await stage.startFloor("grpc-constant.ts");
    const pending = statusCall(sessionIdOf("s", 1));
    const against = (floor: ServerProcess, duel: Duel) =>
      fight({ floor, tapin, apiKey, duel }, effort);
    const findings = [
      await against(sameWork, {
        what: "gRPC CreateSession",
        floorName: "grpc-js, same work",
        call: createCall(),
        goal: { of: "ratio", is: "at least", limit: 1 },
      }),
      await against(sameWork, {
        what: "gRPC GetSessionStatus",
        floorName: "grpc-js, same work",
        call: pending,
        goal: { of: "ratio", is: "at least", limit: 1 },
      }),
      await against(constant, {
        what: "gRPC GetSessionStatus, pending",
        floorName: "raw HTTP/2, constant answer",
        call: pending,
        goal: { of: "ratio", is: "at least", limit: 0.6 },
      }),
    ];
    await Promise.all([tapin.stop(), sameWork.stop(), constant.stop()]);
    return findings;
  },
};

interface Field {
  readonly floor: ServerProcess;
  readonly tapin: ServerProcess;
  readonly apiKey: string;
  readonly duel: Duel;
}

async function fight({ floor, tapin, apiKey, duel }: Field, effort: Effort): Promise<Finding> {
  const { call, ...rest } = duel;
  const sideOf = async (server: ServerProcess) => {
    const { url } = server;
    const answer = await grpcUnary(url, { path: call.path, apiKey }, call.message);
    const load = { ...call, url, apiKey, answerBytes: answer.length };
    return { server, round: (length: Length) => grpcLoad({ ...load, length }) };
  };
  const sides = { floor: await sideOf(floor), tapin: await sideOf(tapin) };
  return { unit: "calls/s", ...rest, ...(await contest(sides, effort)) };
}
