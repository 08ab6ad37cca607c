// What a start with the embedded database does first, and what it does not load at all.

import { once } from "node:events";
import { expect, test } from "vitest";
import { startPreloaded } from "./preloaded.ts";

/** Tells which files a process loads, and when it starts a thread. */
const WATCH = `
  import { subscribe } from "node:diagnostics_channel";
  import { registerHooks } from "node:module";
  import { threadId } from "node:worker_threads";
  const tell = (what) => threadId === 0 && console.error("loads " + what);
  registerHooks({ load: (url, context, next) => { tell(url); return next(url, context); } });
  subscribe("worker_threads", () => tell("a thread"));
`;

test("main begins with the embedded database, and loads neither it, nor pg, nor Prometheus' client", async () => {
  const { child, output, errors } = startPreloaded(WATCH);
  output.on("line", (line) => {
    if (line.includes('"event":"ready"')) child.kill("SIGTERM");
  });
  const [code] = await once(child, "close");
  expect(code).toBe(0);
  const loaded = errors().split("\n");
  const place = (what: string) => loaded.findIndex((line) => line.includes(what));
  expect(place("loads a thread")).toBeGreaterThan(place("src/config.ts"));
  for (const late of ["node_modules/pino/", "node_modules/kysely/", "src/gateway.ts"]) {
    expect([late, place(late) > place("loads a thread")]).toEqual([late, true]);
  }
  for (const never of ["@electric-sql/pglite", "node_modules/pg/", "node_modules/prom-client/"]) {
    expect([never, place(never)]).toEqual([never, -1]);
  }
});
