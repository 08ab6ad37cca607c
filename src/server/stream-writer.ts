// Writes a stream to its reader. What has not been taken waits in the runtime's own queue, which is
// kept short: heartbeats are left out while anything waits, and who lets too much wait is let go.
// Who takes nothing is let go by unread.ts.

import type { ServerResponse } from "node:http";
import { isGone, type Outlet } from "./exchange.ts";

/**
 * Most bytes that may wait for the reader of a stream when another message comes: some hundred
 * statuses.
 */
export const MOST_WAITING_BYTES = 64 * 1024;

/** Writes one stream. Nothing in it throws, and nothing has an effect once the reader is gone. */
export class StreamWriter {
  readonly #res: Outlet;

  constructor(res: Outlet) {
    this.#res = res;
  }

  /** `isBeat` = a sign of life only. */
  write(bytes: Uint8Array, isBeat: boolean): void {
    const res = this.#res;
    if (isGone(res)) return;
    const waiting = waitingBytes(res);
    if (isBeat && waiting > 0) return;
    if (waiting > MOST_WAITING_BYTES) res.destroy();
    // All kinds of response have the same `write`, which the union type hides.
    else (res as ServerResponse).write(bytes, ignore);
  }

  /** Ends the stream, after these bytes. */
  end(bytes?: Uint8Array): void {
    const res = this.#res;
    if (isGone(res)) return;
    if (bytes === undefined) (res as ServerResponse).end();
    else (res as ServerResponse).end(bytes);
  }
}

function ignore(): void {}

function waitingBytes(res: Outlet): number {
  const outlet = "stream" in res ? res.stream : res.socket;
  return outlet?.writableLength ?? 0;
}
