// StreamWriter before a reader that takes what it likes, over a real connection of HTTP/2.

import type { ServerHttp2Stream } from "node:http2";
import { afterEach, beforeEach, expect, it } from "vitest";
import { StreamResponse } from "../../src/server/http2-stream.ts";
import { createListener, type Listener } from "../../src/server/listener.ts";
import { MOST_WAITING_BYTES, StreamWriter } from "../../src/server/stream-writer.ts";
import {
  FRAME,
  type Frame,
  openFrames,
  requestFrames,
  windowUpdateFrame,
} from "../fuzz/http2-frames.ts";
import { awaitCondition } from "../support/await-condition.ts";
import { DEFAULT_SIZES } from "../support/test-ports.ts";

let listener: Listener;
let url: string;
let stream: ServerHttp2Stream | null = null;
beforeEach(async () => {
  stream = null;
  listener = createListener(
    {
      request: () => {},
      stream(opened) {
        opened.on("error", () => {});
        stream = opened;
        return true;
      },
    },
    { certificate: null, sizes: DEFAULT_SIZES },
  );
  const { port } = await listener.listen(0, "127.0.0.1");
  url = `http://127.0.0.1:${port}`;
});
afterEach(() => listener.close(0));

/** A reader that takes nothing until it says so, and its stream's writer. */
async function openReader() {
  const chunks: Buffer[] = [];
  const onFrame = ({ type, payload }: Frame) => {
    if (type === FRAME.data) chunks.push(Buffer.from(payload));
  };
  const connection = await openFrames(url, [[4, 0]], onFrame);
  connection.send(
    requestFrames(1, [
      [":method", "GET"],
      [":scheme", "http"],
      [":path", "/"],
      [":authority", "a"],
    ]),
  );
  await awaitCondition("the stream is there", async () => stream !== null);
  const res = new StreamResponse(stream as unknown as ServerHttp2Stream);
  res.open(false);
  return {
    writer: new StreamWriter(res),
    isClosed: () => res.stream.destroyed,
    text: () => Buffer.concat(chunks).toString(),
    take: (bytes: number) => connection.send(windowUpdateFrame(1, bytes)),
    leave: () => connection.socket.destroy(),
  };
}

const bytes = (text: string) => Buffer.from(text);

it("T24 a beat is left out while anything waits, and written again once the reader has taken it", async () => {
  const reader = await openReader();
  reader.writer.write(bytes("first,"), false);
  for (let beat = 0; beat < 1000; beat += 1) reader.writer.write(bytes("beat,"), true);
  reader.writer.write(bytes("second,"), false);
  reader.take(1000);
  await awaitCondition("both are taken", async () => reader.text().includes("second,"));
  expect(reader.text()).toBe("first,second,");
  await awaitCondition("a beat comes", async () => {
    reader.writer.write(bytes("beat,"), true);
    return reader.text().includes("beat,");
  });
  reader.leave();
});

it("T24 a reader that lets too much wait is let go", async () => {
  const reader = await openReader();
  const piece = new Uint8Array(MOST_WAITING_BYTES / 2);
  for (let turn = 0; turn < 3; turn += 1) reader.writer.write(piece, false);
  expect(reader.isClosed()).toBe(false);
  reader.writer.write(piece, false);
  await awaitCondition("its stream is closed", async () => reader.isClosed());
  // Whatever comes now has no effect, and does not throw.
  reader.writer.write(piece, false);
  reader.writer.end();
  reader.leave();
});
