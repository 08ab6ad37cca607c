// The trace that a caller's request belongs to (W3C Trace Context,
// https://www.w3.org/TR/trace-context/), known to whatever is done for it without being handed
// down: the one ambient value there is.

import { AsyncLocalStorage } from "node:async_hooks";

/** A trace, as a caller told it. */
export interface Trace {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** Two hexadecimal digits. */
  readonly flags: string;
  /** `tracestate` as it came; null = none. */
  readonly state: string | null;
}

/** Longest `tracestate` that is passed on, in characters: as many as must be (section 3.3.1.5). */
const MAX_STATE_LENGTH = 512;

const current = new AsyncLocalStorage<Trace | null>();

/** The trace of a request; null when it has none, or no valid one. */
export function readTrace(headers: { get(name: string): string | null }): Trace | null {
  const parent = headers.get("traceparent");
  if (parent === null) return null;
  const [, traceId, flags] =
    /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})/.exec(parent) ??
    [];
  if (traceId === undefined || flags === undefined) return null;
  const state = headers.get("tracestate");
  const isPassedOn = state !== null && /^[ -~]*$/.test(state) && state.length <= MAX_STATE_LENGTH;
  return { traceId, flags, state: isPassedOn ? state : null };
}

/** Does the work as part of the trace; null = of none, as what outlives a request must. */
export function inTrace<T>(trace: Trace | null, work: () => T): T {
  // Nearly every request is of none and arrives in none.
  return (current.getStore() ?? null) === trace ? work() : current.run(trace, work);
}

/**
 * The headers that make another service's work part of the trace, as a child; none outside of one.
 */
export function traceHeaders(): readonly (readonly [name: string, value: string])[] {
  const trace = current.getStore() ?? null;
  if (trace === null) return [];
  const spanId = Buffer.from(crypto.getRandomValues(new Uint8Array(8))).toString("hex");
  const parent = ["traceparent", `00-${trace.traceId}-${spanId}-${trace.flags}`] as const;
  return trace.state === null ? [parent] : [parent, ["tracestate", trace.state]];
}
