// A port of this machine that nobody listens on, for services that must know theirs before they
// start.

import { createServer } from "node:net";

/** A free port of 127.0.0.1. */
export async function freePort(): Promise<string> {
  const server = createServer();
  const port = await new Promise<number>((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve((server.address() as { port: number }).port));
  });
  await new Promise((resolve) => server.close(resolve));
  return String(port);
}
