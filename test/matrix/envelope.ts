// The envelope around messages of gRPC, gRPC-Web and Connect streams: one byte of flags, four of
// length.

/** A message in its envelope. `length` lies about it. */
export function envelope(message: Uint8Array, flags = 0, length = message.length): Uint8Array {
  const head = Buffer.alloc(5);
  head.writeUInt8(flags, 0);
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, message]);
}

/** What is in a body of envelopes. */
export function readEnvelopes(bytes: Uint8Array): readonly { flags: number; data: Uint8Array }[] {
  const found: { flags: number; data: Uint8Array }[] = [];
  const buffer = Buffer.from(bytes);
  for (let at = 0; at + 5 <= buffer.length; ) {
    const end = at + 5 + buffer.readUInt32BE(at + 1);
    found.push({ flags: buffer.readUInt8(at), data: buffer.subarray(at + 5, end) });
    at = end;
  }
  return found;
}
