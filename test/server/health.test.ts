// /healthz and /readyz: what they tell, to whom, and when Tapin is not ready.

import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RUNTIMES, startTapin, type Tapin } from "../support/tapin.ts";
import { ask, jsonOf } from "./raw-http.ts";

async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe.each(RUNTIMES)("health on %s", (runtime) => {
  let tapin: Tapin;
  beforeAll(async () => {
    tapin = await startTapin({ runtime });
  });
  afterAll(async () => {
    expect(await tapin.end()).toBe(0);
  });

  it.each([
    ["/healthz", '{"status":"ok"}'],
    ["/readyz", '{"status":"ready"}'],
    ["/healthz?probe=1", '{"status":"ok"}'],
  ])("%s answers without a key", async (path, body) => {
    const answer = await ask(tapin.url + path);
    expect(answer).toMatchObject({ status: 200, text: body });
    expect(answer.headers["content-type"]).toBe("application/json");
  });

  it.each(["/healthz", "/readyz"])(
    "%s answers a load balancer that speaks HTTP/1.0 and names no host",
    async (path) => {
      const socket = connect(Number(new URL(tapin.url).port), "127.0.0.1");
      socket.write(`GET ${path} HTTP/1.0\r\n\r\n`);
      expect(await text(socket)).toMatch(/^HTTP\/1\.1 200 /);
    },
  );

  it.each(["/healthz", "/readyz"])("%s takes HEAD, and nothing that changes", async (path) => {
    const head = await ask(tapin.url + path, { method: "HEAD" });
    expect([head.status, head.text]).toEqual([200, ""]);
    for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
      const answer = await ask(tapin.url + path, { method });
      expect([answer.status, answer.headers.allow]).toEqual([405, "GET, HEAD"]);
    }
  });
});

describe.each(RUNTIMES)("a Telegram that cannot be reached, on %s", (runtime) => {
  let tapin: Tapin;
  beforeAll(async () => {
    const TAPIN_TELEGRAM_API_URL = `http://127.0.0.1:${await closedPort()}`;
    tapin = await startTapin({
      runtime,
      env: { TAPIN_TELEGRAM_TOKEN: "1:x", TAPIN_TELEGRAM_API_URL },
    });
  });
  afterAll(async () => {
    expect(await tapin.end()).toBe(0);
  });

  it("the process starts and lives, but is not ready, and keeps why to itself", async () => {
    expect((await ask(`${tapin.url}/healthz`)).status).toBe(200);
    const answer = await ask(`${tapin.url}/readyz`);
    expect(answer.status).toBe(503);
    expect(jsonOf(answer)).toEqual({
      error: "Tapin is not ready.",
      code: "unavailable",
      retryable: true,
      request_id: answer.headers["x-request-id"],
    });
  });

  it("no sandbox stands in for it", async () => {
    expect((await ask(`${tapin.url}/v1/sandbox/open`, { body: {} })).status).toBe(404);
    expect((await ask(`${tapin.url}/demo`)).status).toBe(404);
    expect((await ask(`${tapin.url}/`)).status).toBe(404);
  });
});
