// A deadline that passes before the work is begun: the caller is told, nothing is done for it, the
// process lives.

import { request } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { awaitCondition } from "../support/await-condition.ts";
import { RUNTIMES, startTapin, type Tapin } from "../support/tapin.ts";
import { ask, jsonOf, openRaw } from "./raw-http.ts";

describe.each(RUNTIMES)("a body that comes after the deadline, on %s", (runtime) => {
  let tapin: Tapin;
  beforeAll(async () => {
    tapin = await startTapin({ runtime });
    // A first call takes longer than others: by then the body could be there too.
    await ask(`${tapin.url}/tapin.auth.v1.AuthService/GetLink`, { body: {} });
  });
  afterAll(async () => {
    expect(await tapin.end()).toBe(0);
  });

  /** Sends the head, and the body only when the deadline of 50 ms is long over. */
  function sendLate(rpc: string, bearer: string, body: string): Promise<number> {
    return new Promise((resolve, reject) => {
      const call = request(`${tapin.url}/tapin.auth.v1.AuthService/${rpc}`, {
        method: "POST",
        headers: {
          authorization: `Bearer ${bearer}`,
          "content-type": "application/json",
          "content-length": String(body.length),
          "connect-timeout-ms": "50",
        },
      });
      call.on("error", reject);
      call.on("response", (answer) => {
        answer.resume();
        answer.on("end", () => resolve(answer.statusCode ?? 0));
      });
      call.flushHeaders();
      setTimeout(() => call.end(body), 600);
    });
  }

  it.each([
    ["GetSessionStatus", `tapin_watch_${"a".repeat(32)}`, '{"sessionId":"aBcDeFgH12345678"}'],
    ["CancelSession", `tapin_watch_${"a".repeat(32)}`, '{"sessionId":"aBcDeFgH12345678"}'],
    ["VerifyCode", null, '{"code":"nope"}'],
  ])("%s is told so", async (rpc, bearer, body) => {
    for (let turn = 0; turn < 3; turn += 1) {
      expect(await sendLate(rpc, bearer ?? tapin.apiKey, body)).toBe(504);
    }
    expect((await ask(`${tapin.url}/healthz`)).status).toBe(200);
    expect(tapin.output()).not.toContain("unhandled_rejection");
  });

  it("half a body behind an answer that lasts ends with its connection, and is logged", async () => {
    const session = jsonOf(
      await ask(`${tapin.url}/v1/auth/session`, {
        headers: { authorization: `Bearer ${tapin.apiKey}` },
        body: { state: "hello" },
      }),
    );
    const head = `host: x\r\nauthorization: Bearer ${tapin.apiKey}\r\n`;
    const connection = await openRaw(tapin.url);
    connection.send(
      `GET /v1/auth/session/${session.session_id}/watch HTTP/1.1\r\n${head}accept: text/event-stream\r\n\r\n` +
        `POST /tapin.auth.v1.AuthService/VerifyCode HTTP/1.1\r\n${head}x-request-id: half-${runtime}\r\n` +
        'content-type: application/json\r\ncontent-length: 100\r\n\r\n{"code":',
    );
    await connection.text(/event: status/);
    connection.destroy();
    const line = new RegExp(`"request_id":"half-${runtime}".*"reason":"CANCELED"`);
    await awaitCondition("the second call is logged", async () => line.test(tapin.output()));
  });
});
