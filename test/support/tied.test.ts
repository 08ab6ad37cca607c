// A service that a test started does not outlive the run of tests, even one that is killed.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { awaitCondition } from "./await-condition.ts";
import { RUNTIMES } from "./tapin.ts";

const RUN = fileURLToPath(new URL("./tied-run.ts", import.meta.url));

test.each(RUNTIMES)(
  "startTapin: the service ends when the run is killed, on %s",
  async (runtime) => {
    const run = spawn(process.execPath, [RUN, runtime], { stdio: ["ignore", "pipe", "inherit"] });
    const [url] = await once(createInterface({ input: run.stdout }), "line");
    const answers = () =>
      fetch(`${url}/healthz`).then(
        ({ ok }) => ok,
        () => false,
      );
    expect(await answers()).toBe(true);
    run.kill("SIGKILL");
    await awaitCondition("the service has ended", async () => !(await answers()));
  },
);
