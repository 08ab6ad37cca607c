// Serves every service on two ports, on the second one without the lane. Operations do what a
// header of the call says, so that the same request has the same answer on both. A process for Node
// or Deno; it says its ports in one line, and ends with its input.

import process from "node:process";
import {
  type DescMethod,
  type DescMethodServerStreaming,
  fromJson,
  type Message,
} from "@bufbuild/protobuf";
import fc from "fast-check";
import { pino } from "pino";
import { Health } from "#gen/grpc/health/v1/health_pb.ts";
import { AdminService } from "#gen/tapin/admin/v1/admin_pb.ts";
import { AuthService } from "#gen/tapin/auth/v1/auth_pb.ts";
import { SandboxService } from "#gen/tapin/sandbox/v1/sandbox_pb.ts";
import { NO_OBSERVER } from "../../src/core/observer.ts";
import type { Store } from "../../src/core/ports.ts";
import { ERRORS, type Reason, TapinError } from "../../src/errors.ts";
import type { AdmittedCall } from "../../src/server/call.ts";
import { createFront } from "../../src/server/front.ts";
import type { Limits } from "../../src/server/limit.ts";
import { createListener } from "../../src/server/listener.ts";
import { type Operation, serverStream } from "../../src/server/operation.ts";
import { createPipeline } from "../../src/server/pipeline.ts";
import { createRpc } from "../../src/server/rpc.ts";
import { createValidate } from "../../src/server/validate.ts";
import { messageJson } from "../matrix/message-json.ts";
import { DEFAULT_SIZES } from "../support/test-ports.ts";

/** What a caller asks for: `answer 7`, `refuse CODE_INVALID`, `crash` or `hang`. */
async function obey(method: DescMethod, outcome: string): Promise<Message> {
  const [what, which = ""] = outcome.split(" ");
  if (what === "crash") throw new Error("crashed");
  if (what === "hang") return await new Promise(() => {});
  if (what === "refuse") throw refusal(which as Reason);
  const seed = Number(which);
  const [json = {}] = fc.sample(messageJson(method.output), { seed, numRuns: 1 });
  return fromJson(method.output, json);
}

const outcomeOf = (call: AdmittedCall) => call.headers.get("x-outcome") ?? "answer 1";

/**
 * As many messages as a caller asks for, with beats between them, and then the outcome; an answer
 * is one more.
 */
async function* tell(method: DescMethod, told: number, outcome: string): AsyncIterable<Message> {
  for (let n = 1; n <= told; n += 1) yield await obey(method, `answer ${n}`);
  const last = await obey(method, outcome);
  yield last;
  yield last;
}

function refusal(reason: Reason): TapinError {
  return new TapinError(reason in ERRORS ? reason : "NOT_FOUND", {
    sentence: `50 % of "${reason}": off, ü, 漢字, \ud800`,
    violations: [{ field: "a.b[0]", message: "must be ü" }],
    retryAfterSeconds: 7,
    headers: [
      ["x-told", "a"],
      ["grpc-encoding", "nobody's business"],
    ],
  });
}

const services = [AuthService, AdminService, SandboxService, Health];
const methods = services.flatMap((service): readonly DescMethod[] => service.methods);
const operations = methods.flatMap((method): readonly Operation[] => {
  const access = method.parent === AdminService ? "admin" : "anybody";
  if (method.methodKind === "unary") {
    const run = (_: Message, call: AdmittedCall) => obey(method, outcomeOf(call));
    return [{ method, access, run } as Operation];
  }
  if (method.methodKind !== "server_streaming") return [];
  return [
    serverStream(method as DescMethodServerStreaming, access, (_, call) =>
      tell(method, Number(call.headers.get("x-told") ?? 0), outcomeOf(call)),
    ),
  ];
});

const limits: Limits = {
  request: async () => [
    ["ratelimit-policy", '"requests";q=10'],
    ["ratelimit", '"requests";r=9'],
  ],
  refusal: async (_call, _identity, error) => error,
  session: async () => {},
  watcher: () => () => {},
  close: () => {},
};
const log = pino({ level: "silent" });
const pipeline = createPipeline({
  operations,
  // Nobody's key is looked up.
  authority: { store: {} as Store, adminToken: "admin" },
  limits,
  observer: NO_OBSERVER,
  validate: createValidate(methods),
  log,
});

async function listen(lane: boolean): Promise<number> {
  const stopping = new AbortController().signal;
  const front = createFront({
    rpc: createRpc(services, pipeline, {
      stopping,
      maxBodyBytes: DEFAULT_SIZES.bodyBytes,
      log,
      lane,
    }),
    rest: { handle: async () => false },
    routes: [],
    isOrigin: async (origin) => origin === "https://shop.example",
    trustedProxies: [],
    sizes: DEFAULT_SIZES,
    log,
  });
  return (
    await createListener(front, { certificate: null, sizes: DEFAULT_SIZES }).listen(0, "127.0.0.1")
  ).port;
}

process.stdout.write(`${await listen(true)} ${await listen(false)}\n`);
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
