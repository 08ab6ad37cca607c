// A REST client of plain fetch that sends exactly what section 1 of the contract shows.

import {
  CallError,
  type CallOptions,
  type ContractClient,
  createdSessionFrom,
  type Fields,
  linksFrom,
  profileFrom,
  statusFrom,
  watchMessageFrom,
} from "./contract-client.ts";
import { readEvents } from "./event-stream.ts";
import { keepHttpAnswer } from "./leaks.ts";
import { answerProblems, operationFor, schemaProblems } from "./openapi.ts";

/** One request to the REST form. */
export interface RestCall extends CallOptions {
  readonly method?: string;
  /** Sent as JSON. */
  readonly body?: unknown;
}

/**
 * Sends one request; the answer may be an error. `bearer` defaults to none. Rejects when the answer
 * is not what the OpenAPI document says.
 */
export async function restFetch(url: string, call: RestCall = {}): Promise<Response> {
  const headers = new Headers(call.headers);
  if (call.bearer) headers.set("authorization", `Bearer ${call.bearer}`);
  if (call.body !== undefined && !headers.has("content-type")) {
    headers.set("content-type", "application/json");
  }
  const response = await fetch(url, {
    method: call.method ?? "GET",
    headers,
    redirect: "manual",
    ...(call.signal && { signal: call.signal }),
    ...(call.body !== undefined && { body: JSON.stringify(call.body) }),
  });
  await keep(call.method ?? "GET", response);
  call.onHeaders?.(response.headers);
  await checkAnswer(call.method ?? "GET", url, response);
  return response;
}

/** A stream is left to its reader. */
async function keep(method: string, response: Response): Promise<void> {
  const { url, status, headers } = response;
  const isWhole = headers.get("content-type") === "application/json";
  const text = isWhole ? await response.clone().text() : "";
  keepHttpAnswer({ call: `${method} ${new URL(url).pathname}`, status, headers, text });
}

/** Every answer in every test is held against the document; streams are by who reads them. */
async function checkAnswer(method: string, url: string, response: Response): Promise<void> {
  const documented = operationFor(method, new URL(url).pathname);
  if (documented === undefined) return;
  const { status, headers } = response;
  const isJson = headers.get("content-type")?.startsWith("application/json");
  const body = isJson && method !== "HEAD" ? await response.clone().json() : undefined;
  const problems = answerProblems(documented, { status, headers, body });
  if (problems.length > 0) throw new Error(`not as documented:\n${problems.join("\n")}`);
}

/** Throws unless the data of an event is what the document says of it. */
function checkEvent(event: string, data: unknown): void {
  const name = event === "error" ? "Error" : "WatchSessionResponse";
  const problems = schemaProblems({ $ref: `#/components/schemas/${name}` }, data);
  if (problems.length > 0) throw new Error(`not as documented:\n${problems.join("\n")}`);
}

/** Makes a client that speaks JSON REST, and server-sent events for watching. */
export function connectRest(url: string, bearer: string | null): ContractClient {
  const send = async (path: string, call: RestCall) =>
    okOrThrow(await restFetch(`${url}/v1/auth/${path}`, { bearer, ...call }));
  const read = async (path: string, call: RestCall) =>
    camelCased((await (await send(path, call)).json()) as Fields);
  return {
    dialect: "REST",
    getLink: async (options) => linksFrom(await read("link", { ...options })),
    async createSession(input = {}, options) {
      const body = snakeCased({
        ...input,
        ...(input.client && { client: snakeCased(input.client) }),
      });
      return createdSessionFrom(await read("session", { ...options, method: "POST", body }));
    },
    getSessionStatus: async (sessionId, options) =>
      statusFrom(await read(`session/${sessionId}/status`, { ...options })),
    async *watchSession(sessionId, { afterSequence, ...options } = {}) {
      const resume = afterSequence === undefined ? {} : { "last-event-id": String(afterSequence) };
      const headers = { accept: "text/event-stream", ...resume, ...options.headers };
      const { body } = await send(`session/${sessionId}/watch`, { ...options, headers });
      for await (const entry of readEvents(body)) {
        if (entry.kind === "comment") continue;
        if (entry.event === "end") return;
        const fields = JSON.parse(entry.data) as Fields;
        checkEvent(entry.event, fields);
        if (entry.event === "error") throw toCallError(fields, 200, new Headers());
        yield watchMessageFrom(camelCased(fields));
      }
      throw new Error("the event stream broke off without `event: end`");
    },
    cancelSession: async (sessionId, options) =>
      statusFrom(await read(`session/${sessionId}`, { ...options, method: "DELETE" })),
    async verifyCode(input, options) {
      const body = snakeCased(input);
      return profileFrom(await read("verify", { ...options, method: "POST", body }));
    },
    close() {},
  };
}

async function okOrThrow(response: Response): Promise<Response> {
  if (response.ok) return response;
  throw toCallError((await response.json()) as Fields, response.status, response.headers);
}

function toCallError(envelope: Fields, code: number, headers: Headers): CallError {
  const { error, code: reason, violations = [], request_id: requestId } = envelope;
  return new CallError(String(error), {
    reason: String(reason),
    code,
    violations: violations as CallError["violations"],
    headers,
    requestId: String(requestId),
  });
}

function camelCased(fields: Fields): Fields {
  return renamed(fields, (name) => name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase()));
}

function snakeCased(fields: object): Fields {
  return renamed(fields, (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`));
}

function renamed(fields: object, rename: (name: string) => string): Fields {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [rename(name), value]));
}
