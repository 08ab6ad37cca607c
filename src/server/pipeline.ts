// The one pipeline: authenticate -> limit -> validate -> action -> convert error -> log. Every
// operation goes through it, whichever dialect it came in.

import type { DescMethod, Message } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Logger } from "pino";
import type { Observer } from "../core/observer.ts";
import { type Reason, TapinError } from "../errors.ts";
import { readTrace } from "../trace.ts";
import { attempt, type Soon, whenThere } from "../transcoder/soon.ts";
import { type Authority, authenticate, withChallenge } from "./authenticate.ts";
import type { AdmittedCall, Call, Dialect } from "./call.ts";
import {
  DEFAULT_DEADLINE_MS,
  type Deadline,
  keepDeadline,
  keepStreamDeadline,
} from "./deadline.ts";
import { lastingCall } from "./lasting-call.ts";
import type { Limits } from "./limit.ts";
import type { BidiOperation, Operation, StreamOperation, UnaryOperation } from "./operation.ts";
import { type AnswerOutflow, RunningStream, type StreamSteps } from "./running-stream.ts";
import type { Validate } from "./validate.ts";

/** The steps of one call. Each throws nothing but TapinError, and has then logged the call. */
export interface Pipeline {
  /** Before the body is read: who calls, and may they call so often? */
  admit(method: DescMethod, call: Call): Soon<AdmittedCall>;
  /** A unary operation, from the parsed request to its answer. */
  unary(method: DescMethod, request: Message, call: AdmittedCall): Promise<Message>;
  /** A streaming operation. Throws nothing: whatever happens is told. */
  stream(method: DescMethod, request: Message, call: AdmittedCall, outflow: AnswerOutflow): void;
  /**
   * An operation that streams both ways; every message of the caller after the first costs like a
   * call.
   */
  bidi(
    method: DescMethod,
    requests: AsyncIterable<Message>,
    call: AdmittedCall,
  ): AsyncIterable<Message>;
  /** For what went wrong outside the steps, such as parsing: the error to answer with, logged. */
  fail(method: DescMethod, call: Call, error: unknown): TapinError;
}

/** What the pipeline is made of. */
export interface PipelineParts {
  readonly operations: readonly Operation[];
  readonly authority: Authority;
  readonly limits: Limits;
  readonly validate: Validate;
  readonly observer: Observer;
  readonly log: Logger;
  /** Default {@link DEFAULT_DEADLINE_MS}. */
  readonly deadlineMs?: number;
}

/** What the entrances of the pipeline have in common. */
function createSteps(parts: PipelineParts) {
  const { authority, limits, log, deadlineMs = DEFAULT_DEADLINE_MS } = parts;
  const conclude = createConclusion(parts);
  const operations = new Map<DescMethod, Operation>(
    parts.operations.map((operation) => [operation.method, operation]),
  );
  const operationOf = (method: DescMethod) => {
    const operation = operations.get(method);
    if (operation === undefined) throw new TapinError("UNIMPLEMENTED");
    return operation;
  };
  const steps = {
    operationOf,
    conclude,
    fail(method: DescMethod, call: Call, error: unknown): TapinError {
      const failure = withChallenge(toTapinError(error), call.headers.get("authorization"));
      conclude(method, call, failure);
      return failure;
    },
    deadlineOf: (method: DescMethod, call: Call): Deadline => ({
      waiting: call.waiting,
      leftMs: Math.max(1, call.startedAt + deadlineMs - performance.now()),
      onLateFailure: (error) => logLateFailure(log, method, call, error),
    }),
    enter(method: DescMethod, call: Call): Soon<AdmittedCall> {
      const { access } = operationOf(method);
      const check = () => authenticate(authority, access, call);
      return whenThere(keepDeadline(check, steps.deadlineOf(method, call)), (identity) => {
        if (identity.kind === "api_key") call.hideFromPages();
        return whenThere(limits.request(call, identity), (fields) => {
          for (const [name, value] of fields) call.tell(name, value);
          return { ...call, identity };
        });
      });
    },
  };
  return steps;
}

/** Builds the pipeline. */
export function createPipeline(parts: PipelineParts): Pipeline {
  const { limits, validate } = parts;
  const { operationOf, conclude, fail, deadlineOf, enter } = createSteps(parts);
  const refuse = async (method: DescMethod, call: AdmittedCall, error: unknown) =>
    fail(method, call, await limits.refusal(call, call.identity, error));
  const steps: StreamSteps = {
    conclude: (method, call) => conclude(method, call, null),
    fail: refuse,
    onLateFailure: (method, call, error) => logLateFailure(parts.log, method, call, error),
  };
  return {
    fail,
    admit(method, call) {
      return attempt(
        () => enter(method, call),
        async (error) => {
          throw fail(method, call, await limits.refusal(call, null, error));
        },
      );
    },
    async unary(method, request, call) {
      try {
        validate(method, request);
        const { run } = operationOf(method) as UnaryOperation;
        const work = () => run(request, call);
        const answer = await keepDeadline(work, deadlineOf(method, call));
        conclude(method, call, null);
        return answer;
      } catch (error) {
        throw await refuse(method, call, error);
      }
    },
    stream(method, request, call, outflow) {
      const stream = new RunningStream(steps, { method, call: lastingCall(call), outflow });
      stream.begin(deadlineOf(method, call).leftMs ?? 1, (into) => {
        validate(method, request);
        return (operationOf(method) as StreamOperation).start(request, call, into);
      });
    },
    bidi(method, requests, call) {
      const check = async (request: Message, isFirst: boolean) => {
        if (!isFirst) await limits.request(call, call.identity);
        validate(method, request);
      };
      const { run } = operationOf(method) as BidiOperation;
      return follow(() => run(checked(requests, check), call), deadlineOf(method, call), {
        conclude: (failure) => conclude(method, call, failure),
        fail: (error) => refuse(method, call, error),
      });
    },
  };
}

/** The messages of a stream both ways, whose end is told once, however it comes. */
async function* follow(
  begin: () => AsyncIterable<Message>,
  deadline: Deadline,
  end: {
    conclude(failure: TapinError | null): void;
    fail(error: unknown): Promise<TapinError>;
  },
): AsyncIterable<Message> {
  let isTold = false;
  try {
    yield* keepStreamDeadline(begin(), deadline);
    // An operation ends quietly then; the caller must still be told why the stream stopped.
    deadline.waiting.throwIfOver();
    end.conclude(null);
    isTold = true;
  } catch (error) {
    isTold = true;
    throw await end.fail(error);
  } finally {
    if (!isTold) end.conclude(new TapinError("CANCELED"));
  }
}

/** Each message of the caller once it is checked. */
async function* checked(
  requests: AsyncIterable<Message>,
  check: (request: Message, isFirst: boolean) => Promise<void>,
): AsyncIterable<Message> {
  let isFirst = true;
  for await (const request of requests) {
    await check(request, isFirst);
    isFirst = false;
    yield request;
  }
}

/** Turns anything thrown into the error a caller may see; what is not ours becomes INTERNAL. */
export function toTapinError(error: unknown): TapinError {
  if (error instanceof TapinError) return error;
  if (error instanceof ConnectError) {
    return new TapinError(REASON_OF_CODE[error.code] ?? "INTERNAL", { cause: error });
  }
  if (error instanceof DOMException && error.name === "TimeoutError") {
    return new TapinError("DEADLINE_EXCEEDED", { cause: error });
  }
  if (error instanceof DOMException && error.name === "AbortError") {
    return new TapinError("CANCELED", { cause: error });
  }
  return new TapinError("INTERNAL", { cause: error });
}

const REASON_OF_CODE: Partial<Record<Code, Reason>> = {
  [Code.Canceled]: "CANCELED",
  [Code.Aborted]: "CANCELED",
  [Code.DeadlineExceeded]: "DEADLINE_EXCEEDED",
  [Code.Unimplemented]: "UNIMPLEMENTED",
  // Whichever code a caller resets its stream with (RFC 9113 section 7): it is gone, and nothing
  // here is wrong.
  [Code.Unavailable]: "CANCELED",
  [Code.Internal]: "CANCELED",
  [Code.ResourceExhausted]: "CANCELED",
  [Code.PermissionDenied]: "CANCELED",
};

/** What tells the log and the observer of a call's end. */
function createConclusion({ log, observer }: PipelineParts) {
  // What all calls of an RPC in a dialect have in common is made into JSON once.
  const logs = new Map<DescMethod, Partial<Record<Dialect, Logger>>>();
  const logOf = (method: DescMethod, rpc: string, dialect: Dialect) => {
    const ofMethod = logs.get(method) ?? {};
    if (ofMethod[dialect] === undefined) {
      ofMethod[dialect] = log.child({ event: "call", rpc, dialect });
      logs.set(method, ofMethod);
    }
    return ofMethod[dialect];
  };
  return (method: DescMethod, call: Call | AdmittedCall, failure: TapinError | null) => {
    const { dialect } = call;
    const rpc = `${method.parent.typeName}/${method.name}`;
    const ms = performance.now() - call.startedAt;
    const reason = failure?.recordedAs ?? null;
    observer.answered({ rpc, dialect, reason, seconds: ms / 1000 });
    const fields = { ...fieldsOf(call, reason), ms: Math.round(ms) };
    const callLog = logOf(method, rpc, dialect);
    if (reason === "INTERNAL") callLog.error({ ...fields, err: failure?.cause }, "call failed");
    else if (reason === "UNAVAILABLE")
      callLog.warn({ ...fields, err: failure?.cause }, "call failed");
    else callLog.info(fields, failure === null ? "call answered" : "call refused");
  };
}

/** What the log tells of a call beside its RPC and dialect. */
function fieldsOf(call: Call | AdmittedCall, reason: Reason | null) {
  const identity = "identity" in call ? call.identity : null;
  return {
    request_id: call.requestId,
    project: identity?.kind === "api_key" ? identity.project.slug : undefined,
    trace_id: readTrace(call.headers)?.traceId,
    reason: reason ?? undefined,
    // Whom to look at; of others no address is kept.
    address: reason === "RATE_LIMITED" ? call.address : undefined,
  };
}

/** The caller has its answer already; a fault of ours must still not go unseen. */
function logLateFailure(log: Logger, method: DescMethod, call: Call, error: unknown): void {
  const { reason, cause } = toTapinError(error);
  // What was given up because of the signal ends because of it.
  if (reason === "CANCELED" || reason === "DEADLINE_EXCEEDED") return;
  const rpc = `${method.parent.typeName}/${method.name}`;
  const fields = { event: "late_failure", rpc, request_id: call.requestId, reason };
  if (reason === "INTERNAL") log.error({ ...fields, err: cause }, "given-up work failed");
  else log.info(fields, "given-up work was refused");
}
