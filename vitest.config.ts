// How `npm test` runs: real PostgreSQL for the whole run, two files at a time, no secret let out,
// one closing line. Everything runs on Node; what depends on the runtime and costs little runs on
// Deno too, in the same run.

import { defineConfig } from "vitest/config";
import { ClosingLine } from "./test/support/closing-line.ts";
import { denoPool } from "./test/support/deno-pool.ts";

export default defineConfig({
  test: {
    globalSetup: ["test/support/postgres-setup.ts"],
    setupFiles: ["test/support/leak-check.ts"],
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    reporters: ["default", new ClosingLine()],
    projects: [
      { extends: true, test: { name: "node", include: ["test/**/*.test.ts"], pool: "forks" } },
      {
        extends: true,
        test: {
          name: "deno",
          include: ["test/*.test.ts", "test/{channels,core,sandbox,store,transcoder}/*.test.ts"],
          // What happens in a browser happens there, whatever serves the page.
          exclude: ["test/sandbox/{chat-page,demo-browser,max-page}.test.ts"],
          pool: denoPool,
          // Deno itself reads the files, as it does in production.
          experimental: { viteModuleRunner: false, nodeLoader: false },
        },
      },
    ],
  },
});
