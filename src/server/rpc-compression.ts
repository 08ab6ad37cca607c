// Compression of request messages: which kinds are read, how the caller names the kind, and the
// message itself. Answers are never compressed.

import { Code, ConnectError } from "@connectrpc/connect";
import type { Compression } from "@connectrpc/connect/protocol";
import { compressionBrotli, compressionGzip } from "@connectrpc/connect-node";
import { TapinError } from "../errors.ts";

/** The kinds that are read. */
export const COMPRESSIONS: readonly Compression[] = [compressionGzip, compressionBrotli];

/**
 * The kind with this name; null for none and `identity`. Fails with `unimplemented` for any other,
 * and `acceptHeader` of the answer then lists those that are read (gRPC compression specification;
 * Connect protocol).
 */
export function compressionNamed(name: string | null, acceptHeader: string): Compression | null {
  if (name === null || name === "identity") return null;
  const found = COMPRESSIONS.find((compression) => compression.name === name);
  if (found !== undefined) return found;
  const names = COMPRESSIONS.map((compression) => compression.name);
  throw new TapinError("UNIMPLEMENTED", {
    sentence: `The compression is not known: ${names.join(" and ")} are.`,
    headers: [[acceptHeader, names.join(",")]],
  });
}

/**
 * The message itself. Fails with `body_too_large` above `maxBytes`, or with `validation_failed`.
 */
export async function decompress(
  compression: Compression,
  bytes: Uint8Array,
  maxBytes: number,
): Promise<Uint8Array> {
  try {
    return await compression.decompress(new Uint8Array(bytes), maxBytes);
  } catch (cause) {
    if (ConnectError.from(cause).code === Code.ResourceExhausted) {
      const sentence = `The message is larger than ${maxBytes} bytes.`;
      throw new TapinError("BODY_TOO_LARGE", { sentence, cause });
    }
    const sentence = `Cannot read the message: it is not ${compression.name}.`;
    throw new TapinError("VALIDATION_FAILED", { sentence, cause });
  }
}
