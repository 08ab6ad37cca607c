// Bytes of streams that have ended: nghttp2 passes them over in silence and counts none of them, so
// that a client could send them for as long as it likes.

import http2, { type ServerHttp2Session } from "node:http2";

/** Milliseconds between two looks at what came. */
const LOOK_MS = 1000;

/**
 * Bytes that may come while no stream is open. What a client has sent of a body before it hears
 * that its request is refused is no more than its window, 64 KiB (RFC 9113 section 6.9.2).
 */
const MAX_ASTRAY_BYTES = 256 * 1024;

/** Watches sessions until they close. */
export interface AstrayWatch {
  /** Ends the session when too much comes while none of its streams is open. */
  add(session: ServerHttp2Session): void;
  /** Looks no more. */
  stop(): void;
}

interface Watched {
  /** Streams that are open. */
  open: number;
  /** Bytes that had come when a stream was last seen open. */
  read: number;
}

/** Begins to watch. One timer serves all. */
export function watchAstray(): AstrayWatch {
  const watched = new Map<ServerHttp2Session, Watched>();
  const timer = setInterval(() => look(watched), LOOK_MS);
  return {
    add(session) {
      const entry = { open: 0, read: 0 };
      watched.set(session, entry);
      session.once("close", () => watched.delete(session));
      // One listener for all streams of a session.
      const onClose = () => {
        entry.open -= 1;
        entry.read = bytesReadOf(session);
      };
      session.on("stream", (stream) => {
        entry.open += 1;
        stream.on("close", onClose);
      });
    },
    stop: () => clearInterval(timer),
  };
}

function look(watched: ReadonlyMap<ServerHttp2Session, Watched>): void {
  for (const [session, entry] of watched) {
    if (entry.open > 0 || bytesReadOf(session) - entry.read <= MAX_ASTRAY_BYTES) continue;
    session.destroy(undefined, http2.constants.NGHTTP2_ENHANCE_YOUR_CALM);
  }
}

/** The socket of a session that has gone throws whatever is asked of it. */
function bytesReadOf({ destroyed, socket }: ServerHttp2Session): number {
  return destroyed ? 0 : socket.bytesRead;
}
