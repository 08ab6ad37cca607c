// Sends hostile requests over HTTP/2 frames made by hand: nothing on our side refuses a field
// before it is sent.

import type { HostileRequest } from "./hostile-request.ts";
import { decodeFields, type Field } from "./hpack.ts";
import {
  FLAG,
  FRAME,
  type Frame,
  type FrameConnection,
  openFrames,
  requestFrames,
  windowUpdateFrame,
} from "./http2-frames.ts";
import { faultOf } from "./oracle.ts";
import { ANSWER_MS, type LaneParts, type Numbered, type Tally } from "./tally.ts";

/** Streams open at once; their bodies together stay below the window of a connection. */
const STREAMS = 40;
/** Largest body: what is longer needs a window that the other side has not opened. */
const MAX_BODY_BYTES = 1500;
/** Streams of a connection, before the next one is opened. */
const STREAMS_OF_CONNECTION = 2000;
/** No dynamic table in answers, and a window that never closes (RFC 9113 section 6.5.2). */
const SETTINGS = [
  [1, 0],
  [4, 0x7fffffff],
] as const;

interface OpenStream {
  readonly numbered: Numbered;
  readonly headers: Record<string, string>;
  readonly chunks: Uint8Array[];
}

/** Sends what the supply has, one connection after another. */
export async function runHttp2(parts: LaneParts): Promise<void> {
  while (await runConnection(parts)) {
    // The next connection takes over.
  }
}

/** False when there is nothing more to send. */
async function runConnection({ url, supply, tally }: LaneParts): Promise<boolean> {
  const open = new Map<number, OpenStream>();
  let streamId = 1;
  let isDry = false;
  let finish = (_: boolean) => {};
  const finished = new Promise<boolean>((resolve) => {
    finish = resolve;
  });
  const ask = (connection: FrameConnection) => {
    while (!isDry && open.size < STREAMS && streamId < 2 * STREAMS_OF_CONNECTION) {
      const numbered = supply();
      if (numbered === null) {
        isDry = true;
        break;
      }
      open.set(streamId, { numbered, headers: {}, chunks: [] });
      const { request } = numbered;
      const body = request.body.subarray(0, MAX_BODY_BYTES);
      connection.send(requestFrames(streamId, http2Fields(request), body));
      streamId += 2;
    }
    if (open.size === 0) finish(!isDry);
  };
  const connection = await openFrames(url, SETTINGS, (frame) => {
    if (take(frame, open, tally)) ask(connection);
  });
  connection.send(windowUpdateFrame(0, 0x7fff0000));
  ask(connection);
  // What was under way when the connection is closed may never have been seen: it is not counted.
  void connection.closed.then(() => {
    tally.add("closed");
    finish(true);
  });
  const hung = setTimeout(() => {
    for (const { numbered } of open.values())
      tally.complain("no answer in time", "HTTP/2", numbered);
    finish(true);
  }, ANSWER_MS);
  const goesOn = await finished;
  clearTimeout(hung);
  // Not by GOAWAY: Deno's nghttp2 may abort on it (denoland/deno#36788).
  connection.socket.destroy();
  return goesOn;
}

/** Whether a stream has ended by this frame. */
function take(frame: Frame, open: Map<number, OpenStream>, tally: Tally): boolean {
  const stream = open.get(frame.streamId);
  if (stream === undefined) return false;
  if (frame.type === FRAME.reset) {
    tally.add("reset");
    open.delete(frame.streamId);
    return true;
  }
  if (frame.type === FRAME.data) stream.chunks.push(Buffer.from(frame.payload));
  else if (frame.type === FRAME.headers) {
    for (const [name, value] of decodeFields(frame.payload)) stream.headers[name] = value;
  }
  if ((frame.flags & FLAG.endStream) === 0 || frame.type > FRAME.headers) return false;
  const status = Number(stream.headers[":status"]);
  const { request } = stream.numbered;
  const answer = { status, headers: stream.headers, body: Buffer.concat(stream.chunks) };
  tally.add(String(status));
  const fault = faultOf(request, answer);
  if (fault !== null) tally.complain(fault, "HTTP/2", stream.numbered);
  open.delete(frame.streamId);
  return true;
}

function http2Fields({ method, target, authority, fields }: HostileRequest): Field[] {
  return [
    [":method", method],
    [":scheme", "http"],
    [":path", target],
    [":authority", authority],
    ...fields.map(([name, value]): Field => [name.toLowerCase(), value]),
  ];
}
