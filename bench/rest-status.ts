// REST GetSessionStatus of a session that stays pending: what every page without a stream asks
// every two seconds.

import { contest } from "./support/contest.ts";
import { REST_CONNECTIONS, restLoad } from "./support/rest-load.ts";
import type { Length, Scenario } from "./support/scenario.ts";
import type { ServerProcess } from "./support/server-process.ts";
import { openSessions, sessionIdOf } from "./support/sessions.ts";
import { makeProject } from "./support/stage.ts";

/** The scenario. */
export const restStatus: Scenario = {
  name: "rest-status",
  about: `REST GetSessionStatus over ${REST_CONNECTIONS} connections, always pending`,
  leftOut: null,
  missing: () => null,
  async run(stage, effort) {
    const databaseUrl = await stage.createDatabase();
    const tapin = await stage.startTapin(databaseUrl);
    const { id: projectId, apiKey } = await makeProject(tapin.url, databaseUrl);
    await openSessions({ databaseUrl, projectId, count: 1, mark: "s" });
    const floor = await stage.startFloor("rest-constant.ts");
    const path = `/v1/auth/session/${sessionIdOf("s", 1)}/status`;
    const sideOf = (server: ServerProcess) => ({
      server,
      round: (length: Length) => restLoad({ url: server.url, method: "GET", path, apiKey, length }),
    });
    const outcome = await contest({ floor: sideOf(floor), tapin: sideOf(tapin) }, effort);
    await Promise.all([tapin.stop(), floor.stop()]);
    return [
      {
        what: "REST status, pending",
        unit: "calls/s",
        floorName: "node:http, constant answer",
        ...outcome,
        goal: { of: "ratio", is: "at least", limit: 0.6 },
      },
    ];
  },
};
