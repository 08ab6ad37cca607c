// The thread of the embedded database ends by itself, such as for want of memory: nobody could be
// served any more.

import { once } from "node:events";
import { expect, test } from "vitest";
import { startPreloaded } from "./preloaded.ts";

/** Ends the thread at a signal. */
const LOSE = `
  process.on("worker", (thread) => process.once("SIGUSR2", () => void thread.terminate()));
`;

/** Lets no thread load what it is told to. */
const REFUSE = `
  import { registerHooks } from "node:module";
  import { isMainThread } from "node:worker_threads";
  const load = (url, context, next) => {
    if (url.includes("pglite")) throw new Error("no such file");
    return next(url, context);
  };
  if (!isMainThread) registerHooks({ load });
`;

test("main ends with 1 and says why when the thread of the embedded database has ended", async () => {
  const { child, output, lines } = startPreloaded(LOSE);
  output.on("line", (line) => {
    if (line.includes('"event":"ready"')) child.kill("SIGUSR2");
  });
  const [code] = await once(child, "close");
  expect(code).toBe(1);
  expect(lines.filter((line) => line.includes('"event":"database_lost"'))).toHaveLength(1);
});

test("main says what cannot start when the thread of the embedded database cannot", async () => {
  const { child, errors } = startPreloaded(REFUSE);
  const [code] = await once(child, "close");
  expect(code).toBe(1);
  expect(errors()).toContain("Tapin cannot start: The embedded database cannot be started.");
});
