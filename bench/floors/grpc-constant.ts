// Floor of gRPC GetSessionStatus: raw HTTP/2 that reads no message and always answers the same one,
// "pending".

import http2, { type ServerHttp2Stream } from "node:http2";
import { PORT } from "./listen.ts";

/** GetSessionStatusResponse{status: PENDING}, framed. */
const PENDING = Buffer.from([0, 0, 0, 0, 2, 0x08, 0x01]);

const server = http2.createServer({ settings: { maxConcurrentStreams: 100 } });
server.on("stream", (stream: ServerHttp2Stream) => {
  stream.resume();
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  stream.once("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
  stream.end(PENDING);
});
server.listen(PORT, "127.0.0.1");
