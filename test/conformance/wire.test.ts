// The families that no client library would send, over HTTP/1.1 and HTTP/2, against
// ConformanceService on Node and Deno.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RUNTIMES } from "../support/tapin.ts";
import { FORMAT_CASES } from "./format-cases.ts";
import { GET_CASES } from "./get-cases.ts";
import { type Host, startHost } from "./start-host.ts";
import { UNEXPECTED_CASES } from "./unexpected-cases.ts";
import { codeOf, send } from "./wire.ts";

const WIRE_CASES = [...GET_CASES, ...UNEXPECTED_CASES, ...FORMAT_CASES];

it("there are at least 140 cases", () => {
  expect(WIRE_CASES.length).toBeGreaterThan(140);
});

describe.each(RUNTIMES)("on %s", (runtime) => {
  let host: Host;
  beforeAll(async () => {
    host = await startHost(runtime);
  });
  afterAll(async () => {
    expect(await host?.end()).toBe(0);
  });

  it.each(WIRE_CASES)("$family: $name, over HTTP/$http", async ({ http, request, code, check }) => {
    const answer = await send(host.url, http, request);
    expect(codeOf(answer, request.type)).toBe(code);
    expect(answer.headers["x-request-id"]).toMatch(/^\S+$/);
    check?.(answer);
  });
});
