// The caller that is a client of connect.

import { Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from "#gen/google/rpc/error_details_pb.ts";
import type { Caller, CallSettings, Failure, Outcome } from "./caller.ts";
import { ConformanceService, type Response } from "./gen/tapin/conformance/v1/conformance_pb.ts";

/** Makes a caller over a transport. */
export function connectCaller(transport: Transport): Caller {
  const client = createClient(ConformanceService, transport);
  type Options = Parameters<typeof client.unary>[1];
  const run = (
    { headers = [], timeoutMs, signal, onMessage }: CallSettings,
    begin: (options: Options) => AsyncIterable<Response> | Promise<Response>,
  ) => {
    const seen: Seen = { headers: new Headers(), trailers: new Headers() };
    const options = {
      headers: headers.map(([name, value]): [string, string] => [name, value]),
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...(signal === undefined ? {} : { signal }),
      onHeader(given: Headers) {
        seen.headers = given;
      },
      onTrailer(given: Headers) {
        seen.trailers = given;
      },
    };
    return collect(begin(options), seen, onMessage);
  };
  return {
    unary: (plan, settings = {}) => run(settings, (options) => client.unary(plan, options)),
    stream: (plan, settings = {}) => run(settings, (options) => client.serverStream(plan, options)),
    bidi: (plans, settings = {}) => run(settings, (options) => client.bidiStream(plans, options)),
    idempotent: (plan, settings = {}) =>
      run(settings, (options) => client.idempotentUnary(plan, options)),
    unimplemented: (plan) => run({}, (options) => client.unimplemented(plan, options)),
    fate: async (name) => (await client.getFate({ name })).reason,
    close: () => {},
  };
}

interface Seen {
  headers: Headers;
  trailers: Headers;
}

async function collect(
  answers: AsyncIterable<Response> | Promise<Response>,
  seen: Seen,
  onMessage: (message: Response) => void = () => {},
): Promise<Outcome> {
  const messages: Response[] = [];
  try {
    if (answers instanceof Promise) messages.push(await answers);
    else {
      for await (const message of answers) {
        messages.push(message);
        onMessage(message);
      }
    }
    return { messages, failure: null, headers: seen.headers };
  } catch (error) {
    const failure = failureOf(ConnectError.from(error), seen);
    return { messages, failure, headers: failure.metadata as Headers };
  }
}

function failureOf(error: ConnectError, seen: Seen): Failure {
  const [info] = error.findDetails(ErrorInfoSchema);
  const [bad] = error.findDetails(BadRequestSchema);
  const [retry] = error.findDetails(RetryInfoSchema);
  const metadata = new Headers(error.metadata);
  for (const [name, value] of [...seen.headers, ...seen.trailers]) {
    if (!metadata.has(name)) metadata.append(name, value);
  }
  return {
    code: nameOf(error.code),
    message: error.rawMessage,
    reason: info?.reason ?? "",
    violations: (bad?.fieldViolations ?? []).map((it) => `${it.field}: ${it.description}`),
    retrySeconds: retry?.retryDelay === undefined ? null : Number(retry.retryDelay.seconds),
    metadata,
  };
}

/** The name of a code as Connect spells it. */
function nameOf(code: Code): string {
  return (Code[code] ?? "").replace(/(?<=[a-z])(?=[A-Z])/g, "_").toLowerCase();
}
