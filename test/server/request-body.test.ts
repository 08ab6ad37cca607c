// Bodies of requests whose caller has gone: whoever waits for one is told, however late it asks.

import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it } from "vitest";
import { readBody } from "../../src/server/request-body.ts";
import { Waiting } from "../../src/server/waiting.ts";
import { attempt, type Soon } from "../../src/transcoder/soon.ts";
import { openRaw } from "./raw-http.ts";

/** Reads the body of a request of 10 bytes, of which 2 came, once its caller has gone. */
async function readLate(read: (req: Parameters<typeof readBody>[0]) => Soon<Uint8Array>) {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const arrived = once(server, "request");
  const connection = await openRaw(`http://127.0.0.1:${port}`);
  connection.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n{}");
  const [req] = await arrived;
  req.on("error", () => undefined);
  const closed = new Promise((resolve) => req.once("close", resolve));
  connection.destroy();
  await closed;
  const failure = await attempt(
    () => read(req),
    (error) => error as never,
  );
  server.close();
  return failure;
}

it("readBody fails with canceled when the request has closed before", async () => {
  const failure = await readLate((req) => readBody(req, 100));
  expect(failure).toMatchObject({ reason: "CANCELED" });
});

it("readBody fails with canceled when it is told that the caller has gone", async () => {
  const stub = { headers: {}, destroyed: false, on: () => undefined, once: () => undefined };
  const gone = new Waiting();
  gone.leave();
  const read = async () => readBody(stub as unknown as Parameters<typeof readBody>[0], 100, gone);
  await expect(read()).rejects.toMatchObject({ reason: "CANCELED" });
});
