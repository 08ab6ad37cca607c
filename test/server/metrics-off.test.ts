// Without a token nobody can read metrics, so nothing is measured: in this process, where what is
// installed can be seen.

import { PerformanceObserver } from "node:perf_hooks";
import { pino } from "pino";
import { expect, it, vi } from "vitest";
import { parseConfig } from "../../src/config.ts";
import { startGateway } from "../../src/gateway.ts";

it.each([
  ["without TAPIN_METRICS_TOKEN", {}, 0],
  ["with TAPIN_METRICS_TOKEN", { TAPIN_METRICS_TOKEN: "prometheus-token-for-tests" }, 1],
])(
  "startGateway %s watches garbage collection so often",
  { timeout: 60_000 },
  async (_, env, times) => {
    const observe = vi.spyOn(PerformanceObserver.prototype, "observe");
    try {
      const config = parseConfig({ TAPIN_PORT: "0", TAPIN_DATA_DIR: "memory", ...env });
      const gateway = await startGateway(config, pino({ level: "silent" }));
      await gateway.stop(0);
      expect(observe).toHaveBeenCalledTimes(times);
    } finally {
      observe.mockRestore();
    }
  },
);
