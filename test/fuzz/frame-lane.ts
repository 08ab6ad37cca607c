// Sends broken sequences of HTTP/2 frames. Whatever they are taken for, the connection must come to
// its end once we say that no more will come.

import { encodeFields } from "./hpack.ts";
import { encodeFrame, FLAG, FRAME, openFrames, requestFrames } from "./http2-frames.ts";
import type { Random } from "./random.ts";
import type { Tally } from "./tally.ts";

/**
 * Milliseconds until a connection that we have ended must be closed: what is open on it may take
 * its time.
 */
const CLOSE_MS = 40_000;

/** What the lane works with. */
export interface FrameLaneParts {
  readonly url: string;
  /** The next draw; null when there are no more. */
  readonly supply: () => { readonly index: number; readonly random: Random } | null;
  readonly tally: Tally;
  /**
   * Whether anything at all may be sent. Deno's nghttp2 may abort on a GOAWAY
   * (denoland/deno#36788), so there no frame may be one, nor may its length be a lie, since then
   * any bytes could be.
   */
  readonly anything: boolean;
}

/** Sends what the supply has, each on a connection of its own. */
export async function runFrames({ url, supply, tally, anything }: FrameLaneParts): Promise<void> {
  for (let next = supply(); next !== null; next = supply()) {
    const { random, index } = next;
    const connection = await openFrames(url, [], () => undefined);
    connection.send(...brokenFrames(random, anything));
    connection.socket.end();
    const timer = setTimeout(() => {
      tally.faults.push(`frames ${index} left the connection open`);
      connection.socket.destroy();
    }, CLOSE_MS);
    await connection.closed;
    clearTimeout(timer);
    tally.add("frames");
  }
}

function brokenFrames(random: Random, anything: boolean): Buffer[] {
  const frames = Array.from({ length: 1 + random.below(6) }, (_, index) =>
    random.chance(0.4) ? validFrames(random, 2 * index + 1) : anyFrame(random, anything),
  );
  if (!anything) return frames;
  return frames.map((frame) => {
    if (random.chance(0.2)) return frame.subarray(0, random.below(frame.length + 1));
    if (random.chance(0.3)) frame[random.below(frame.length)] = random.below(256);
    return frame;
  });
}

function validFrames(random: Random, streamId: number): Buffer {
  const path = random.pick([
    "/healthz",
    "/v1/auth/link",
    "/tapin.auth.v1.AuthService/GetLink",
    "/x",
  ]);
  const fields = [
    [":method", random.pick(["GET", "POST"])],
    [":scheme", "http"],
    [":path", path],
    [":authority", "a"],
    ["content-type", "application/grpc"],
  ] as const;
  return requestFrames(streamId, fields, random.bytes(random.below(30)));
}

function anyFrame(random: Random, anything: boolean): Buffer {
  const types = Object.values(FRAME).filter((type) => anything || type !== FRAME.goaway);
  const type = random.chance(0.9) ? random.pick(types) : 10 + random.below(246);
  const payload = random.chance(0.2)
    ? encodeFields([[random.pick([":path", "A", "connection", "", "te"]), "x"]])
    : random.bytes(random.pick([0, 1, 4, 5, 6, 8, random.below(200)]));
  const flags = random.chance(0.5) ? random.pick([0, ...Object.values(FLAG)]) : random.below(256);
  const streamId = random.pick([0, 1, 2, 3, 5, 0x7fffffff, random.below(100)]);
  const lie = anything && random.chance(0.2) ? random.below(2 ** 24) : payload.length;
  return encodeFrame({ type, flags, streamId, payload }, lie);
}
