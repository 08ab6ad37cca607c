// Clients of gRPC's own services, health and reflection, for tests: grpc-js with the vendored proto
// files read by protobufjs, which shares no code with the server.

import { fileURLToPath } from "node:url";
import {
  type Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  credentials,
  makeClientConstructor,
  type ServiceDefinition,
  type ServiceError,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

const PACKAGE = loadSync(
  [
    "grpc/health/v1/health.proto",
    "grpc/reflection/v1/reflection.proto",
    "grpc/reflection/v1alpha/reflection.proto",
  ],
  {
    includeDirs: [fileURLToPath(new URL("../../third_party", import.meta.url))],
    keepCase: true,
    enums: String,
    oneofs: true,
    defaults: true,
  },
);

/** Any message as protobufjs reads it. */
export type Fields = Readonly<Record<string, unknown>>;

/** One stream of messages, read one by one. */
export interface Messages {
  /** The next message; null when the stream has ended well. Rejects with grpc-js's ServiceError. */
  next(): Promise<Fields | null>;
  cancel(): void;
}

/** A client of grpc.health.v1. */
export interface HealthClient {
  /** The status, or the error's code. */
  check(service: string): Promise<unknown>;
  list(): Promise<Fields>;
  watch(service: string): Messages;
}

type Unary = (
  request: Fields,
  done: (error: ServiceError | null, answer?: Fields) => void,
) => unknown;

/** Connects to the health service of a base URL. */
export function openHealth(url: string): HealthClient {
  const client = connect("grpc.health.v1.Health", url);
  const ask = (name: string, request: Fields) =>
    new Promise<Fields>((resolve, reject) => {
      (client[name] as Unary)(request, (error, answer) => {
        if (error !== null) reject(error);
        else resolve(answer ?? {});
      });
    });
  const watch = client.Watch as (request: Fields) => ClientReadableStream<Fields>;
  return {
    check: async (service) =>
      (await ask("Check", { service }).catch((error: ServiceError) => ({ status: error.code })))
        .status,
    list: () => ask("List", {}),
    watch: (service) => messagesOf(watch({ service })),
  };
}

/** One open reflection stream. */
export interface Reflection extends Messages {
  /** Sends a request and answers the response. */
  ask(request: Fields): Promise<Fields>;
  /** Says that no more requests come. */
  end(): void;
}

/** Opens a reflection stream at a base URL. */
export function openReflection(url: string, version: "v1" | "v1alpha"): Reflection {
  const client = connect(`grpc.reflection.${version}.ServerReflection`, url);
  const open = client.ServerReflectionInfo as () => ClientDuplexStream<Fields, Fields>;
  const stream = open();
  const messages = messagesOf(stream);
  return {
    ...messages,
    async ask(request) {
      stream.write(request);
      const answer = await messages.next();
      if (answer === null) throw new Error("the stream ended without an answer");
      return answer;
    },
    end: () => stream.end(),
  };
}

/**
 * Nobody closes these clients, they end with the process: the GOAWAY of a client that closes can
 * abort Deno (https://github.com/denoland/deno/issues/36788).
 */
type Connected = Client & Readonly<Record<string, unknown>>;

function connect(service: string, url: string): Connected {
  const Constructor = makeClientConstructor(PACKAGE[service] as ServiceDefinition, service);
  const client = new Constructor(new URL(url).host, credentials.createInsecure(), {
    // A connection of its own, since one carries a hundred streams only.
    "grpc.use_local_subchannel_pool": 1,
  });
  // Its methods are those of the proto file.
  return new Proxy(client, {
    get: (target, name) => {
      const value = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  }) as unknown as Connected;
}

function messagesOf(stream: ClientReadableStream<Fields>): Messages {
  const iterator = stream[Symbol.asyncIterator]();
  return {
    async next() {
      const { done, value } = await iterator.next();
      return done ? null : (value as Fields);
    },
    cancel: () => stream.cancel(),
  };
}
