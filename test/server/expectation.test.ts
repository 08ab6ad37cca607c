// Clients that wait for 100 Continue before they send a body (RFC 9110 section 10.1.1).

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Field } from "../fuzz/hpack.ts";
import { encodeFrame, FRAME, openFrames, requestFrames } from "../fuzz/http2-frames.ts";
import { RUNTIMES, startTapin, type Tapin } from "../support/tapin.ts";
import { jsonOf, openHttp2, openRaw, requestText } from "./raw-http.ts";

describe.each(RUNTIMES)("expectations on %s", (runtime) => {
  let tapin: Tapin;
  beforeAll(async () => {
    tapin = await startTapin({ runtime });
  });
  afterAll(async () => {
    expect(await tapin.end()).toBe(0);
  });

  const request = (line: string, lines: string, body = "") =>
    requestText(tapin.apiKey, line, lines, body);

  it("pipelined requests that expect 100 Continue get no answer mixed up with it", async () => {
    const connection = await openRaw(tapin.url);
    const expecting = request(
      "POST /v1/auth/verify",
      "Expect: 100-continue\r\nContent-Type: application/json\r\nContent-Length: 12\r\n",
      '{"code":"x"}',
    );
    connection.send(expecting.repeat(5));
    const answers = [];
    for (const _ of [1, 2, 3, 4, 5]) {
      const answer = await connection.answer();
      if (answer !== null) answers.push(answer);
    }
    for (const { status, text } of answers) {
      expect([status, jsonOf({ status, text, headers: {} }).code]).toEqual([400, "code_invalid"]);
    }
    // Node closes, and says so, after an answer to who was not told to go on.
    const last = answers.at(-1);
    expect(answers.length === 5 || last?.headers.connection === "close").toBe(true);
    expect(answers.length).toBeGreaterThan(1);
    connection.destroy();
  });

  it("one request that expects 100 Continue is told to go on", async () => {
    const connection = await openRaw(tapin.url);
    connection.send(
      request(
        "POST /v1/auth/verify",
        "Expect: 100-continue\r\nContent-Type: application/json\r\nContent-Length: 12\r\n",
      ),
    );
    expect(await connection.text(/\r\n\r\n/)).toBe("HTTP/1.1 100 Continue\r\n\r\n");
    connection.send('{"code":"x"}');
    expect((await connection.answer())?.status).toBe(400);
    connection.destroy();
  });

  it.each([
    ["401 Unauthorized", "POST /v1/auth/verify", "Content-Length: 12"],
    ["404 Not Found", "POST /v1/nowhere", "Content-Length: 12"],
    ["413 ", "POST /v1/auth/verify", "Content-Length: 99999999"],
    ["401 Unauthorized", "POST /tapin.auth.v1.AuthService/VerifyCode", "Content-Length: 12"],
  ])(
    "what the head decides is told without 100 Continue: %s to %s",
    async (status, line, length) => {
      const connection = await openRaw(tapin.url);
      const expecting = `Expect: 100-continue\r\nContent-Type: application/json\r\n${length}\r\n`;
      const sent = request(line, expecting);
      connection.send(status.startsWith("401") ? sent.replace("tapin_live_", "tapin_dead_") : sent);
      expect(await connection.text(/\}$/)).toMatch(new RegExp(`^HTTP/1.1 ${status}`));
      connection.destroy();
    },
  );

  it("over HTTP/2, what the head decides is told without 100 Continue, and a body that is wanted with it", async () => {
    const session = await openHttp2(tapin.url);
    const tell = (token: string) =>
      new Promise<readonly string[]>((resolve, reject) => {
        const heard: string[] = [];
        const stream = session.request({
          ":method": "POST",
          ":path": "/v1/auth/verify",
          "content-type": "application/json",
          authorization: `Bearer ${token}`,
          expect: "100-continue",
        });
        stream.on("continue", () => {
          heard.push("continue");
          stream.end('{"code":"x"}');
        });
        stream.on("response", (head) => heard.push(String(head[":status"])));
        stream.on("error", reject);
        stream.on("end", () => resolve(heard));
        stream.resume();
      });
    expect(await tell("nobody")).toEqual(["401"]);
    expect(await tell(tapin.apiKey)).toEqual(["continue", "400"]);
    session.destroy();
  });

  it("a request that expects 100 Continue and is reset at once throws nowhere", async () => {
    let tellAnswered = () => {};
    const answered = new Promise<void>((resolve) => {
      tellAnswered = resolve;
    });
    const frames = await openFrames(tapin.url, [], ({ type, streamId }) => {
      if (type === FRAME.headers && streamId === 101) tellAnswered();
    });
    const cancel = Uint8Array.of(0, 0, 0, 8);
    for (let streamId = 1; streamId < 100; streamId += 2) {
      const fields: Field[] = [
        [":method", "POST"],
        [":scheme", "http"],
        [":path", "/v1/auth/verify"],
        [":authority", "a"],
        ["expect", "100-continue"],
      ];
      const reset = { type: FRAME.reset, flags: 0, streamId, payload: cancel };
      frames.send(requestFrames(streamId, fields, Uint8Array.of(1)), encodeFrame(reset));
    }
    const health: Field[] = [
      [":method", "GET"],
      [":scheme", "http"],
      [":path", "/healthz"],
      [":authority", "a"],
    ];
    frames.send(requestFrames(101, health));
    await answered;
    frames.socket.destroy();
    expect(tapin.output()).not.toContain("uncaught_exception");
  });
});
