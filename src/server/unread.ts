// Answers that nobody reads: a client that closes its window, or leaves the bytes in its buffers, would hold a
// connection and what waits for it for as long as it likes.

/** Milliseconds that bytes may wait for their reader. */
export const UNREAD_MS = 20_000;

/** Milliseconds between two looks at what waits. */
const LOOK_MS = 1000;

/** What is written to: a socket, or a stream of HTTP/2. */
export interface Outlet {
  /** Bytes that were written and not taken yet. */
  readonly writableLength: number;
  once(event: "close", listener: () => void): unknown;
}

/** Watches outlets until they close. */
export interface UnreadWatch {
  /** Calls `end` when the outlet's reader takes nothing for `UNREAD_MS` while there is something to take. */
  add(outlet: Outlet, end: () => void): void;
  /** Looks no more. */
  stop(): void;
}

/** When the readers of outlets last took a piece, where the writer knows. */
const tookPieceAt = new WeakMap<object, number>();

/**
 * Tells that the reader took what was written. Who waits for that before the next piece is written must say so: by then
 * as much waits as before, and at no look would less.
 */
export function tellTaken(outlet: object): void {
  tookPieceAt.set(outlet, performance.now());
}

interface Watched {
  readonly end: () => void;
  waiting: number;
  /** When the reader last took something, or had nothing to take. */
  tookAt: number;
}

/** Begins to watch. One timer serves all. */
export function watchUnread(): UnreadWatch {
  const watched = new Map<Outlet, Watched>();
  const timer = setInterval(() => look(watched), LOOK_MS);
  return {
    add(outlet, end) {
      watched.set(outlet, { end, waiting: 0, tookAt: performance.now() });
      outlet.once("close", () => watched.delete(outlet));
    },
    stop: () => clearInterval(timer),
  };
}

function look(watched: ReadonlyMap<Outlet, Watched>): void {
  const now = performance.now();
  for (const [outlet, entry] of watched) {
    const { writableLength } = outlet;
    // Heartbeats only add to what waits, so whatever shrinks it is the reader.
    if (writableLength === 0 || writableLength < entry.waiting) entry.tookAt = now;
    entry.waiting = writableLength;
    entry.tookAt = Math.max(entry.tookAt, tookPieceAt.get(outlet) ?? 0);
    if (now - entry.tookAt >= UNREAD_MS) entry.end();
  }
}
