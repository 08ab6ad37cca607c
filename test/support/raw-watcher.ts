// Watchers made of nothing but a socket, so that they can vanish as a killed process does: no
// goodbye in any protocol, and if they like without ever having read.

import { once } from "node:events";
import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { connect, type Socket } from "node:net";

/** What to watch, and how. */
export interface RawWatch {
  readonly port: number;
  readonly bearer: string;
  readonly sessionId: string;
  /** False: takes nothing in, so that what is sent to it piles up. */
  readonly reads: boolean;
}

/** An open watch. */
export interface RawWatcher {
  /** Breaks the connection off; `reset` drops what is under way as a killed process does. */
  vanish(reset: boolean): void;
}

/** The ways to watch, by name. */
export const RAW_WATCHERS: Readonly<Record<string, (watch: RawWatch) => Promise<RawWatcher>>> = {
  SSE: (watch) => {
    const head = [
      `GET /v1/auth/session/${watch.sessionId}/watch HTTP/1.1`,
      "Accept: text/event-stream",
    ];
    return watchOverHttp1(watch, head, Buffer.alloc(0));
  },
  Connect: (watch) => {
    const body = enveloped(watch);
    const head = [
      "POST /tapin.auth.v1.AuthService/WatchSession HTTP/1.1",
      "Content-Type: application/connect+json",
      `Content-Length: ${body.length}`,
    ];
    return watchOverHttp1(watch, head, body);
  },
  gRPC: watchOverHttp2,
};

async function watchOverHttp1(
  watch: RawWatch,
  head: readonly string[],
  body: Buffer,
): Promise<RawWatcher> {
  const socket = await openSocket(watch.port);
  if (watch.reads) socket.resume();
  const fields = [
    ...head,
    `Host: 127.0.0.1:${watch.port}`,
    `Authorization: Bearer ${watch.bearer}`,
  ];
  socket.write(`${fields.join("\r\n")}\r\n\r\n`);
  socket.write(body);
  return { vanish: (reset) => breakOff(socket, reset) };
}

async function watchOverHttp2(watch: RawWatch): Promise<RawWatcher> {
  const socket = await openSocket(watch.port);
  const session: ClientHttp2Session = connectHttp2(`http://127.0.0.1:${watch.port}`, {
    createConnection: () => socket,
    // A window of nothing: every byte of a message waits at the server.
    settings: watch.reads ? {} : { initialWindowSize: 0 },
  });
  session.on("error", () => undefined);
  const stream = session.request({
    ":method": "POST",
    ":path": "/tapin.auth.v1.AuthService/WatchSession",
    "content-type": "application/grpc+json",
    te: "trailers",
    authorization: `Bearer ${watch.bearer}`,
  });
  stream.on("error", () => undefined);
  if (watch.reads) stream.resume();
  stream.end(enveloped(watch));
  return {
    vanish(reset) {
      breakOff(socket, reset);
      session.destroy();
    },
  };
}

async function openSocket(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined);
  await once(socket, "connect");
  return socket;
}

function breakOff(socket: Socket, reset: boolean): void {
  if (reset) socket.resetAndDestroy();
  else socket.destroy();
}

/** The request as one message of a stream: gRPC and Connect share the five bytes before it. */
function enveloped({ sessionId }: RawWatch): Buffer {
  const message = Buffer.from(JSON.stringify({ sessionId }));
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}
