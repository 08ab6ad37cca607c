// Floor of gRPC watchers: raw HTTP/2 streams that say one message at once and the same again every
// 14 s, all from one timer.

import http2, { type ServerHttp2Stream } from "node:http2";
import { PORT } from "./listen.ts";

/** WatchSessionResponse{status: PENDING, opened: true, sequence: 2}, framed. */
const PENDING = Buffer.from([0, 0, 0, 0, 6, 0x08, 0x01, 0x18, 0x01, 0x20, 0x02]);

const streams = new Set<ServerHttp2Stream>();
const server = http2.createServer({ settings: { maxConcurrentStreams: 100 } });
server.on("stream", (stream: ServerHttp2Stream) => {
  stream.resume();
  stream.on("error", () => {});
  stream.respond({ ":status": 200, "content-type": "application/grpc" });
  stream.write(PENDING);
  streams.add(stream);
  stream.once("close", () => streams.delete(stream));
});
setInterval(() => {
  for (const stream of streams) stream.write(PENDING);
}, 14_000);
server.listen({ port: PORT, host: "127.0.0.1", backlog: 4096 });
