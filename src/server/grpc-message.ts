// The `grpc-message` trailer, as gRPC writes it. connect-node percent-encodes more than it may, and clients that
// decode less than they should, grpc-js among them, would show people `Cannot read the message%3A ...`.

import type { UniversalServerResponse } from "@connectrpc/connect/protocol";

const NAME = "grpc-message";

/** The body of an answer; when it is through, the message among the trailers is encoded as gRPC says. */
export async function* spellOut({ body, trailer }: UniversalServerResponse) {
  if (body !== undefined) yield* body as AsyncIterable<Uint8Array>;
  const message = trailer?.get(NAME);
  if (message) trailer?.set(NAME, encodeMessage(decodeURIComponent(message)));
}

/**
 * Percent-encodes what is not printable ASCII, and `%` (gRPC over HTTP/2, Status-Message); also spaces at either
 * end, which HTTP would take away.
 */
export function encodeMessage(message: string): string {
  return message.replace(/[^\x20-\x24\x26-\x7e]+|^ +| +$/g, (part) =>
    Buffer.from(part).toString("hex").toUpperCase().replace(/../g, "%$&"),
  );
}
