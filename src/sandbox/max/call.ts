// One call of the MAX API, as its methods see it, and reading what stands in the query.

import type { BotCall } from "../reactions.ts";
import { badRequest } from "./api-error.ts";
import type { MaxPerson } from "./person.ts";
import type { MaxState } from "./state.ts";

/** One call. */
export interface MaxCall {
  readonly state: MaxState;
  readonly query: URLSearchParams;
  /** What stands in the path in place of `{...}`; "" when nothing does. */
  readonly pathId: string;
  /** The JSON body; undefined when there is none. */
  readonly body: unknown;
  /** Aborted when the bot leaves. */
  readonly signal: AbortSignal;
  /** Notes that the call is a reaction to what this person did; told once the call is over. */
  readonly concerns: (person: MaxPerson, ...calls: readonly BotCall[]) => void;
}

/**
 * A whole number in the query; undefined when it is absent or empty. Throws 400 for anything else.
 */
export function readInteger(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name) ?? "";
  if (text === "") return undefined;
  const value = Number(text);
  if (!/^-?\d{1,16}$/.test(text) || !Number.isSafeInteger(value)) {
    throw badRequest(`${name}: int64 expected`);
  }
  return value;
}

/** A whole number between bounds; `fallback` when it is absent. Throws 400 outside of them. */
export function readBounded(
  query: URLSearchParams,
  name: string,
  { fallback, min, max }: { fallback: number; min: number; max: number },
): number {
  const value = readInteger(query, name) ?? fallback;
  if (value < min || value > max) throw badRequest(`${name}: from ${min} to ${max} expected`);
  return value;
}

/** A text in the query. Throws 400 when it is absent or blank. */
export function readRequired(query: URLSearchParams, name: string): string {
  const text = query.get(name) ?? "";
  if (text.trim() === "") throw badRequest(`${name}: required`);
  return text;
}
