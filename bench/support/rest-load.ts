// Load over HTTP/1.1, by autocannon.

import autocannon from "autocannon";
import type { Round } from "./contest.ts";
import type { Length } from "./scenario.ts";

/** Connections, each with one request under way at a time. */
export const REST_CONNECTIONS = 64;

/** What is asked of the server. */
export interface RestLoad {
  readonly url: string;
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly apiKey: string;
  /** The body of the next request; absent = none has one. */
  readonly nextBody?: () => string;
  readonly length: Length;
}

/** Calls a second. Rejects unless every answer was a 2xx. */
export async function restLoad(load: RestLoad): Promise<Round> {
  const startedAt = performance.now();
  // Its own duration ends at a whole second.
  let endedAt = startedAt;
  const result = await new Promise<autocannon.Result>((resolve, reject) => {
    const done = (error: unknown, found: autocannon.Result) =>
      error ? reject(error) : resolve(found);
    const instance = autocannon(optionsOf(load), done);
    instance.on("response", () => {
      endedAt = performance.now();
    });
  });
  const { non2xx, errors, timeouts } = result;
  if (non2xx + errors + timeouts > 0) {
    throw new Error(`${load.path}: ${non2xx} refusals, ${errors} errors, ${timeouts} timeouts`);
  }
  const loadMs = endedAt - startedAt;
  return { figure: (result["2xx"] * 1000) / loadMs, loadMs };
}

function optionsOf({ url, method, path, apiKey, nextBody, length }: RestLoad): autocannon.Options {
  const headers = {
    authorization: `Bearer ${apiKey}`,
    ...(nextBody && { "content-type": "application/json" }),
  };
  return {
    url,
    connections: REST_CONNECTIONS,
    ...("calls" in length ? { amount: length.calls } : { duration: length.seconds }),
    requests: [
      {
        method,
        path,
        headers,
        ...(nextBody && {
          setupRequest: (request) => ({ ...request, body: nextBody() }),
        }),
      },
    ],
  };
}
