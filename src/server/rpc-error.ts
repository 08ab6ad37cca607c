// The RPC form of an error: the code, `google.rpc.ErrorInfo` and, for validation,
// `google.rpc.BadRequest` (AIP-193). gRPC, gRPC-Web and Connect all carry it.

import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from "#gen/google/rpc/error_details_pb.ts";
import type { RpcCode, TapinError } from "../errors.ts";

/** `domain` of every ErrorInfo. */
export const ERROR_DOMAIN = "tapin";

const CODES: Record<RpcCode, Code> = {
  canceled: Code.Canceled,
  invalid_argument: Code.InvalidArgument,
  deadline_exceeded: Code.DeadlineExceeded,
  not_found: Code.NotFound,
  already_exists: Code.AlreadyExists,
  permission_denied: Code.PermissionDenied,
  resource_exhausted: Code.ResourceExhausted,
  failed_precondition: Code.FailedPrecondition,
  unimplemented: Code.Unimplemented,
  internal: Code.Internal,
  unavailable: Code.Unavailable,
  unauthenticated: Code.Unauthenticated,
};

/** Converts an error for an RPC caller. The cause stays here. */
export function toConnectError(error: TapinError, requestId: string): ConnectError {
  const { reason, violations, retryAfterSeconds } = error;
  // Half a surrogate pair, as a caller may send and a sentence repeat, has no percent-encoding.
  const sentence = error.message.toWellFormed();
  const converted = new ConnectError(sentence, CODES[error.meaning.rpc], metadataOf(error));
  converted.details.push({
    desc: ErrorInfoSchema,
    value: create(ErrorInfoSchema, {
      reason,
      domain: ERROR_DOMAIN,
      metadata: { request_id: requestId },
    }),
  });
  if (violations.length > 0) {
    const fieldViolations = violations.map(({ field, message }) => ({
      field,
      description: message,
    }));
    const value = create(BadRequestSchema, { fieldViolations });
    converted.details.push({ desc: BadRequestSchema, value });
  }
  if (retryAfterSeconds !== null) {
    const retryDelay = { seconds: BigInt(retryAfterSeconds), nanos: 0 };
    converted.details.push({
      desc: RetryInfoSchema,
      value: create(RetryInfoSchema, { retryDelay }),
    });
  }
  return converted;
}

function metadataOf(error: TapinError): Headers {
  const metadata = new Headers();
  for (const [name, value] of error.headers) metadata.append(name, value);
  if (error.retryAfterSeconds !== null)
    metadata.set("retry-after", String(error.retryAfterSeconds));
  return metadata;
}

/**
 * Trailers whose `grpc-message` is what its specification says: connect-node encodes more of it,
 * and grpc-js shows people the rest (`off%3A`). Only what is not printable ASCII is encoded, and
 * `%` itself (gRPC over HTTP/2, "Status-Message").
 */
export function withPlainMessage(trailers: Headers): Headers {
  const message = trailers.get("grpc-message");
  if (message === null) return trailers;
  const plain = decodeURIComponent(message);
  trailers.set("grpc-message", plain.replace(/[^ -$&-~]+/g, encodeURIComponent));
  return trailers;
}
