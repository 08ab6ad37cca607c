// Serves ConformanceService on a port of its own, with the parts of production: listener, front,
// pipeline and RPC stack, and nothing of Tapin above them. A process for Node or Deno; it says its
// port in one line, and ends with its input.

import process from "node:process";
import { pino } from "pino";
import { NO_OBSERVER } from "../../src/core/observer.ts";
import type { Store } from "../../src/core/ports.ts";
import { createFront } from "../../src/server/front.ts";
import { createLimits } from "../../src/server/limit.ts";
import { createListener } from "../../src/server/listener.ts";
import { createPipeline } from "../../src/server/pipeline.ts";
import { createRpc } from "../../src/server/rpc.ts";
import { createValidate } from "../../src/server/validate.ts";
import { DEFAULT_SIZES, NO_LIMITS } from "../support/test-ports.ts";
import { conformanceOperations } from "./conformance-service.ts";
import { ConformanceService } from "./gen/tapin/conformance/v1/conformance_pb.ts";

const log = pino({ level: "silent" });

const pipeline = createPipeline({
  operations: conformanceOperations(),
  // Every operation is open to anybody, so nothing is looked up.
  authority: { store: {} as Store, adminToken: null },
  limits: createLimits(NO_LIMITS, null),
  observer: NO_OBSERVER,
  validate: createValidate(ConformanceService.methods),
  log,
});
const front = createFront({
  rpc: createRpc([ConformanceService], pipeline, {
    stopping: new AbortController().signal,
    maxBodyBytes: DEFAULT_SIZES.bodyBytes,
    log,
  }),
  rest: { handle: async () => false },
  routes: [],
  isOrigin: async () => false,
  trustedProxies: [],
  sizes: DEFAULT_SIZES,
  log,
});
const { port } = await createListener(front, { certificate: null, sizes: DEFAULT_SIZES }).listen(
  0,
  "127.0.0.1",
);
process.stdout.write(`${port}\n`);
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
