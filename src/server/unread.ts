// Answers that nobody reads, and requests that do not arrive: a client that closes its window,
// leaves the bytes in its buffers or sends half a body would hold a connection and what waits for
// it for as long as it likes.

/** Milliseconds that bytes may wait for their reader. */
export const UNREAD_MS = 20_000;

/** Milliseconds between two looks at what waits. */
const LOOK_MS = 1000;

/** What is written to: a socket, or a stream of HTTP/2. */
export interface Outlet {
  /** Bytes that were written and not taken yet. */
  readonly writableLength: number;
  /** Whether what comes from the other side has been read to its end. */
  readonly readableEnded: boolean;
  on(event: "close", listener: () => void): unknown;
}

/** Why an outlet is ended. */
export type Why = "unread" | "late";

/** Watches outlets until they close. */
export interface UnreadWatch {
  /**
   * Calls `end` when the outlet's reader takes nothing for `UNREAD_MS` while there is something to
   * take (`unread`), and when what the other side sends has not come to its end after `arriveMs`
   * (`late`); null = it need not.
   */
  add<T extends Outlet>(
    outlet: T,
    end: (outlet: T, why: Why) => void,
    limit?: { readonly arriveMs: number | null },
  ): void;
  /** Looks no more. */
  stop(): void;
}

/** When the readers of outlets last took a piece, where the writer knows. */
const tookPieceAt = new WeakMap<object, number>();

/**
 * Tells that the reader took what was written. Who waits for that before the next piece is written
 * must say so: by then as much waits as before, and at no look would less.
 */
export function tellTaken(outlet: object): void {
  tookPieceAt.set(outlet, now());
}

/**
 * One outlet. There are tens of thousands: times are whole milliseconds, which take no room of
 * their own.
 */
interface Watched {
  readonly end: (outlet: never, why: Why) => void;
  /** When the other side must have sent everything; null = whenever it likes. */
  arriveBy: number | null;
  waiting: number;
  /** When the reader last took something, or had nothing to take. */
  tookAt: number;
}

const now = () => Math.floor(performance.now());

/** Begins to watch. One timer serves all. */
export function watchUnread(): UnreadWatch {
  const watched = new Map<Outlet, Watched>();
  const timer = setInterval(() => look(watched), LOOK_MS);
  function forget(this: Outlet): void {
    watched.delete(this);
  }
  return {
    add(outlet, end, { arriveMs } = { arriveMs: null }) {
      const arriveBy = arriveMs === null ? null : now() + arriveMs;
      watched.set(outlet, { end, arriveBy, waiting: 0, tookAt: now() });
      outlet.on("close", forget);
    },
    stop: () => clearInterval(timer),
  };
}

function look(watched: Map<Outlet, Watched>): void {
  const at = now();
  for (const [outlet, entry] of watched) {
    const { writableLength } = outlet;
    // Only the reader makes less of what waits.
    if (writableLength === 0 || writableLength < entry.waiting) entry.tookAt = at;
    entry.waiting = writableLength;
    entry.tookAt = Math.max(entry.tookAt, tookPieceAt.get(outlet) ?? 0);
    if (entry.arriveBy !== null && outlet.readableEnded) entry.arriveBy = null;
    const isLate = entry.arriveBy !== null && at >= entry.arriveBy;
    const isUnread = at - entry.tookAt >= UNREAD_MS;
    if (!isLate && !isUnread) continue;
    watched.delete(outlet);
    entry.end(outlet as never, isUnread ? "unread" : "late");
  }
}
