// The caller that is grpc-js.

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  type CallOptions,
  Client,
  type ClientDuplexStream,
  type ClientOptions,
  type ClientReadableStream,
  credentials,
  Metadata,
  type ServiceError,
  status,
} from "@grpc/grpc-js";
import { grpcFailure } from "../server/rpc-client.ts";
import type { Caller, CallSettings, Failure, Outcome, Plan } from "./caller.ts";
import {
  GetFateRequestSchema,
  GetFateResponseSchema,
  type Request,
  RequestSchema,
  type Response,
  ResponseSchema,
} from "./gen/tapin/conformance/v1/conformance_pb.ts";

/** Path of a method of the service. */
export const pathTo = (method: string) => `/tapin.conformance.v1.ConformanceService/${method}`;

/** Writes a request. */
export const write = (request: Request) => Buffer.from(toBinary(RequestSchema, request));

/** Reads a response. */
export const read = (bytes: Buffer): Response => fromBinary(ResponseSchema, bytes);

/** Opens grpc-js at a base URL. */
export function openGrpcJs(url: string, options: ClientOptions = {}): Caller {
  const client = new Client(new URL(url).host, credentials.createInsecure(), options);
  const unary =
    (method: string) =>
    (plan: Plan, settings: CallSettings = {}) =>
      new Promise<Outcome>((resolve) => {
        let headers = new Headers();
        const call = client.makeUnaryRequest(
          pathTo(method),
          write,
          read,
          create(RequestSchema, plan),
          metadataOf(settings),
          optionsOf(settings),
          (error, message) => {
            if (error === null && message) resolve({ messages: [message], failure: null, headers });
            else resolve(failed(error, [], headers));
          },
        );
        call.on("metadata", (given: Metadata) => {
          headers = headersOf(given);
        });
        settings.signal?.addEventListener("abort", () => call.cancel());
      });
  const collect = (
    stream: ClientReadableStream<Response>,
    { signal, onMessage = () => {} }: CallSettings,
  ) =>
    new Promise<Outcome>((resolve) => {
      const messages: Response[] = [];
      let headers = new Headers();
      signal?.addEventListener("abort", () => stream.cancel());
      stream
        .on("metadata", (given: Metadata) => {
          headers = headersOf(given);
        })
        .on("data", (message: Response) => {
          messages.push(message);
          onMessage(message);
        })
        .on("error", (error: ServiceError) => resolve(failed(error, messages, headers)))
        .on("end", () => resolve({ messages, failure: null, headers }));
      if (signal?.aborted) stream.cancel();
    });
  return {
    unary: unary("Unary"),
    idempotent: unary("IdempotentUnary"),
    unimplemented: unary("Unimplemented"),
    stream(plan, settings = {}) {
      const request = create(RequestSchema, plan);
      const metadata = metadataOf(settings);
      const path = pathTo("ServerStream");
      return collect(
        client.makeServerStreamRequest(path, write, read, request, metadata, optionsOf(settings)),
        settings,
      );
    },
    bidi(plans, settings = {}) {
      const stream = client.makeBidiStreamRequest(
        pathTo("BidiStream"),
        write,
        read,
        metadataOf(settings),
        optionsOf(settings),
      );
      void feed(stream, plans);
      return collect(stream, settings);
    },
    fate: (name) => fateOf(client, name),
    close: () => client.close(),
  };
}

async function feed(stream: ClientDuplexStream<Request, Response>, plans: AsyncIterable<Plan>) {
  for await (const plan of plans) stream.write(create(RequestSchema, plan));
  stream.end();
}

function fateOf(client: Client, name: string): Promise<string> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      pathTo("GetFate"),
      (message) => Buffer.from(toBinary(GetFateRequestSchema, message)),
      (bytes) => fromBinary(GetFateResponseSchema, bytes),
      create(GetFateRequestSchema, { name }),
      (error, answer) => (error === null ? resolve(answer?.reason ?? "") : reject(error)),
    );
  });
}

function optionsOf({ timeoutMs }: CallSettings): CallOptions {
  return timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs };
}

function metadataOf({ headers = [] }: CallSettings): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of headers) {
    metadata.add(name, name.endsWith("-bin") ? Buffer.from(value, "base64") : value);
  }
  return metadata;
}

function headersOf(metadata: Metadata): Headers {
  const headers = new Headers();
  for (const name of Object.keys(metadata.getMap())) {
    for (const value of metadata.get(name)) {
      headers.append(name, typeof value === "string" ? value : value.toString("base64"));
    }
  }
  return headers;
}

async function failed(
  error: ServiceError | null,
  messages: readonly Response[],
  headers: Headers,
): Promise<Outcome> {
  if (error === null) throw new Error("neither an answer nor an error");
  const told = await grpcFailure(Promise.reject(error));
  const metadata = new Headers([...headers, ...headersOf(error.metadata)]);
  const failure: Failure = {
    ...told,
    // grpc-js spells CANCELLED, Connect canceled.
    code: error.code === status.CANCELLED ? "canceled" : told.code,
    metadata,
  };
  return { messages, failure, headers };
}
