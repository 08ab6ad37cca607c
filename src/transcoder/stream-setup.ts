// What a server stream needs besides its rule: the event's name and the fields to resume by,
// resolved against the descriptors at start. Writing the stream is the framing's.

import type { DescField, DescMessage, DescMethod } from "@bufbuild/protobuf";
import { rpcName } from "./http-rule.ts";

/** Options of one server-streaming RPC. */
export interface StreamOptions {
  /** The `event:` of each message. */
  readonly event: string;
  /** Top-level scalar field of the response that is the event's `id:`. */
  readonly idField: string;
  /** Top-level scalar field of the request that takes the `Last-Event-ID`. */
  readonly resumeField: string;
  /** Milliseconds an event source waits before it reconnects; default 2000. */
  readonly retryMs?: number;
}

/** The resolved options of one server-streaming RPC. */
export interface StreamSetup {
  /**
   * The `event:` of each message; `message` unless set, which is the event source's own default.
   */
  readonly event: string;
  /** Milliseconds for `retry:`. */
  readonly retryMs: number;
  /** The response's field for `id:`; undefined when the stream cannot be resumed. */
  readonly idField: DescField | undefined;
  /** The request's field for `Last-Event-ID`. */
  readonly resumeField: DescField | undefined;
}

const defaultRetryMs = 2000;

/** Resolves the options of a stream. Throws an Error naming the RPC when they do not fit it. */
export function resolveStream(method: DescMethod, options?: StreamOptions): StreamSetup {
  if (options === undefined) {
    const none = { idField: undefined, resumeField: undefined };
    return { event: "message", retryMs: defaultRetryMs, ...none };
  }
  const { event, idField, resumeField, retryMs = defaultRetryMs } = options;
  const rpc = rpcName(method);
  if (method.methodKind !== "server_streaming") throw new Error(`${rpc}: is not a server stream`);
  if (!/^[^\0\r\n]+$/.test(event)) throw new Error(`${rpc}: the event name must be one line`);
  if (!Number.isSafeInteger(retryMs) || retryMs < 0) {
    throw new Error(`${rpc}: retryMs must be a whole number of milliseconds`);
  }
  return {
    event,
    retryMs,
    idField: scalarField(method.output, idField, rpc),
    resumeField: scalarField(method.input, resumeField, rpc),
  };
}

function scalarField(desc: DescMessage, name: string, rpc: string): DescField {
  const field = desc.fields.find((candidate) => candidate.name === name);
  if (field?.fieldKind === "scalar") return field;
  throw new Error(`${rpc}: "${name}" is not a scalar field of ${desc.typeName}`);
}
