// The stage for the tests of the pretend MAX: a sandbox behind a real socket, calls of its API by
// plain fetch with every body checked against the published schema, a small polling bot, and a
// webhook that remembers what it got.

import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { MaxRules } from "../../src/sandbox/max/rules.ts";
import { assertAnswer, maxCallName } from "../support/max-schema.ts";
import { type SandboxServer, startSandboxServer } from "./chat-server.ts";

/** What the API answered. */
export interface MaxReply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** An update as it came over the wire, as far as tests read it. */
export interface WireUpdate {
  readonly update_type: string;
  readonly timestamp: number;
  readonly chat_id?: number;
  readonly payload?: string;
  readonly user?: Readonly<Record<string, unknown>>;
  readonly user_locale?: string;
  readonly callback?: {
    readonly callback_id: string;
    readonly payload: string;
    readonly timestamp: number;
    readonly user: Readonly<Record<string, unknown>> & { readonly user_id: number };
  };
  readonly message?: WireMessage | null;
}

/** A message as it came over the wire. */
export interface WireMessage {
  readonly sender: Readonly<Record<string, unknown>> & { readonly user_id: number };
  readonly recipient: {
    readonly chat_id?: number;
    readonly user_id: number;
    readonly chat_type: string;
  };
  readonly timestamp: number;
  readonly body: { readonly mid: string; readonly seq: number; readonly text: string };
}

/** A clock that tests set. */
export interface Clock {
  now: number;
}

/** A pretend MAX that can be called. */
export interface MaxServer extends SandboxServer {
  readonly clock: Clock;
  /**
   * One call, such as `max("POST", "/messages?user_id=1", {text: "hi"})`; the answer is checked
   * against the schema.
   */
  max(method: string, path: string, body?: unknown, headers?: HeadersInit): Promise<MaxReply>;
}

/**
 * Starts a pretend MAX. Unless told otherwise there is no limit of calls, and any webhook URL is
 * taken.
 */
export async function startMaxServer(rules: Partial<MaxRules> = {}): Promise<MaxServer> {
  const clock = { now: Date.now() };
  const maxRules = { rateLimits: false, webhookUrls: "any" as const, ...rules };
  const server = await startSandboxServer({ maxRules, now: () => clock.now });
  const { max } = server.sandbox;
  return {
    ...server,
    clock,
    async max(method, path, body, headers = { authorization: max.token }) {
      const response = await fetch(`${server.sandbox.maxApiRoot()}${path}`, {
        method,
        headers,
        ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
      });
      const text = await response.text();
      const reply = {
        status: response.status,
        headers: response.headers,
        text,
        body: JSON.parse(text) as MaxReply["body"],
      };
      assertAnswer(maxCallName(method, path.replace(/\?.*/, "")), reply);
      return reply;
    },
  };
}

/** The bot's updates from now on, one poll at a time. */
export interface Poller {
  /** The next updates, at least one; waits for it up to 20 s. */
  next(): Promise<readonly WireUpdate[]>;
  /** Commits what was fetched. */
  commit(): Promise<void>;
}

/** A poller that begins after everything that has happened so far. */
export async function startPoller(server: MaxServer): Promise<Poller> {
  const poll = async (query: string): Promise<readonly WireUpdate[]> => {
    const { body } = await server.max("GET", `/updates?${query}`);
    marker = body.marker as number;
    return body.updates as WireUpdate[];
  };
  let marker = 0;
  await poll("timeout=0&limit=1000");
  await poll(`timeout=0&marker=${marker}`);
  return {
    next: () => poll(`timeout=20&marker=${marker}`),
    commit: async () => {
      await poll(`timeout=0&marker=${marker}`);
    },
  };
}

/** What a webhook got with one delivery. */
export interface Delivered {
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly update: WireUpdate;
  /** The pieces in which the body came. */
  readonly pieces: number;
}

/** A webhook of the bot. */
export interface WebhookReceiver {
  readonly url: string;
  readonly deliveries: Delivered[];
  /**
   * What the next deliveries are answered: a status, or a body with 200. Without any: 200 and no
   * body.
   */
  readonly answers: (number | { readonly body: object } | "never")[];
  /** Resolves once so many deliveries have come. */
  until(count: number): Promise<void>;
  close(): Promise<void>;
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

/** Starts a webhook on a loopback port. */
export async function startWebhook(): Promise<WebhookReceiver> {
  const deliveries: Delivered[] = [];
  const answers: WebhookReceiver["answers"] = [];
  const waiting = new Set<() => void>();
  const server = createServer(async (req, res) => {
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString();
    const update = JSON.parse(text) as WireUpdate;
    deliveries.push({ headers: req.headers, text, update, pieces: chunks.length });
    for (const check of waiting) check();
    const answer = answers.shift() ?? 200;
    if (answer === "never") return;
    if (typeof answer === "number") {
      res.writeHead(answer).end();
    } else {
      res.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer.body));
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${portOf(server)}/hook`,
    deliveries,
    answers,
    until: (count) =>
      new Promise((resolve) => {
        const check = (): void => {
          if (deliveries.length < count) return;
          waiting.delete(check);
          resolve();
        };
        waiting.add(check);
        check();
      }),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** One keyboard as a bot sends it. */
export function keyboard(...rows: readonly (readonly object[])[]): readonly object[] {
  return [{ type: "inline_keyboard", payload: { buttons: rows } }];
}
