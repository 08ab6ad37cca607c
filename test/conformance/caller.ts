// What a caller of ConformanceService can do, whichever client library and dialect is behind it.

import type { MessageInitShape } from "@bufbuild/protobuf";
import type { RequestSchema, Response } from "./gen/tapin/conformance/v1/conformance_pb.ts";

/** A request as plain fields. */
export type Plan = MessageInitShape<typeof RequestSchema>;

/** How a call failed. */
export interface Failure {
  /** Such as `invalid_argument`. */
  readonly code: string;
  readonly message: string;
  /** Of ErrorInfo. */
  readonly reason: string;
  /** Of BadRequest, as `field: description`. */
  readonly violations: readonly string[];
  /** Of RetryInfo. */
  readonly retrySeconds: number | null;
  /** Headers and trailers together. */
  readonly metadata: { get(name: string): string | null };
}

/** What came of a call. */
export interface Outcome {
  readonly messages: readonly Response[];
  readonly failure: Failure | null;
  /** Response headers; of a failure they are in its metadata. */
  readonly headers: { get(name: string): string | null };
}

/** What a call may have besides its message. */
export interface CallSettings {
  /** A name may stand more than once. */
  readonly headers?: readonly (readonly [string, string])[];
  readonly timeoutMs?: number;
  /** Called with each message that arrives. */
  onMessage?(message: Response): void;
  readonly signal?: AbortSignal;
}

/** A client. */
export interface Caller {
  unary(plan: Plan, settings?: CallSettings): Promise<Outcome>;
  stream(plan: Plan, settings?: CallSettings): Promise<Outcome>;
  /** Sends what the iterable yields. */
  bidi(plans: AsyncIterable<Plan>, settings?: CallSettings): Promise<Outcome>;
  /** Asks by the method that has no side effects; over Connect by GET. */
  idempotent(plan: Plan, settings?: CallSettings): Promise<Outcome>;
  unimplemented(plan: Plan): Promise<Outcome>;
  /** Why the call of this name was aborted at the server. */
  fate(name: string): Promise<string>;
  close(): void;
}

/** A client library speaking one dialect. */
export interface Dialect {
  readonly name: string;
  /** As the server calls it. */
  readonly protocol: "connect" | "grpc" | "grpc-web";
  readonly http: 1 | 2;
  open(url: string): Caller;
}
