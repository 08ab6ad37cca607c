// T28: clients that take their time are shown the door, and nobody else notices them.

import { afterAll, beforeAll, expect, it } from "vitest";
import { HEADERS_MS } from "../../src/server/listener.ts";
import { SNIFF_MS } from "../../src/server/preface.ts";
import { RUNTIMES, startTapin, type Tapin } from "../support/tapin.ts";
import { ask, openRaw } from "./raw-http.ts";

/** Milliseconds after its limit at which a connection must be gone. */
const TOLERANCE_MS = 2000;

const SLOW = [
  ["sends nothing", "", SNIFF_MS],
  ["sends half an HTTP/2 preface", "PRI * HTTP/2.0\r\n", SNIFF_MS],
  ["sends half a request line", "GET /heal", HEADERS_MS],
  ["sends half a head", "GET /healthz HTTP/1.1\r\nHost: a\r\nX-Slow: ", HEADERS_MS],
] as const;

const running: Tapin[] = [];
beforeAll(async () => {
  running.push(...(await Promise.all(RUNTIMES.map((runtime) => startTapin({ runtime })))));
});
afterAll(async () => {
  for (const tapin of running) expect(await tapin.end()).toBe(0);
});

async function endureSlow(tapin: Tapin, [what, bytes, limitMs]: (typeof SLOW)[number]) {
  const connection = await openRaw(tapin.url);
  const startedAt = performance.now();
  connection.send(bytes);
  await connection.closed;
  const ms = performance.now() - startedAt;
  connection.destroy();
  return { what, inTime: ms > limitMs - 500 && ms < limitMs + TOLERANCE_MS, ms };
}

it("T28: a connection that is too slow is closed in time, while others are served", async () => {
  let done = false;
  const slow = Promise.all(
    running.flatMap((tapin) =>
      // Several of each, since one alone proves little.
      SLOW.flatMap((kind) => [1, 2, 3].map(() => endureSlow(tapin, kind))),
    ),
  ).finally(() => {
    done = true;
  });
  let served = 0;
  while (!done) {
    const answers = await Promise.all(running.map((tapin) => ask(`${tapin.url}/healthz`)));
    for (const { status } of answers) expect(status).toBe(200);
    served += answers.length;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const late = (await slow).filter(({ inTime }) => !inTime);
  expect(late).toEqual([]);
  expect(served).toBeGreaterThan(20);
});
