// The server on an embedded database in a process of its own, run by Node or Deno, that tells on
// request who still watches. It says one line of JSON when it is ready, and one for each line it
// reads; it ends with its input.

import process from "node:process";
import { createInterface } from "node:readline";
import { createApiKey } from "../../src/actions/manage-api-key.ts";
import { createProject } from "../../src/actions/manage-project.ts";
import { createLog } from "../../src/log.ts";
import { compileRules, createServer } from "../../src/server/server.ts";
import { openStore } from "../../src/store/open.ts";
import { DEFAULT_SIZES, NO_LIMITS, portsOver } from "../support/test-ports.ts";

const opened = await openStore({ databaseUrl: null, dataDir: "memory" });
const ports = portsOver(opened);
const project = {
  slug: "shop",
  name: "Shop",
  callbackUrl: null,
  originUrl: null,
  redirectUris: [],
  matchCodeRequired: false,
  subscription: "automatic" as const,
};
await createProject(ports, project);
const { apiKey } = await createApiKey(ports, project.slug, "test");
const server = createServer({
  publicUrl: () => "http://127.0.0.1",
  ports,
  validate: compileRules(),
  certificate: null,
  adminToken: null,
  limits: { ...NO_LIMITS, watchersPerSession: Number(process.argv[2]) },
  sizes: DEFAULT_SIZES,
  budgets: null,
  trustedProxies: [],
  sandbox: null,
  routes: [],
  isReady: async () => undefined,
  metrics: null,
  avatars: false,
  log: createLog({ level: "silent", secrets: [], write: () => undefined }),
});
const port = await server.listen(0, "127.0.0.1");
say({ port, apiKey });

createInterface({ input: process.stdin })
  .on("line", (line) => {
    if (line === "heap") say({ megabytes: heapInUse() / 2 ** 20 });
    else sayCensus();
  })
  .on("close", () => process.exit(0));

function sayCensus(): void {
  say({
    followers: opened.changes.size,
    timers: process.getActiveResourcesInfo().filter((name) => name === "Timeout").length,
    rssMegabytes: Math.round(process.memoryUsage().rss / 2 ** 20),
  });
}

/** Bytes of what can still be reached: the runtime is started with `--expose-gc`. */
function heapInUse(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

function say(line: unknown): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
