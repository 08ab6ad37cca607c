// The preface of HTTP/2: by the first bytes of a connection in cleartext it is known which version
// it speaks. Who serves it then is the listener's business.

import type { Socket } from "node:net";

/** Milliseconds a connection may take to send its first bytes, or to shake hands over TLS. */
export const SNIFF_MS = 10_000;

const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

/** Tells HTTP/2 from HTTP/1.1 by the preface (RFC 9113 section 3.4), and puts the bytes back. */
export function sniff(socket: Socket, decide: (isHttp2: boolean) => void): void {
  let seen = Buffer.alloc(0);
  const timer = setTimeout(() => socket.destroy(), SNIFF_MS);
  const onClose = () => clearTimeout(timer);
  socket.on("close", onClose);
  // `readable` and read(): with `data`, pause() and unshift() the bytes come back in another order
  // on Deno. And until null: what is left in the buffer wakes nobody up.
  const onReadable = () => {
    const before = seen.length;
    for (let chunk = socket.read(); chunk !== null; chunk = socket.read()) {
      seen = Buffer.concat([seen, chunk as Buffer]);
    }
    if (seen.length === before) return;
    const length = Math.min(seen.length, PREFACE.length);
    const same = PREFACE.compare(seen, 0, length, 0, length) === 0;
    if (same && length < PREFACE.length) return;
    socket.off("readable", onReadable);
    socket.off("close", onClose);
    clearTimeout(timer);
    socket.unshift(seen);
    decide(same);
  };
  socket.on("readable", onReadable);
}
