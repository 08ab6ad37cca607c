// T28: what HTTP/2 and HTTP/1.1 let a client do to a server without ever asking for anything
// sensible. Each is stopped within its limit, and who comes in the midst of it is served.

import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { REQUEST_MS } from "../../src/server/listener.ts";
import { UNREAD_MS } from "../../src/server/unread.ts";
import { encodeFields, type Field } from "../fuzz/hpack.ts";
import {
  encodeFrame,
  FLAG,
  FRAME,
  type Frame,
  type FrameConnection,
  openFrames,
  requestFrames,
  settingsFrame,
} from "../fuzz/http2-frames.ts";
import { awaitCondition } from "../support/await-condition.ts";
import { printFigure } from "../support/figure.ts";
import { RUNTIMES, startTapin, type Tapin } from "../support/tapin.ts";
import { ask, jsonOf, openRaw } from "./raw-http.ts";

/** Frames that are handed to the socket at once. */
const BURST = 100;
/**
 * Milliseconds after its limit at which a connection must be gone; the machine may be busy with
 * other tests.
 */
const TOLERANCE_MS = 5000;
/** Milliseconds a flood may last: it is stopped by its count, not by a clock. */
const FLOOD_MS = 15_000;

const NOTHING = new Uint8Array();
const PING = encodeFrame({ type: FRAME.ping, flags: 0, streamId: 0, payload: new Uint8Array(8) });

const fieldsOf = (method: string, path: string, more: readonly Field[] = []): Field[] => [
  [":method", method],
  [":scheme", "http"],
  [":path", path],
  [":authority", "a"],
  ...more,
];
const HEALTH = fieldsOf("GET", "/healthz");
const JSON_POST = fieldsOf("POST", "/v1/auth/session", [["content-type", "application/json"]]);
const headersOf = (streamId: number, flags: number, fields: readonly Field[]) =>
  encodeFrame({ type: FRAME.headers, flags, streamId, payload: encodeFields(fields) });
const continuation = (payload: Uint8Array) =>
  encodeFrame({ type: FRAME.continuation, flags: 0, streamId: 1, payload });

/** The frames of each flood, by the number of the frame. */
const FLOODS: Readonly<Record<string, (index: number) => Uint8Array>> = {
  pings: () => PING,
  "ping answers nobody asked for": () =>
    encodeFrame({ type: FRAME.ping, flags: FLAG.ack, streamId: 0, payload: new Uint8Array(8) }),
  settings: () => settingsFrame([[4, 65_535]]),
  "empty settings": () => settingsFrame([]),
  "priorities of streams that are not there": (index) =>
    encodeFrame({
      type: FRAME.priority,
      flags: 0,
      streamId: 2 * index + 1,
      payload: Uint8Array.of(0, 0, 0, 0, 1),
    }),
  "frames of no known type": () =>
    encodeFrame({ type: 99, flags: 0, streamId: 0, payload: new Uint8Array(100) }),
  "empty data": (index) =>
    index === 0
      ? headersOf(1, FLAG.endHeaders, JSON_POST)
      : encodeFrame({ type: FRAME.data, flags: 0, streamId: 1, payload: NOTHING }),
  "data of a stream that its client has reset": (index) => {
    if (index === 0) return headersOf(1, FLAG.endHeaders, JSON_POST);
    const [type, payload] =
      index === 1 ? [FRAME.reset, Uint8Array.of(0, 0, 0, 8)] : [FRAME.data, NOTHING];
    return encodeFrame({ type, flags: 0, streamId: 1, payload });
  },
  "continuations with headers": (index) =>
    index === 0
      ? headersOf(1, 0, HEALTH)
      : continuation(encodeFields([[`x-${index}`, "b".repeat(100)]])),
  "empty continuations": (index) => (index === 0 ? headersOf(1, 0, HEALTH) : continuation(NOTHING)),
  "requests that are reset at once": (index) =>
    Buffer.concat([
      requestFrames(2 * index + 1, fieldsOf("GET", "/v1/auth/link")),
      encodeFrame({
        type: FRAME.reset,
        flags: 0,
        streamId: 2 * index + 1,
        payload: Uint8Array.of(0, 0, 0, 8),
      }),
    ]),
  "requests beyond the streams of a connection": (index) =>
    headersOf(2 * index + 1, FLAG.endHeaders, JSON_POST),
};

/** Sends until the connection is closed; false when that took too long. */
async function flood(connection: FrameConnection, frame: (index: number) => Uint8Array) {
  const { socket } = connection;
  const giveUpAt = performance.now() + FLOOD_MS;
  for (let sent = 0; !socket.destroyed; sent += BURST) {
    if (performance.now() > giveUpAt) return false;
    const frames = Array.from({ length: BURST }, (_, offset) => frame(sent + offset));
    const wrote = new Promise((resolve) => socket.write(Buffer.concat(frames), resolve));
    await Promise.race([wrote, connection.closed]);
  }
  return true;
}

/** Whether it happens within the time. */
async function within(ms: number, event: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  const inTime = await Promise.race([event.then(() => true), late]);
  clearTimeout(timer);
  return inTime;
}

/**
 * Does the work while others ask; fails unless each of them is answered. Resolves with the slowest
 * answer's ms.
 */
async function whileOthersAsk(tapin: Tapin, work: Promise<unknown>): Promise<number> {
  let busy = true;
  const done = work.finally(() => {
    busy = false;
  });
  let slowest = 0;
  do {
    const askedAt = performance.now();
    const headers = { authorization: `Bearer ${tapin.apiKey}` };
    expect((await ask(`${tapin.url}/v1/auth/link`, { headers })).status).toBe(200);
    slowest = Math.max(slowest, performance.now() - askedAt);
    if (busy) await Promise.race([done, new Promise((resolve) => setTimeout(resolve, 50))]);
  } while (busy);
  await done;
  return slowest;
}

const METRICS_TOKEN = "prometheus-token-for-tests";

describe.each(RUNTIMES)("T28: abuse of connections on %s", { timeout: 120_000 }, (runtime) => {
  let tapin: Tapin;
  beforeAll(async () => {
    tapin = await startTapin({ runtime, env: { TAPIN_METRICS_TOKEN: METRICS_TOKEN } });
  });
  afterAll(async () => {
    expect(await tapin.end()).toBe(0);
    expect(tapin.output()).not.toMatch(/"level":"(error|fatal)"/);
  });

  it.each(Object.keys(FLOODS))("T28 a flood of %s ends its connection, no other", async (name) => {
    const frame = FLOODS[name] as (index: number) => Uint8Array;
    const work = async () => {
      for (const reads of [true, false]) {
        const connection = await openFrames(tapin.url, [], reads ? () => undefined : null);
        expect([name, reads, await flood(connection, frame)]).toEqual([name, reads, true]);
      }
    };
    const slowest = await whileOthersAsk(tapin, work());
    printFigure(`slowest answer to others, ${name}, ${runtime}`, `${Math.round(slowest)} ms`);
  });

  it("T28 T24 who stalls or does not read is let go in time, and others are served", async () => {
    const headers = { authorization: `Bearer ${tapin.apiKey}` };
    const created = await ask(`${tapin.url}/v1/auth/session`, { headers, body: {} });
    const watch = `/v1/auth/session/${jsonOf(created).session_id}/watch`;
    const bearer: Field = ["authorization", headers.authorization];
    const stalled = [
      stallHttp2("nothing after the preface", REQUEST_MS, []),
      stallHttp2("half a head", REQUEST_MS, [headersOf(1, 0, HEALTH)]),
      stallHttp2("half a frame", REQUEST_MS, [
        headersOf(1, FLAG.endHeaders, HEALTH).subarray(0, 12),
      ]),
      stallHttp2("half a body", REQUEST_MS, [
        headersOf(1, FLAG.endHeaders, [...JSON_POST, bearer]),
        encodeFrame({ type: FRAME.data, flags: 0, streamId: 1, payload: Uint8Array.of(123) }),
      ]),
      stallHttp2("a closed window, for an answer", UNREAD_MS, [
        requestFrames(1, fieldsOf("GET", "/v1/auth/link", [bearer])),
      ]),
      stallHttp2("a closed window, for a watcher", UNREAD_MS, [
        requestFrames(1, fieldsOf("GET", watch, [bearer])),
      ]),
      stallHttp1(
        "half a body",
        REQUEST_MS,
        "POST /v1/auth/session HTTP/1.1\r\nHost: a\r\n" +
          `Authorization: Bearer ${tapin.apiKey}\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{`,
      ),
      stallHttp1(
        "half a body in chunks",
        REQUEST_MS,
        "POST /v1/auth/session HTTP/1.1\r\nHost: a\r\n" +
          `Authorization: Bearer ${tapin.apiKey}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n`,
      ),
      leaveUnread(),
    ];
    const slowest = await whileOthersAsk(
      tapin,
      Promise.all(stalled).then((late) => expect(late.filter((what) => what !== null)).toEqual([])),
    );
    printFigure(
      `slowest answer to others, stalled clients, ${runtime}`,
      `${Math.round(slowest)} ms`,
    );
    // Two closed windows, and answers over HTTP/1.1 that nobody reads.
    await awaitCondition("those that take nothing are logged and counted", async () => {
      const lines = tapin.output().match(/"event":"reader_dropped"/g) ?? [];
      const { text } = await ask(`${tapin.url}/metrics`, {
        headers: { authorization: `Bearer ${METRICS_TOKEN}` },
      });
      const [, count] = /^tapin_dropped_readers_total (\d+)$/m.exec(text) ?? [];
      return lines.length >= 1 && Number(count) >= 3;
    });
  });

  /**
   * Null when the stream or the connection was ended in time, though the client goes on to ping.
   */
  async function stallHttp2(what: string, limitMs: number, frames: readonly Uint8Array[]) {
    const zeroWindow: [number, number] = [4, 0];
    let tellReset = () => {};
    const reset = new Promise<void>((resolve) => {
      tellReset = resolve;
    });
    const onFrame = (frame: Frame) => {
      if (frame.type === FRAME.reset || frame.type === FRAME.goaway) tellReset();
    };
    const connection = await openFrames(tapin.url, [zeroWindow], onFrame);
    connection.send(...frames);
    // Not within a frame or a head: there a ping would be an error.
    const pinger = setInterval(() => {
      if (!what.startsWith("half a head") && what !== "half a frame") connection.send(PING);
    }, 2000);
    const ended = await within(limitMs + TOLERANCE_MS, Promise.race([reset, connection.closed]));
    clearInterval(pinger);
    connection.socket.destroy();
    return ended ? null : `HTTP/2: ${what}`;
  }

  async function stallHttp1(what: string, limitMs: number, text: string) {
    const connection = await openRaw(tapin.url);
    connection.send(text);
    const ended = await within(limitMs + TOLERANCE_MS, connection.closed);
    connection.destroy();
    return ended ? null : `HTTP/1.1: ${what}`;
  }

  /** Asks over HTTP/1.1 for more than fits into the buffers on the way, and reads none of it. */
  async function leaveUnread() {
    const { hostname, port } = new URL(tapin.url);
    const socket = connect(Number(port), hostname).on("error", () => undefined);
    const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
    // A file of hundreds of kilobytes.
    const request = "GET /demo/assets/demo.js HTTP/1.1\r\nHost: a\r\n\r\n";
    socket.write(request.repeat(BURST));
    // Who does not read learns only by writing that the connection is gone.
    const writer = setInterval(() => socket.writable && socket.write(request), 500);
    const ended = await within(UNREAD_MS + TOLERANCE_MS, closed);
    clearInterval(writer);
    socket.destroy();
    return ended ? null : "HTTP/1.1: answers that are not read";
  }
});
