// The request message of an RPC, read once before connect-node reads it: connect-node tells a message that
// cannot be parsed without a reason, in binary even as our own fault (HTTP 500). What it would say about
// anything else (compression, GET) stays its business.

import { type DescMethod, fromBinary, fromJsonString } from "@bufbuild/protobuf";
import { TapinError } from "../errors.ts";

/** Largest request message, in bytes. */
export const MAX_MESSAGE_BYTES = 64 * 1024;

/** Most bytes of a refused body that are read to keep the connection usable. */
const DRAIN_BYTES = 1024 * 1024;

/** Bytes before a message of gRPC or of a Connect stream: flags and length. */
const PREFIX_BYTES = 5;

/** The one flag of a request message; the others are those of answers, or nobody's. */
const COMPRESSED = 1;

/** A body that can be read ahead. */
export interface HeldBody {
  /** All of it; fails with `body_too_large`. At most once. */
  read(): Promise<Uint8Array>;
  /** The same bytes again, for connect-node. */
  readonly replay: AsyncIterable<Uint8Array>;
}

/** Makes a body that can be read ahead. Nothing is read until somebody asks. */
export function holdBody(source: AsyncIterable<Uint8Array>): HeldBody {
  let held: Promise<Uint8Array> | undefined;
  const read = () => {
    held ??= readAll(source);
    return held;
  };
  return {
    read,
    replay: {
      async *[Symbol.asyncIterator]() {
        yield await read();
      },
    },
  };
}

async function readAll(source: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of source) {
    size += chunk.length;
    if (size <= MAX_MESSAGE_BYTES + PREFIX_BYTES) chunks.push(chunk);
    if (size > DRAIN_BYTES) break;
  }
  if (size > MAX_MESSAGE_BYTES + PREFIX_BYTES) throw tooLarge();
  return Buffer.concat(chunks);
}

function tooLarge(): TapinError {
  const sentence = `The message is larger than ${MAX_MESSAGE_BYTES} bytes.`;
  return new TapinError("BODY_TOO_LARGE", { sentence });
}

/** What is known of a message from the head of its request. */
export interface MessageHead {
  readonly method: DescMethod;
  readonly headers: { get(name: string): string | null };
}

/** Fails with `body_too_large` or `validation_failed` when connect-node could not parse the message. */
export async function checkMessage({ method, headers }: MessageHead, body: HeldBody) {
  // Not read at all: the front then drains it, and the connection lives on.
  if (Number(headers.get("content-length") ?? 0) > DRAIN_BYTES) throw tooLarge();
  const type = (headers.get("content-type") ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
  const bytes = await body.read();
  const isEnveloped = /^application\/(grpc|connect)/.test(type);
  const message = isEnveloped ? opened(bytes) : bytes;
  if (message === null || (!isEnveloped && isCompressed(headers.get("content-encoding")))) return;
  if (message.length > MAX_MESSAGE_BYTES) throw tooLarge();
  try {
    if (!type.endsWith("json")) fromBinary(method.input, message);
    else fromJsonString(method.input, utf8.decode(message), { ignoreUnknownFields: true });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new TapinError("VALIDATION_FAILED", {
      sentence: `Cannot read the message: ${why}.`,
      cause,
    });
  }
}

const utf8 = new TextDecoder();

function isCompressed(encoding: string | null): boolean {
  return encoding !== null && encoding !== "identity";
}

/** The message in its envelope; null when it is compressed. */
function opened(bytes: Uint8Array): Uint8Array | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < PREFIX_BYTES || bytes.length < PREFIX_BYTES + view.getUint32(1)) {
    throw new TapinError("VALIDATION_FAILED", { sentence: "The message is not complete." });
  }
  const flags = view.getUint8(0);
  if (flags > COMPRESSED) {
    throw new TapinError("VALIDATION_FAILED", { sentence: "The message has unknown flags." });
  }
  return flags !== COMPRESSED
    ? bytes.subarray(PREFIX_BYTES, PREFIX_BYTES + view.getUint32(1))
    : null;
}
