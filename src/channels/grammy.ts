// The one place that loads grammY. Its web build is used: it takes the `fetch` it is given, and
// under Deno it needs no `--allow-env`, as the Node build does. Nothing else may import it, save
// for types.

import type * as Grammy from "grammy/web";
import type { OnCall } from "./call-report.ts";

// While it loads, grammY's copy of `debug` reads `localStorage`, at which Node prints an
// ExperimentalWarning unless it was started with --localstorage-file. So there is none for that
// moment.
async function loadWithoutLocalStorage(): Promise<typeof Grammy> {
  const storage = Object.getOwnPropertyDescriptor(globalThis, "localStorage");
  if (storage?.configurable !== true) return await import("grammy/web");
  Object.defineProperty(globalThis, "localStorage", { configurable: true, value: undefined });
  try {
    return await import("grammy/web");
  } finally {
    Object.defineProperty(globalThis, "localStorage", storage);
  }
}

const grammy = await loadWithoutLocalStorage();

/** Makes a client of the Telegram Bot API. Throws when `apiRoot` ends with a slash. */
export function createApi(
  token: string,
  { onCall, ...options }: Grammy.ApiClientOptions & { readonly onCall?: OnCall },
): Grammy.Api {
  const api = new grammy.Api(token, options);
  if (onCall === undefined) return api;
  api.config.use(async (call, method, payload, signal) => {
    const startedAt = performance.now();
    let outcome: Parameters<OnCall>[1] = "unreached";
    try {
      const answer = await call(method, payload, signal);
      outcome = answer.ok ? "ok" : "refused";
      return answer;
    } finally {
      onCall(method, outcome, performance.now() - startedAt);
    }
  });
  return api;
}

/** The Bot API said no: it answered, with an error. */
export function isRefusal(error: unknown): error is Grammy.GrammyError {
  return error instanceof grammy.GrammyError;
}

/** The Bot API was never reached, or its answer could not be read. */
export function isUnreached(error: unknown): error is Grammy.HttpError {
  return error instanceof grammy.HttpError;
}

/** As the client's own error for a call that did not get through. */
export function unreached(why: string): Grammy.HttpError {
  return new grammy.HttpError(`The call was not made: ${why}.`, null);
}

/**
 * A `fetch` as grammY's types want it: they name that of a polyfill, though the web build takes the
 * web's.
 */
export type ApiFetch = NonNullable<Grammy.ApiClientOptions["fetch"]>;

/**
 * A signal as grammY's types want it: they name that of a polyfill, though the web build takes any.
 */
export function apiSignal(signal: AbortSignal): ApiSignal {
  return signal as unknown as ApiSignal;
}

type ApiSignal = NonNullable<Parameters<Grammy.Api["getMe"]>[0]>;
