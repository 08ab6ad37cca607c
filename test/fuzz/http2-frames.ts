// HTTP/2 frames by hand (RFC 9113 section 4.1), for what no client library would send.

import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { encodeFields, type Field } from "./hpack.ts";

/** What an HTTP/2 connection begins with (RFC 9113 section 3.4). */
export const PREFACE: Buffer = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

/** Types of frames. */
export const FRAME = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

/** Flags of frames; the same bit means another thing in another type. */
export const FLAG = { ack: 1, endStream: 1, endHeaders: 4 } as const;

/** A frame, with its length as it is or, when given, as it claims to be. */
export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Uint8Array;
}

/** The bytes of a frame; `claimedLength` lies about its length. */
export function encodeFrame(
  { type, flags, streamId, payload }: Frame,
  claimedLength = payload.length,
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(claimedLength, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(streamId >>> 0, 5);
  return Buffer.concat([head, payload]);
}

/** A SETTINGS frame. */
export function settingsFrame(settings: readonly (readonly [id: number, value: number])[]): Buffer {
  const payload = Buffer.alloc(settings.length * 6);
  for (const [index, [id, value]] of settings.entries()) {
    payload.writeUInt16BE(id, index * 6);
    payload.writeUInt32BE(value, index * 6 + 2);
  }
  return encodeFrame({ type: FRAME.settings, flags: 0, streamId: 0, payload });
}

/** A WINDOW_UPDATE frame. */
export function windowUpdateFrame(streamId: number, bytes: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(bytes);
  return encodeFrame({ type: FRAME.windowUpdate, flags: 0, streamId, payload });
}

/** One request: HEADERS, and DATA when there is a body. */
export function requestFrames(
  streamId: number,
  fields: readonly Field[],
  body: Uint8Array = new Uint8Array(),
): Buffer {
  const block = encodeFields(fields);
  const flags = body.length === 0 ? FLAG.endHeaders | FLAG.endStream : FLAG.endHeaders;
  const head = encodeFrame({ type: FRAME.headers, flags, streamId, payload: block });
  if (body.length === 0) return head;
  const data = { type: FRAME.data, flags: FLAG.endStream, streamId, payload: body };
  return Buffer.concat([head, encodeFrame(data)]);
}

/** A connection on which frames come and go. */
export interface FrameConnection {
  readonly socket: Socket;
  /** Resolves once the other side has closed or reset it. */
  readonly closed: Promise<void>;
  send(...bytes: readonly Uint8Array[]): void;
}

/**
 * Opens a connection and sends the preface and these settings. `onFrame` gets each frame as it
 * comes; without it nothing is ever read.
 */
export async function openFrames(
  url: string,
  settings: readonly (readonly [id: number, value: number])[],
  onFrame: ((frame: Frame) => void) | null,
): Promise<FrameConnection> {
  const { hostname, port } = new URL(url);
  const socket = connect({ port: Number(port), host: hostname, noDelay: true });
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  await once(socket, "connect");
  socket.on("error", () => undefined);
  if (onFrame !== null) socket.on("data", readFrames(onFrame));
  socket.write(PREFACE);
  socket.write(settingsFrame(settings));
  return {
    socket,
    closed,
    send: (...bytes) => void (socket.writable && socket.write(Buffer.concat(bytes))),
  };
}

function readFrames(onFrame: (frame: Frame) => void): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let at = 0;
    while (rest.length - at >= 9) {
      const end = at + 9 + rest.readUIntBE(at, 3);
      if (rest.length < end) break;
      const [type = 0, flags = 0] = rest.subarray(at + 3, at + 5);
      const streamId = rest.readUInt32BE(at + 5) & 0x7fffffff;
      onFrame({ type, flags, streamId, payload: rest.subarray(at + 9, end) });
      at = end;
    }
    rest = rest.subarray(at);
  };
}
