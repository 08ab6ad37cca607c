// The `fetch` for the many small calls of a bot. Node's own makes streams of the web for every
// call, which cost more than all else about a login; its `node:http` does the same call for a
// third. Deno's own is native.

import http from "node:http";
import https from "node:https";
import type { Fetch } from "./runtime-fetch.ts";

interface LightCall {
  readonly method?: string;
  readonly headers?: HeadersInit;
  readonly body?: string;
  readonly signal?: AbortSignal;
}

type LightAnswer = Pick<Response, "json">;

/**
 * The cheapest of this runtime, for texts as bodies and JSON as answers: of an answer it has only
 * `json()`, for which grammY asks. Proxies and certificates are those of the runtime's `fetch`.
 */
export const lightFetch = ("Deno" in globalThis ? fetch : callByHttp) as Fetch;

// What `fetch` says of itself; some servers turn away who says nothing.
const COURTESY = { accept: "*/*", "user-agent": "node" };

function callByHttp(given: string, call: LightCall = {}): Promise<LightAnswer> {
  return new Promise((resolve, reject) => {
    const url = new URL(given);
    const { method = "GET", body = "", signal } = call;
    const headers = {
      ...COURTESY,
      ...Object.fromEntries(new Headers(call.headers)),
      ...(method === "GET" ? {} : { "content-length": Buffer.byteLength(body) }),
    };
    const options = { method, headers, ...(signal === undefined ? {} : { signal }) };
    // The agent of all, which keeps connections and knows the proxies of the environment.
    const request = (url.protocol === "https:" ? https : http).request(url, options, (answer) => {
      if (isRedirect(answer)) {
        answer.resume();
        // Whoever redirects has done nothing yet.
        return resolve(fetch(url, call));
      }
      let text = "";
      answer.setEncoding("utf8");
      answer.on("data", (piece: string) => {
        text += piece;
      });
      answer.on("error", reject);
      answer.once("end", () => resolve({ json: async () => JSON.parse(text) }));
    });
    request.on("error", reject);
    request.end(body);
  });
}

function isRedirect({ statusCode = 0, headers }: http.IncomingMessage): boolean {
  return statusCode >= 300 && statusCode < 400 && headers.location !== undefined;
}
