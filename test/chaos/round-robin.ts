// The one public address of several processes, for webhooks: each delivery goes to the next
// process, and to another one when that is not there.

import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";

/** A running distributor. */
export interface RoundRobin {
  readonly url: string;
  close(): Promise<void>;
}

/** Starts it; `addresses` tells those of the processes. */
export async function startRoundRobin(addresses: () => readonly string[]): Promise<RoundRobin> {
  let turn = 0;
  const server = http.createServer(async (req, res) => {
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk as Buffer);
    const { method = "GET", headers } = req;
    const targets = addresses();
    for (const _ of targets) {
      const target = targets[turn++ % targets.length];
      const call = { method, headers, body: Buffer.concat(chunks) };
      const status = target === undefined ? null : await pass(`${target}${req.url}`, call);
      if (status === null) continue;
      res.writeHead(status).end();
      return;
    }
    res.writeHead(502).end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

interface Call {
  readonly method: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
}

/** The answer's status, or null when there is none. */
function pass(url: string, { method, headers, body }: Call): Promise<number | null> {
  return new Promise((resolve) => {
    const call = http.request(url, { method, headers, agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 502);
    });
    call.on("error", () => resolve(null));
    call.end(body);
  });
}
