// Clients over connect-web, as a page would use it: gRPC-Web, Connect with JSON, Connect with the
// binary form.

import { type DescMessage, type MessageShape, toJson } from "@bufbuild/protobuf";
import {
  Code,
  type CallOptions as ConnectCallOptions,
  ConnectError,
  createClient,
  type Transport,
} from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";
import { BadRequestSchema, ErrorInfoSchema } from "#gen/google/rpc/error_details_pb.ts";
import { AuthService } from "#gen/tapin/auth/v1/auth_pb.ts";
import {
  CallError,
  type CallOptions,
  type ConnectClient,
  type ContractClient,
  createdSessionFrom,
  type DialectName,
  type Fields,
  linksFrom,
  profileFrom,
  statusFrom,
  watchMessageFrom,
} from "./contract-client.ts";
import { keepAnswer } from "./leaks.ts";

type WebDialect = Exclude<DialectName, "gRPC" | "REST">;

const TRANSPORTS: Readonly<Record<WebDialect, (baseUrl: string) => Transport>> = {
  "gRPC-Web": (baseUrl) => createGrpcWebTransport({ baseUrl }),
  "Connect JSON": (baseUrl) => createConnectTransport({ baseUrl }),
  "Connect binary": (baseUrl) => createConnectTransport({ baseUrl, useBinaryFormat: true }),
};

/** Makes clients of a dialect connect-web speaks. */
export function connectClient(dialect: WebDialect): ConnectClient {
  return (url, bearer) => makeClient(dialect, url, bearer);
}

function makeClient(dialect: WebDialect, url: string, bearer: string | null): ContractClient {
  const client = createClient(AuthService, TRANSPORTS[dialect](url));
  const { method } = AuthService;
  const given = (options: CallOptions = {}) => callOptions(bearer, options);
  return {
    dialect,
    async getLink(options) {
      return linksFrom(await answer(method.getLink.output, client.getLink({}, given(options))));
    },
    async createSession(input = {}, options) {
      const call = client.createSession(input, given(options));
      return createdSessionFrom(await answer(method.createSession.output, call));
    },
    async getSessionStatus(sessionId, options) {
      const call = client.getSessionStatus({ sessionId }, given(options));
      return statusFrom(await answer(method.getSessionStatus.output, call));
    },
    async *watchSession(sessionId, { afterSequence = 0, ...options } = {}) {
      const stream = client.watchSession({ sessionId, afterSequence }, given(options));
      try {
        for await (const message of stream) {
          yield watchMessageFrom(fieldsOf(method.watchSession.output, message));
        }
      } catch (error) {
        throw toCallError(error);
      }
    },
    async cancelSession(sessionId, options) {
      const call = client.cancelSession({ sessionId }, given(options));
      return statusFrom(await answer(method.cancelSession.output, call));
    },
    async verifyCode(input, options) {
      const call = client.verifyCode(input, given(options));
      return profileFrom(await answer(method.verifyCode.output, call));
    },
    close() {},
  };
}

function callOptions(bearer: string | null, options: CallOptions): ConnectCallOptions {
  const headers = new Headers(options.headers);
  const credentials = options.bearer === undefined ? bearer : options.bearer;
  if (credentials !== null) headers.set("authorization", `Bearer ${credentials}`);
  return {
    headers,
    ...(options.signal && { signal: options.signal }),
    onHeader(received) {
      keepAnswer("a call over Connect or gRPC-Web, headers", [...received]);
      options.onHeaders?.(received);
    },
  };
}

async function answer<Desc extends DescMessage>(
  schema: Desc,
  call: Promise<MessageShape<Desc>>,
): Promise<Fields> {
  try {
    return fieldsOf(schema, await call);
  } catch (error) {
    throw toCallError(error);
  }
}

function fieldsOf<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): Fields {
  return toJson(schema, message) as Fields;
}

function toCallError(error: unknown): unknown {
  if (!(error instanceof ConnectError)) return error;
  const [info] = error.findDetails(ErrorInfoSchema);
  const violations = error.findDetails(BadRequestSchema).flatMap((it) => it.fieldViolations);
  return new CallError(error.rawMessage, {
    reason: (info?.reason ?? "").toLowerCase(),
    code: codeName(error.code),
    violations: violations.map(({ field, description }) => ({ field, message: description })),
    headers: error.metadata,
    requestId: info?.metadata.request_id ?? "",
  });
}

function codeName(code: Code): string {
  return (Code[code] ?? "").replace(/(?<!^)[A-Z]/g, "_$&").toLowerCase();
}
