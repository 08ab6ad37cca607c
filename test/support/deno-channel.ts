// How Vitest's messages travel between the run on Node and its Deno workers: as text. Of Node's two
// ways, JSON loses what is not JSON (errors, cycles), and Node cannot read what Deno writes in the
// other one.

import { Buffer } from "node:buffer";
import { deserialize, serialize } from "node:v8";

/** A message as text. */
export function encodeMessage(message: unknown): string {
  return serialize(message).toString("base64");
}

/** The message of a text. Throws when it is none. */
export function decodeMessage(text: unknown): unknown {
  return deserialize(Buffer.from(String(text), "base64"));
}
