// The deadline an RPC's caller asks for, as text in a header: gRPC's `grpc-timeout`, Connect's
// `connect-timeout-ms`.

import { TapinError } from "../errors.ts";
import type { Dialect } from "./call.ts";
import { headerOf, type Request } from "./exchange.ts";

/** Longest deadline a caller may ask for, in milliseconds; a longer one is clamped to it. */
export const MAX_TIMEOUT_MS = 60 * 60 * 1000;

/** Units of `grpc-timeout` (gRPC over HTTP/2, "Timeout"). */
const UNIT_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};

/** A header that names a deadline. */
export interface TimeoutHeader {
  readonly header: string;
  readonly form: RegExp;
  readonly rule: string;
  /** {@link MAX_TIMEOUT_MS} in its form. */
  readonly longest: string;
}

/** The header of gRPC and gRPC-Web. */
export const GRPC_TIMEOUT: TimeoutHeader = {
  header: "grpc-timeout",
  form: /^(\d{1,8})([HMSmun])$/,
  rule: "must be 1-8 digits and one of H, M, S, m, u, n",
  longest: `${MAX_TIMEOUT_MS}m`,
};

/** The header of Connect. */
export const CONNECT_TIMEOUT: TimeoutHeader = {
  header: "connect-timeout-ms",
  form: /^(\d{1,10})$/,
  rule: "must be 1-10 digits",
  longest: String(MAX_TIMEOUT_MS),
};

/**
 * A timeout above 2^31-1 ms would be taken for 1 ms by the timer behind it, so it is cut down here.
 */
export function clampTimeout(req: Request): void {
  for (const timeout of [GRPC_TIMEOUT, CONNECT_TIMEOUT]) {
    const { header, longest } = timeout;
    const ms = parseTimeout(timeout, headerOf(req, header) ?? undefined);
    if (ms === MAX_TIMEOUT_MS) req.headers[header] = longest;
  }
}

/**
 * The deadline a caller asks for in a header with this value, in milliseconds and clamped; null
 * when it names none, undefined when it cannot be read.
 */
export function parseTimeout(
  { form }: TimeoutHeader,
  text: string | undefined,
): number | null | undefined {
  if (text === undefined) return null;
  const [, amount, unit = "m"] = form.exec(text) ?? [];
  if (amount === undefined) return undefined;
  return Math.min(Number(amount) * (UNIT_MS[unit] ?? 1), MAX_TIMEOUT_MS);
}

/** Fails with `validation_failed` when the caller's deadline cannot be read. */
export function checkTimeout(
  dialect: Dialect,
  headers: { get(name: string): string | null },
): void {
  const { header, form, rule } = dialect === "connect" ? CONNECT_TIMEOUT : GRPC_TIMEOUT;
  const text = headers.get(header);
  if (text === null || form.test(text)) return;
  throw new TapinError("VALIDATION_FAILED", { violations: [{ field: header, message: rule }] });
}
