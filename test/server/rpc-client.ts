// RPC clients for tests: gRPC by grpc-js, an implementation that is not Connect's, and Connect JSON
// by hand.

import {
  create,
  type DescMessage,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
  toJsonString,
} from "@bufbuild/protobuf";
import { BinaryReader } from "@bufbuild/protobuf/wire";
import { type Any, AnySchema, anyUnpack } from "@bufbuild/protobuf/wkt";
import { Client, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from "#gen/google/rpc/error_details_pb.ts";
import { keepHttpAnswer } from "../support/leaks.ts";
import { type Answer, ask, jsonOf } from "./raw-http.ts";

/** An error as every RPC dialect is to tell it. */
export interface RpcFailure {
  /** Such as `invalid_argument`. */
  readonly code: string;
  readonly message: string;
  /** Of ErrorInfo. */
  readonly reason: string;
  readonly domain: string;
  /** Of BadRequest, as `field: description`. */
  readonly violations: readonly string[];
  /** Of RetryInfo; null when there is none. */
  readonly retrySeconds: number | null;
}

/** Path of an RPC. */
export function pathOf(method: DescMethodUnary | DescMethodServerStreaming): string {
  return `/${method.parent.typeName}/${method.name}`;
}

function keepMessage<O extends DescMessage>(
  method: DescMethodUnary<DescMessage, O>,
  answer: MessageShape<O>,
): void {
  const headers = [["content-type", "application/json"]] as const;
  const text = toJsonString(method.output, answer);
  keepHttpAnswer({ call: `gRPC ${pathOf(method)}`, status: 200, headers, text });
}

/** A gRPC connection. */
export interface GrpcClient {
  /** Resolves with the answer, rejects with grpc-js's ServiceError. */
  unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    options?: { bearer?: string; deadlineMs?: number },
  ): Promise<MessageShape<O>>;
  /** Every message until the stream ends; rejects with grpc-js's ServiceError, which has `seen`. */
  stream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodServerStreaming<I, O>,
    request: MessageInitShape<I>,
    options?: { bearer?: string; deadlineMs?: number },
  ): Promise<readonly MessageShape<O>[]>;
  close(): void;
}

/** Opens a gRPC connection to a base URL. */
export function openGrpc(url: string): GrpcClient {
  const client = new Client(new URL(url).host, credentials.createInsecure());
  const optionsOf = (deadlineMs?: number) =>
    deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs };
  return {
    unary: (method, request, { bearer, deadlineMs } = {}) =>
      new Promise((resolve, reject) => {
        client.makeUnaryRequest(
          pathOf(method),
          (message) => Buffer.from(toBinary(method.input, message)),
          (bytes) => fromBinary(method.output, bytes),
          create(method.input, request),
          metadataOf(bearer),
          optionsOf(deadlineMs),
          (error, answer) => {
            if (error !== null || answer === undefined) reject(error);
            else {
              keepMessage(method, answer);
              resolve(answer);
            }
          },
        );
      }),
    stream: (method, request, { bearer, deadlineMs } = {}) =>
      new Promise((resolve, reject) => {
        const messages: MessageShape<typeof method.output>[] = [];
        client
          .makeServerStreamRequest(
            pathOf(method),
            (message) => Buffer.from(toBinary(method.input, message)),
            (bytes) => fromBinary(method.output, bytes),
            create(method.input, request),
            metadataOf(bearer),
            optionsOf(deadlineMs),
          )
          .on("data", (message) => messages.push(message))
          .on("error", (error) => reject(Object.assign(error, { seen: messages.length })))
          .on("end", () => resolve(messages));
      }),
    close: () => client.close(),
  };
}

function metadataOf(bearer: string | undefined): Metadata {
  const metadata = new Metadata();
  if (bearer !== undefined) metadata.set("authorization", `Bearer ${bearer}`);
  return metadata;
}

/** What a gRPC call failed with. Throws when it succeeded. */
export async function grpcFailure(call: Promise<unknown>): Promise<RpcFailure> {
  const error = await call.then(
    () => {
      throw new Error("the call succeeded");
    },
    (failure: ServiceError) => failure,
  );
  if (error.metadata === undefined) throw error;
  const [packed] = error.metadata.get("grpc-status-details-bin");
  const details = packed === undefined ? [] : statusDetails(Buffer.from(packed));
  return failureOf({ code: status[error.code].toLowerCase(), message: error.details }, details);
}

/** One Connect call with JSON. */
export function askConnect(
  url: string,
  method: DescMethodUnary,
  { body = {}, bearer, headers = {} }: ConnectQuestion = {},
): Promise<Answer> {
  const authorization = bearer === undefined ? {} : { authorization: `Bearer ${bearer}` };
  return ask(`${url}${pathOf(method)}`, { body, headers: { ...authorization, ...headers } });
}

/** What to send by `askConnect`. */
export interface ConnectQuestion {
  readonly body?: object;
  readonly bearer?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What a Connect call failed with. */
export function connectFailure(answer: Answer): RpcFailure {
  const { code, message, details } = jsonOf(answer) as {
    code: string;
    message: string;
    details?: { type: string; value: string }[];
  };
  const packed = (details ?? []).map(({ type, value }) => ({
    typeUrl: `type.googleapis.com/${type}`,
    value: new Uint8Array(Buffer.from(value, "base64")),
  }));
  return failureOf({ code, message }, packed);
}

/** What a gRPC answer failed with, by its headers and trailers. */
export function detailsFailure(headers: Readonly<Record<string, string>>): RpcFailure {
  const code = status[Number(headers["grpc-status"])] ?? "";
  const packed = Buffer.from(headers["grpc-status-details-bin"] ?? "", "base64");
  const message = decodeURIComponent(headers["grpc-message"] ?? "");
  return failureOf({ code: code.toLowerCase(), message }, statusDetails(packed));
}

/** Field 3 of `google.rpc.Status`, which is not among the vendored protos. */
function statusDetails(bytes: Uint8Array): readonly PackedDetail[] {
  const reader = new BinaryReader(bytes);
  const details: Any[] = [];
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === 3) details.push(fromBinary(AnySchema, reader.bytes()));
    else reader.skip(wireType, field);
  }
  return details;
}

type PackedDetail = Pick<Any, "typeUrl" | "value">;

function failureOf(
  { code, message }: { code: string; message: string },
  packed: readonly PackedDetail[],
): RpcFailure {
  const find = <D extends DescMessage>(desc: D) => {
    const detail = packed.find(({ typeUrl }) => typeUrl.endsWith(`/${desc.typeName}`));
    if (detail === undefined) return undefined;
    return anyUnpack({ $typeName: "google.protobuf.Any", ...detail }, desc);
  };
  const info = find(ErrorInfoSchema);
  const retry = find(RetryInfoSchema)?.retryDelay;
  return {
    code,
    message,
    reason: info?.reason ?? "",
    domain: info?.domain ?? "",
    violations: (find(BadRequestSchema)?.fieldViolations ?? []).map(
      ({ field, description }) => `${field}: ${description}`,
    ),
    retrySeconds: retry === undefined ? null : Number(retry.seconds),
  };
}
