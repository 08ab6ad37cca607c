// Who takes a large answer slowly is not taken for one who has stopped: the real listener, whose
// looks at what waits come when the test says so.

import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { answerBytes, PIECE_BYTES } from "../../src/server/exchange.ts";
import { createListener, type Listener } from "../../src/server/listener.ts";
import { UNREAD_MS } from "../../src/server/unread.ts";
import {
  FRAME,
  type Frame,
  openFrames,
  requestFrames,
  windowUpdateFrame,
} from "../fuzz/http2-frames.ts";
import { DEFAULT_SIZES } from "../support/test-ports.ts";

const BODY_BYTES = 40 * PIECE_BYTES;

let listener: Listener;
let url: string;
let unread = 0;
beforeEach(async () => {
  unread = 0;
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
  listener = createListener(
    {
      stream: () => false,
      request(req, res) {
        const bytes = new Uint8Array(BODY_BYTES);
        void answerBytes({ req, res }, { type: "application/octet-stream", bytes });
      },
    },
    { certificate: null, sizes: DEFAULT_SIZES, onUnread: () => (unread += 1) },
  );
  const { port } = await listener.listen(0, "127.0.0.1");
  url = `http://127.0.0.1:${port}`;
});
afterEach(async () => {
  const closed = listener.close(0);
  vi.useRealTimers();
  await closed;
});

/** A client over HTTP/2 that says how much it takes. */
async function openReader() {
  let taken = 0;
  let isReset = false;
  let tell = () => {};
  const onFrame = ({ type, payload }: Frame) => {
    if (type === FRAME.data) taken += payload.length;
    if (type === FRAME.reset || type === FRAME.goaway) isReset = true;
    tell();
  };
  const connection = await openFrames(url, [[4, 0]], onFrame);
  const until = async (isDone: () => boolean) => {
    while (!isDone()) {
      await new Promise<void>((resolve) => {
        tell = resolve;
      });
    }
  };
  connection.send(
    requestFrames(1, [
      [":method", "GET"],
      [":scheme", "http"],
      [":path", "/"],
      [":authority", "a"],
    ]),
  );
  return {
    isReset: () => isReset,
    destroy: () => connection.socket.destroy(),
    reset: () => until(() => isReset),
    /** Takes so many bytes more, unless the stream is reset. */
    async take(bytes: number) {
      const goal = taken + bytes;
      for (const streamId of [0, 1]) connection.send(windowUpdateFrame(streamId, bytes));
      await until(() => isReset || taken >= goal);
    },
  };
}

it("T28 a reader that takes a piece now and then gets the whole answer, and one that stops is let go", async () => {
  const reader = await openReader();
  let waited = 0;
  for (let taken = 0; taken < BODY_BYTES - PIECE_BYTES; taken += PIECE_BYTES / 2) {
    await reader.take(PIECE_BYTES / 2);
    vi.advanceTimersByTime(UNREAD_MS / 4);
    waited += UNREAD_MS / 4;
    expect([taken, reader.isReset()]).toEqual([taken, false]);
  }
  expect(waited).toBeGreaterThan(10 * UNREAD_MS);
  expect(unread).toBe(0);
  vi.advanceTimersByTime(UNREAD_MS + 2000);
  await reader.reset();
  expect(unread).toBe(1);
  reader.destroy();
});
