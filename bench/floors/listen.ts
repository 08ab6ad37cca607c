// What every floor has in common: it listens where PORT says, and ends at SIGTERM.

import http from "node:http";
import process from "node:process";

/** Port to listen on. */
export const PORT = Number(process.env.PORT);

process.on("SIGTERM", () => process.exit(0));

/** Serves HTTP/1.1. */
export function serveHttp1(handle: http.RequestListener): void {
  http.createServer(handle).listen({ port: PORT, host: "127.0.0.1", backlog: 4096 });
}
