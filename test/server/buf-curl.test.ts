// An independent client, connect-go inside `buf curl`: every protocol, unary, stream and error.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RUNTIMES, startTapin, type Tapin } from "../support/tapin.ts";
import { runBuf } from "./buf.ts";
import { ask, jsonOf } from "./raw-http.ts";

const bufCurl = (...args: readonly string[]) => runBuf("curl", "--schema", "proto", ...args);

const PROTOCOLS = [
  ["connect", []],
  ["connect", ["--http2-prior-knowledge"]],
  ["grpc", ["--http2-prior-knowledge"]],
  ["grpcweb", []],
  ["grpcweb", ["--http2-prior-knowledge"]],
] as const;

describe.each(RUNTIMES)("buf curl against %s", (runtime) => {
  let tapin: Tapin;
  beforeAll(async () => {
    tapin = await startTapin({ runtime });
  });
  afterAll(async () => {
    expect(await tapin.end()).toBe(0);
  });

  describe.each(PROTOCOLS)("%s %j", (protocol, transport) => {
    const call = (rpc: string, body: object, bearer = tapin.apiKey) =>
      bufCurl(
        ...["--protocol", protocol, ...transport],
        ...["-H", `Authorization: Bearer ${bearer}`, "-d", JSON.stringify(body)],
        `${tapin.url}/tapin.auth.v1.AuthService/${rpc}`,
      );

    it("a unary call", async () => {
      const { code, out, err } = await call("CreateSession", { state: "hello" });
      expect([code, err]).toEqual([0, ""]);
      expect(JSON.parse(out)).toMatchObject({
        sessionId: expect.stringMatching(/^[A-Za-z0-9]{16}$/),
        expiresIn: 300,
        watchToken: expect.stringMatching(/^tapin_watch_/),
      });
    });

    it("a stream, to its end", async () => {
      const headers = { authorization: `Bearer ${tapin.apiKey}` };
      const created = await ask(`${tapin.url}/v1/auth/session`, { headers, body: {} });
      const sessionId = String(jsonOf(created).session_id);
      const watched = call("WatchSession", { sessionId }, String(jsonOf(created).watch_token));
      await ask(`${tapin.url}/v1/auth/session/${sessionId}`, { method: "DELETE", headers });
      const { code, out } = await watched;
      expect(code).toBe(0);
      const last = out.slice(out.lastIndexOf("\n{") + 1);
      expect(JSON.parse(last)).toMatchObject({ status: "SESSION_STATUS_CANCELLED", sequence: 2 });
    });

    it("an error, with its code and details", async () => {
      const { code, err } = await call("CreateSession", { state: "a b" });
      // buf's exit code is the RPC code times eight.
      expect(code).toBe(3 * 8);
      expect(JSON.parse(err)).toMatchObject({
        code: "invalid_argument",
        message: "The request is not valid.",
        details: [{ type: "google.rpc.ErrorInfo" }, { type: "google.rpc.BadRequest" }],
      });
    });

    it("an error before a stream", async () => {
      const { code, err } = await call("WatchSession", { sessionId: "aBcDeFgH12345678" });
      expect(code).toBe(5 * 8);
      expect(JSON.parse(err)).toMatchObject({ code: "not_found" });
    });
  });
});
