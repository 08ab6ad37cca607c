// Reads a refusal out of each dialect's form of it.

import { type DescMessage, fromBinary, type MessageShape } from "@bufbuild/protobuf";
import { BinaryReader } from "@bufbuild/protobuf/wire";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { status } from "@grpc/grpc-js";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from "#gen/google/rpc/error_details_pb.ts";
import type { Failure, Violation } from "./outcome.ts";

interface Detail {
  /** `google.rpc.ErrorInfo` and such. */
  readonly type: string;
  readonly bytes: Uint8Array;
}

/** From a Connect error: a unary body, or the `error` of a stream's end. */
export function failureOfConnect(error: {
  code: string;
  message?: string;
  details?: { type: string; value: string }[];
}): Failure {
  const details = (error.details ?? []).map(({ type, value }) => ({
    type,
    bytes: Buffer.from(value, "base64"),
  }));
  return failureOf(error.code, error.message ?? "", details);
}

/** From a gRPC status and its `grpc-status-details-bin`, a google.rpc.Status. */
export function failureOfGrpc(code: number, message: string, packed: Uint8Array): Failure {
  const reader = new BinaryReader(packed);
  const details: Detail[] = [];
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field !== 3) reader.skip(wireType, field);
    else {
      const { typeUrl, value } = fromBinary(AnySchema, reader.bytes());
      details.push({ type: typeUrl.slice(typeUrl.lastIndexOf("/") + 1), bytes: value });
    }
  }
  const name = (status[code] ?? "").toLowerCase().replace("cancelled", "canceled");
  return failureOf(name, message, details);
}

/** From the envelope of the contract. */
export function failureOfRest(envelope: {
  error: string;
  code: string;
  retryable: boolean;
  request_id: string;
  violations?: Violation[];
}): Failure {
  return {
    code: null,
    sentence: envelope.error,
    reason: envelope.code.toUpperCase(),
    domain: null,
    requestId: envelope.request_id,
    violations: envelope.violations ?? [],
    retrySeconds: null,
    retryable: envelope.retryable,
  };
}

function failureOf(code: string, sentence: string, details: readonly Detail[]): Failure {
  const find = <Desc extends DescMessage>(desc: Desc): MessageShape<Desc> | undefined => {
    const detail = details.find(({ type }) => type === desc.typeName);
    return detail && fromBinary(desc, detail.bytes);
  };
  const info = find(ErrorInfoSchema);
  const retry = find(RetryInfoSchema)?.retryDelay;
  const violations = find(BadRequestSchema)?.fieldViolations ?? [];
  return {
    code,
    sentence,
    reason: info?.reason ?? "",
    domain: info?.domain ?? "",
    requestId: info?.metadata.request_id ?? "",
    violations: violations.map(({ field, description }) => ({ field, message: description })),
    retrySeconds: retry === undefined ? null : Number(retry.seconds),
    retryable: null,
  };
}
