// The request message of an RPC, read once before connect-node reads it: connect-node refuses a
// message without a reason, a broken binary one even as our own fault (HTTP 500).

import { type DescMethod, fromBinary, fromJsonString, type Message } from "@bufbuild/protobuf";
import { base64Decode } from "@bufbuild/protobuf/wire";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Compression } from "@connectrpc/connect/protocol";
import { TapinError } from "../errors.ts";
import { type BodyHearer, type BodySource, hearBody } from "./request-body.ts";
import { compressionNamed, decompress } from "./rpc-compression.ts";

/** Most bytes beyond the limit that are read of a refused body to keep the connection usable. */
const DRAIN_BYTES = 1024 * 1024;

/** Bytes before a message of gRPC or of a Connect stream: flags and length. */
const PREFIX_BYTES = 5;

/** A body that can be read ahead. */
export interface HeldBody {
  /** Largest message in it, in bytes. */
  readonly maxBytes: number;
  /** As {@link readWhole}, however often it is asked for. */
  read(): Promise<Uint8Array>;
  /** The same bytes again, for connect-node. */
  readonly replay: AsyncIterable<Uint8Array>;
}

/** Makes a body that can be read ahead. Nothing is read until somebody asks. */
export function holdBody(source: UnreadBody, limit: BodyLimit): HeldBody {
  let held: Promise<Uint8Array> | undefined;
  const read = () => {
    held ??= readWhole(source, limit);
    return held;
  };
  return {
    maxBytes: limit.maxBytes,
    read,
    replay: {
      async *[Symbol.asyncIterator]() {
        yield await read();
      },
    },
  };
}

/** A body that nobody has begun to read. */
export interface UnreadBody extends BodySource {
  readonly destroyed: boolean;
  readonly readableEnded: boolean;
  destroy(): unknown;
}

/** How large a body may be. */
export interface BodyLimit {
  /** Largest message in it, in bytes. */
  readonly maxBytes: number;
  /** What its sender says; undefined = nothing. */
  readonly contentLength: string | undefined;
}

/**
 * All of a body. Fails with `body_too_large`, or with `canceled` when its sender goes away; with a
 * wait as {@link hearBody} says.
 */
export function readWhole(
  source: UnreadBody,
  { maxBytes, contentLength, waiting }: BodyLimit & Pick<BodyHearer<never>, "waiting">,
): Promise<Uint8Array> {
  // Not read at all: the front then drains it, and the connection lives on.
  if (Number(contentLength ?? 0) > maxBytes + DRAIN_BYTES) {
    return Promise.reject(tooLarge(maxBytes));
  }
  // HTTP/2 does not wait for a reader to tell the end of nothing.
  if (source.readableEnded) return Promise.resolve(new Uint8Array());
  // What has closed tells nothing any more: waiting for its end would never be over.
  if (source.destroyed) return Promise.reject(new TapinError("CANCELED"));
  const chunks: Uint8Array[] = [];
  let size = 0;
  return hearBody(source, {
    waiting,
    take(chunk) {
      size += chunk.length;
      if (size <= maxBytes + PREFIX_BYTES) chunks.push(chunk);
      if (size <= maxBytes + DRAIN_BYTES) return;
      source.destroy();
      throw tooLarge(maxBytes);
    },
    whole() {
      if (size > maxBytes + PREFIX_BYTES) throw tooLarge(maxBytes);
      return chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks);
    },
  });
}

function tooLarge(maxBytes: number): TapinError {
  const sentence = `The message is larger than ${maxBytes} bytes.`;
  return new TapinError("BODY_TOO_LARGE", { sentence });
}

function unreadable(why: string, cause?: unknown): TapinError {
  return new TapinError("VALIDATION_FAILED", { sentence: why, cause });
}

/** What is known of a message from the head of its request. */
export interface MessageHead {
  readonly method: DescMethod;
  readonly headers: { get(name: string): string | null };
  /** Query of a Connect GET, which carries the message there; null for POST. */
  readonly query: URLSearchParams | null;
}

/** A message as it was sent. */
interface Sent {
  readonly bytes: Uint8Array;
  readonly isJson: boolean;
  readonly compression: Compression | null;
}

/**
 * Fails as connect-node would, but with a reason: `body_too_large`, `unimplemented` for a
 * compression that is not known and for other than one message, `internal` where gRPC demands it,
 * otherwise `validation_failed`.
 */
export async function checkMessage(head: MessageHead, body: HeldBody): Promise<void> {
  const { bytes, isJson, compression } =
    head.query === null ? await sentInBody(head, body) : sentInQuery(head.query);
  const message =
    compression === null ? bytes : await decompress(compression, bytes, body.maxBytes);
  parseMessage(head.method, message, { isJson, maxBytes: body.maxBytes });
}

/** The request itself. Fails with `body_too_large` or `validation_failed`. */
export function parseMessage(
  { input }: DescMethod,
  message: Uint8Array,
  { isJson, maxBytes }: { readonly isJson: boolean; readonly maxBytes: number },
): Message {
  if (message.length > maxBytes) throw tooLarge(maxBytes);
  try {
    return isJson
      ? fromJsonString(input, utf8.decode(message), { ignoreUnknownFields: true })
      : fromBinary(input, message);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw unreadable(`Cannot read the message: ${why}.`, cause);
  }
}

/**
 * The messages of a caller who streams; fails like `checkMessage` when connect-node cannot parse
 * one.
 */
export async function* readMessages<T>(messages: AsyncIterable<T>): AsyncIterable<T> {
  try {
    yield* messages;
  } catch (error) {
    // Otherwise it is the connection that broke off.
    if (!(error instanceof ConnectError)) throw new TapinError("CANCELED", { cause: error });
    if (error.code === Code.ResourceExhausted) {
      throw new TapinError("BODY_TOO_LARGE", { cause: error });
    }
    // A message that cannot be read is `internal` for connect-node when it is binary.
    if (![Code.InvalidArgument, Code.Internal, Code.DataLoss].includes(error.code)) throw error;
    const sentence = `Cannot read the message: ${error.rawMessage}.`;
    throw new TapinError("VALIDATION_FAILED", { sentence, cause: error });
  }
}

const utf8 = new TextDecoder();

/** Connect protocol, Unary-Get-Request. */
function sentInQuery(query: URLSearchParams): Sent {
  const compression = compressionNamed(query.get("compression"), "accept-encoding");
  const text = query.get("message") ?? "";
  const isJson = query.get("encoding") === "json";
  if (query.get("base64") !== "1") {
    return { bytes: new TextEncoder().encode(text), isJson, compression };
  }
  try {
    return { bytes: base64Decode(text), isJson, compression };
  } catch (cause) {
    throw unreadable("Cannot read the message: it is not base64.", cause);
  }
}

async function sentInBody({ headers }: MessageHead, body: HeldBody): Promise<Sent> {
  const type = (headers.get("content-type") ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
  const isJson = type.endsWith("json");
  const [encoding, acceptHeader] = encodingHeadersOf(type);
  const compression = compressionNamed(headers.get(encoding), acceptHeader);
  const bytes = await body.read();
  if (encoding === "content-encoding") return { bytes, isJson, compression };
  return { ...openEnvelope(bytes, compression), isJson };
}

/** The headers that name the compression of a message, and those that are read. */
function encodingHeadersOf(contentType: string): readonly [encoding: string, accept: string] {
  if (contentType.startsWith("application/grpc")) return ["grpc-encoding", "grpc-accept-encoding"];
  return contentType.startsWith("application/connect")
    ? ["connect-content-encoding", "connect-accept-encoding"]
    : ["content-encoding", "accept-encoding"];
}

const COMPRESSED_FLAG = 1;

/**
 * Takes the one message out of its envelope, and what it is compressed with: if with anything, then
 * with this.
 */
export function openEnvelope(
  bytes: Uint8Array,
  compression: Compression | null,
): Pick<Sent, "bytes" | "compression"> {
  if (bytes.length === 0) throw notOneMessage("none");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end =
    bytes.length < PREFIX_BYTES ? Number.POSITIVE_INFINITY : PREFIX_BYTES + view.getUint32(1);
  if (bytes.length < end) throw unreadable("The message is not complete.");
  const flags = view.getUint8(0);
  if ((flags & ~COMPRESSED_FLAG) !== 0) throw unreadable("The message has unknown flags.");
  if (bytes.length > end) throw notOneMessage("more");
  const message = bytes.subarray(PREFIX_BYTES, end);
  if (flags !== COMPRESSED_FLAG) return { bytes: message, compression: null };
  if (compression !== null) return { bytes: message, compression };
  // gRPC over HTTP/2, "Compressed-Flag": the code is INTERNAL, though the fault is the caller's.
  const sentence = "The message is flagged as compressed, but no header names the compression.";
  throw new TapinError("INTERNAL", { sentence, recordedAs: "VALIDATION_FAILED" });
}

/** gRPC status codes, "Request cardinality violation". */
function notOneMessage(sent: "none" | "more"): TapinError {
  const sentence = `This RPC takes one message, but ${sent === "none" ? "none was" : "more were"} sent.`;
  return new TapinError("UNIMPLEMENTED", { sentence });
}
