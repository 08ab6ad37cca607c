// Load over HTTP/1.1: by h2load where every request is the same, for that takes half of what
// autocannon takes for a request, which is as much as the servers themselves; by autocannon where
// each differs, and where there is no h2load.

import autocannon from "autocannon";
import type { Round } from "./contest.ts";
import { h2loadMissing, sendSame } from "./h2load.ts";
import type { Length } from "./scenario.ts";

/** Connections, each with one request under way at a time. */
export const REST_CONNECTIONS = 64;

/** What is asked of the server. */
export interface RestLoad {
  readonly url: string;
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly apiKey: string;
  /** The body of every request, or of the next one; absent = none has one. */
  readonly body?: string;
  readonly nextBody?: () => string;
  readonly length: Length;
}

/** Calls a second. Rejects unless every answer was a 2xx. */
export async function restLoad(load: RestLoad): Promise<Round> {
  const isSame = load.nextBody === undefined;
  return isSame && h2loadMissing(false) === null ? await byH2load(load) : await byAutocannon(load);
}

async function byH2load({ url, path, apiKey, body, length }: RestLoad): Promise<Round> {
  const { perSecond, loadMs } = await sendSame({
    url: url + path,
    headers: [
      `authorization: Bearer ${apiKey}`,
      ...(body === undefined ? [] : ["content-type: application/json"]),
    ],
    body: body === undefined ? null : Buffer.from(body),
    http: "1.1",
    connections: REST_CONNECTIONS,
    streams: 1,
    length,
    place: "load",
  });
  return { figure: perSecond, loadMs };
}

async function byAutocannon(load: RestLoad): Promise<Round> {
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

function optionsOf(load: RestLoad): autocannon.Options {
  const { url, method, path, apiKey, body, nextBody, length } = load;
  const hasBody = (body ?? nextBody) !== undefined;
  const headers = {
    authorization: `Bearer ${apiKey}`,
    ...(hasBody && { "content-type": "application/json" }),
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
        ...(body !== undefined && { body }),
        ...(nextBody && {
          setupRequest: (request) => ({ ...request, body: nextBody() }),
        }),
      },
    ],
  };
}
