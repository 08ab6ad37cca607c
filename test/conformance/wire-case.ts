// One case that no client library would send, and what such cases are written with.

import { expect } from "vitest";
import type { Answer } from "../server/raw-http.ts";
import type { WireRequest } from "./wire.ts";

/** One request and the code it must be answered with. */
export interface WireCase {
  readonly family: string;
  readonly name: string;
  readonly http: 1 | 2;
  readonly request: WireRequest;
  /** As `codeOf` says it. */
  readonly code: string;
  /** Looks at the rest of the answer. */
  check?(answer: Answer): void;
}

/** A case before it is spread over HTTP versions. */
export type Row = readonly [
  name: string,
  request: WireRequest,
  code: string,
  check?: WireCase["check"],
];

/** Cases over both HTTP versions; gRPC over HTTP/2 only, where its trailers are. */
export function table(family: string, rows: readonly Row[]): readonly WireCase[] {
  return rows.flatMap(([name, request, code, check]) => {
    const isGrpc = /^application\/grpc(\+|;|$)/i.test(request.type ?? "");
    return ([1, 2] as const)
      .filter((http) => http === 2 || !isGrpc)
      .map((http) => ({ family, name, http, request, code, ...(check ? { check } : {}) }));
  });
}

/** A plan that is answered with `one`. */
export const one = { data: [Buffer.from("one")] };

/** The answer has `one` in it. */
export function hasOne({ text }: Answer): void {
  expect(text).toContain(Buffer.from("one").toString("base64"));
}

/** The answer allows these methods. */
export function allows(methods: string) {
  return ({ headers }: Answer) => expect(headers.allow).toBe(methods);
}

/** The answer says what may be sent. */
export function hasAcceptPost({ headers }: Answer): void {
  expect(headers["accept-post"]).toContain("application/grpc");
}

/** The answer is not compressed. */
export function isPlain({ headers }: Answer): void {
  expect(headers["content-encoding"]).toBeUndefined();
}
