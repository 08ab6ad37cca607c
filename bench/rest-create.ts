// REST CreateSession, durable: how many sessions a second, each committed before its answer.

import { contest } from "./support/contest.ts";
import { REST_CONNECTIONS, restLoad } from "./support/rest-load.ts";
import type { Length, Scenario } from "./support/scenario.ts";
import { makeProject } from "./support/stage.ts";

/** The scenario. */
export const restCreate: Scenario = {
  name: "rest-create",
  about: `REST CreateSession over ${REST_CONNECTIONS} connections, each session durable before its answer`,
  leftOut: null,
  missing: () => null,
  async run(stage, effort) {
    const databaseUrl = await stage.createDatabase();
    const tapin = await stage.startTapin(databaseUrl);
    const { id, apiKey } = await makeProject(tapin.url, databaseUrl);
    const floor = await stage.startFloor("rest-login.ts", {
      DATABASE_URL: databaseUrl,
      PROJECT_ID: id,
    });
    const call = {
      method: "POST",
      path: "/v1/auth/session",
      apiKey,
      body: '{"state":"hello"}',
    } as const;
    const sideOf = (server: typeof tapin) => ({
      server,
      round: (length: Length) => restLoad({ ...call, url: server.url, length }),
    });
    const outcome = await contest({ floor: sideOf(floor), tapin: sideOf(tapin) }, effort);
    await Promise.all([tapin.stop(), floor.stop()]);
    return [
      {
        what: "REST CreateSession",
        unit: "calls/s",
        floorName: "node:http + pg",
        ...outcome,
        goal: { of: "ratio", is: "at least", limit: 1.3 },
      },
    ];
  },
};
