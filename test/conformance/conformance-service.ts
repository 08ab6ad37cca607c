// The operations of ConformanceService: they do what the request says.

import type { MessageInitShape } from "@bufbuild/protobuf";
import { ERRORS, type Reason, TapinError } from "../../src/errors.ts";
import type { AdmittedCall } from "../../src/server/call.ts";
import { bidiStream, type Operation, serverStream, unary } from "../../src/server/operation.ts";
import { toTapinError } from "../../src/server/pipeline.ts";
import {
  ConformanceService,
  type Request,
  type ResponseSchema,
} from "./gen/tapin/conformance/v1/conformance_pb.ts";

type Fields = MessageInitShape<typeof ResponseSchema>;

const rpc = ConformanceService.method;

/** Makes the operations. They remember why named calls were aborted. */
export function conformanceOperations(): readonly Operation[] {
  const fates = new Map<string, PromiseWithResolvers<string>>();
  const fateOf = (name: string) => {
    const fate = fates.get(name) ?? Promise.withResolvers<string>();
    fates.set(name, fate);
    return fate;
  };
  const follow = ({ name }: Request, { waiting: { signal } }: AdmittedCall) => {
    if (name === "") return;
    signal.addEventListener("abort", () => {
      fateOf(name).resolve(toTapinError(signal.reason).reason);
    });
  };
  const answer = async (request: Request, call: AdmittedCall) => {
    follow(request, call);
    await finish(request, call);
    return responseTo(request, call, request.data[0]);
  };
  async function* answers(request: Request, call: AdmittedCall) {
    for (const data of request.data) yield responseTo(request, call, data);
    await finish(request, call);
  }
  return [
    unary(rpc.unary, "anybody", answer),
    unary(rpc.idempotentUnary, "anybody", answer),
    serverStream(rpc.serverStream, "anybody", async function* (request, call) {
      follow(request, call);
      yield* answers(request, call);
    }),
    bidiStream(rpc.bidiStream, "anybody", async function* (requests, call) {
      for await (const request of requests) {
        follow(request, call);
        yield* answers(request, call);
      }
    }),
    unary(rpc.getFate, "anybody", async ({ name }) => ({ reason: await fateOf(name).promise })),
  ];
}

function responseTo(
  { echo, padding }: Request,
  { headers, dialect }: AdmittedCall,
  data: Uint8Array = new Uint8Array(),
): Fields {
  return {
    data,
    dialect,
    paddingLength: padding.length,
    headers: echo.map((name) => ({ name, value: headers.get(name) ?? "" })),
  };
}

async function finish(request: Request, { waiting: { signal } }: AdmittedCall): Promise<void> {
  if (request.hang) {
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener("abort", () => resolve());
    });
  }
  const { reason, sentence, violations, headers, retryAfterSeconds } = request;
  if (reason === "") return;
  if (!(reason in ERRORS)) throw new Error("a bug with a secret in its message");
  throw new TapinError(reason as Reason, {
    ...(sentence === "" ? {} : { sentence }),
    ...(retryAfterSeconds === 0 ? {} : { retryAfterSeconds }),
    violations: violations.map(({ name, value }) => ({ field: name, message: value })),
    headers: headers.map(({ name, value }) => [name, value] as const),
  });
}
