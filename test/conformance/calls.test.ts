// The families that any client can call, over every dialect, against ConformanceService on Node and
// Deno.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RUNTIMES } from "../support/tapin.ts";
import { ANSWER_CASES } from "./answer-cases.ts";
import type { Caller } from "./caller.ts";
import { DIALECTS } from "./dialects.ts";
import { ERROR_CASES } from "./error-cases.ts";
import { LIMIT_CASES } from "./limit-cases.ts";
import { type Host, startHost } from "./start-host.ts";

const CASES = [...ANSWER_CASES, ...ERROR_CASES, ...LIMIT_CASES];
const RUNS = DIALECTS.flatMap((dialect) =>
  CASES.filter(({ over }) => over?.(dialect) ?? true).map((each) => ({ ...each, dialect })),
);

it("there are at least 140 cases", () => {
  expect(RUNS.length).toBeGreaterThan(140);
});

describe.each(RUNTIMES)("on %s", (runtime) => {
  let host: Host;
  const callers = new Map<string, Caller>();
  beforeAll(async () => {
    host = await startHost(runtime);
    for (const { name, open } of DIALECTS) callers.set(name, open(host.url));
  });
  afterAll(async () => {
    // First the host: a GOAWAY of many closing clients may abort Deno
    // (https://github.com/denoland/deno/issues/36788).
    expect(await host?.end()).toBe(0);
    for (const caller of callers.values()) caller.close();
  });

  it.each(RUNS)("$family: $name, over $dialect.name", async ({ run, dialect }) => {
    const caller = callers.get(dialect.name);
    if (caller === undefined) throw new Error("no such dialect");
    await run(caller, dialect);
  });
});
