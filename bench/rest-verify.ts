// REST VerifyCode: how many codes a second, each traded once.

import { contest } from "./support/contest.ts";
import { REST_CONNECTIONS, restLoad } from "./support/rest-load.ts";
import type { Scenario } from "./support/scenario.ts";
import type { ServerProcess } from "./support/server-process.ts";
import { completeSessions, openSessions } from "./support/sessions.ts";
import { makeProject } from "./support/stage.ts";

/** Codes of a round: about three seconds' worth. */
const CODES = 15_000;

/** The scenario. */
export const restVerify: Scenario = {
  name: "rest-verify",
  about: `REST VerifyCode over ${REST_CONNECTIONS} connections, each call with a fresh code`,
  leftOut: null,
  missing: () => null,
  async run(stage, { rounds, warmUps, scale }) {
    const databaseUrl = await stage.createDatabase();
    const tapin = await stage.startTapin(databaseUrl);
    const { id: projectId, apiKey } = await makeProject(tapin.url, databaseUrl);
    const floor = await stage.startFloor("rest-login.ts", {
      DATABASE_URL: databaseUrl,
      PROJECT_ID: projectId,
    });
    const length = { calls: Math.max(REST_CONNECTIONS, CODES * scale) };
    const count = length.calls * 2 * (rounds + warmUps);
    const batch = { databaseUrl, projectId, count, mark: "v" };
    await openSessions(batch);
    const codes = (await completeSessions(batch)).values();
    const nextBody = () => JSON.stringify({ code: codes.next().value });
    const path = "/v1/auth/verify";
    const sideOf = (server: ServerProcess) => ({
      server,
      round: () => restLoad({ url: server.url, method: "POST", path, apiKey, nextBody, length }),
    });
    const sides = { floor: sideOf(floor), tapin: sideOf(tapin) };
    const outcome = await contest(sides, { rounds, warmUps, length });
    await Promise.all([tapin.stop(), floor.stop()]);
    return [
      {
        what: "REST VerifyCode",
        unit: "calls/s",
        floorName: "node:http + pg",
        ...outcome,
        goal: { of: "ratio", is: "at least", limit: 1.3 },
      },
    ];
  },
};
