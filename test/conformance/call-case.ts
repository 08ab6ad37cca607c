// One case that any client can call, and what cases are written with.

import type { Caller, Dialect } from "./caller.ts";

/** One case. */
export interface CallCase {
  readonly family: string;
  readonly name: string;
  /** Which dialects can say it; default: all. */
  over?(dialect: Dialect): boolean;
  run(caller: Caller, dialect: Dialect): Promise<void>;
}

/** Texts as data. */
export const text = (...texts: readonly string[]) => texts.map((it) => Buffer.from(it));
/** Data as texts. */
export const textsOf = (messages: readonly { data: Uint8Array }[]) =>
  messages.map(({ data }) => Buffer.from(data).toString());

/** A stream of these. */
export async function* each<T>(...items: readonly T[]): AsyncIterable<T> {
  yield* items;
}

/** Which dialects can stream both ways. */
export const bothWays = ({ http, protocol }: Dialect) => http === 2 && protocol !== "grpc-web";
