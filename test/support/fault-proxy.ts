// An HTTP proxy for tests that stands before a messenger's API, remembers every call, and
// misbehaves on demand: answers instead of the server, drops the socket before or after the server
// did the work, is slow, hangs, tears characters apart, is down.

import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** Between the two pieces of a torn answer, in milliseconds: they must not travel together. */
const TORN_PAUSE_MS = 30;

/** One way to misbehave. */
export type Fault =
  /** Answers itself; the server never sees the call. */
  | {
      readonly kind: "answer";
      readonly status: number;
      readonly body: unknown;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /**
   * Closes the socket; `after` lets the server do its work first, so that only the answer is lost.
   */
  | { readonly kind: "drop"; readonly after?: boolean }
  /** Passes the call on after so many milliseconds. */
  | { readonly kind: "slow"; readonly ms: number }
  /** Never answers; `after` lets the server do its work first. */
  | { readonly kind: "hang"; readonly after?: boolean }
  /**
   * Passes an answer that holds a character of several bytes on in two pieces, torn inside the
   * first such one.
   */
  | { readonly kind: "torn" };

/** One call that came in. */
export interface ProxiedCall {
  /** The API's method: the last part of the path, or what `nameOf` makes of the call. */
  readonly method: string;
  readonly query: Readonly<Record<string, string>>;
  readonly body: Readonly<Record<string, unknown>>;
  /** True once the caller left before it had an answer. */
  readonly left: boolean;
  /** True once it was answered. */
  readonly answered: boolean;
  /** What the server answered; null when it was not asked or has not answered. */
  readonly answer: { readonly status: number; readonly body: unknown } | null;
}

/** A running proxy. */
export interface FaultProxy {
  /** Base URL, without a slash at the end. */
  readonly url: string;
  /** Every call so far, oldest first. */
  readonly calls: readonly ProxiedCall[];
  /** The calls of one method. */
  callsOf(method: string): readonly ProxiedCall[];
  /** The next `times` calls of the method (default 1) go wrong in this way. */
  fail(method: string, fault: Fault, times?: number): void;
  /** Every call is dropped while it is down, also one that is under way when it goes down. */
  setDown(down: boolean): void;
  /**
   * Resolves as soon as the calls fulfil the condition: checked at every call, answer and leaving.
   */
  until(condition: (proxy: FaultProxy) => boolean): Promise<void>;
  close(): Promise<void>;
}

/** Names a call by its HTTP method and its path, which begins where the proxy's own URL ends. */
export type NameOf = (httpMethod: string, path: string) => string;

const lastPart: NameOf = (_, path) => path.split("/").at(-1) ?? "";

type Entry = { -readonly [Key in keyof ProxiedCall]: ProxiedCall[Key] };

class RunningProxy implements FaultProxy {
  readonly calls: Entry[] = [];
  readonly #faults = new Map<string, Fault[]>();
  readonly #upstream: URL;
  readonly #nameOf: NameOf;
  readonly #server = http.createServer((req, res) => void this.#serve(req, res));
  readonly #open = new Set<http.ServerResponse>();
  #waiting: (() => void)[] = [];
  #down = false;

  constructor(upstream: string, nameOf: NameOf) {
    this.#upstream = new URL(upstream);
    this.#nameOf = nameOf;
  }

  async listen(): Promise<void> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  callsOf(method: string): readonly ProxiedCall[] {
    return this.calls.filter((call) => call.method === method);
  }

  fail(method: string, fault: Fault, times = 1): void {
    const faults = this.#faults.get(method) ?? [];
    this.#faults.set(method, [...faults, ...Array<Fault>(times).fill(fault)]);
  }

  setDown(down: boolean): void {
    this.#down = down;
    if (down) for (const res of this.#open) res.destroy();
  }

  async until(condition: (proxy: FaultProxy) => boolean): Promise<void> {
    while (!condition(this)) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  async close(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }

  #changed(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  async #serve(req: http.IncomingMessage, res: http.ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of req) chunks.push(chunk as Buffer);
    } catch {
      return;
    }
    const body = Buffer.concat(chunks);
    const url = new URL(req.url ?? "/", "http://proxy");
    const entry: Entry = {
      method: this.#nameOf(req.method ?? "", url.pathname),
      query: Object.fromEntries(url.searchParams),
      body: readJson(body),
      left: false,
      answered: false,
      answer: null,
    };
    this.#open.add(res);
    res.on("close", () => {
      this.#open.delete(res);
      entry.left = !res.writableFinished;
      entry.answered = res.writableFinished;
      this.#changed();
    });
    this.calls.push(entry);
    this.#changed();
    const fault = this.#down
      ? ({ kind: "drop" } as const)
      : this.#faults.get(entry.method)?.shift();
    await this.#answer({ req, res, body, entry }, fault);
  }

  async #answer(exchange: Exchange, fault: Fault | undefined): Promise<void> {
    const { res } = exchange;
    if (fault?.kind === "answer") {
      res.writeHead(fault.status, { "content-type": "application/json", ...fault.headers });
      res.end(typeof fault.body === "string" ? fault.body : JSON.stringify(fault.body));
      return;
    }
    if (fault?.kind === "drop" && fault.after !== true) {
      res.destroy();
      return;
    }
    if (fault?.kind === "hang" && fault.after !== true) return;
    if (fault?.kind === "slow") await sleep(fault.ms);
    this.#forward(exchange, fault?.kind ?? null);
  }

  #forward({ req, res, body, entry }: Exchange, fault: Fault["kind"] | null): void {
    const target = new URL(
      `${this.#upstream.pathname.replace(/\/$/, "")}${req.url}`,
      this.#upstream,
    );
    const outgoing = http.request(
      target,
      { method: req.method, headers: req.headers },
      (answer) => {
        keep(answer, entry);
        // Whoever calls has gone meanwhile, or the server has.
        answer.on("error", () => res.destroy());
        if (fault === "drop") {
          answer.resume().on("end", () => res.destroy());
          return;
        }
        if (fault === "hang") {
          answer.resume();
          return;
        }
        res.writeHead(answer.statusCode ?? 502, answer.headers);
        if (fault === "torn") passTorn(answer, res).catch(() => res.destroy());
        else answer.pipe(res);
      },
    );
    outgoing.on("error", () => res.destroy());
    res.on("close", () => outgoing.destroy());
    outgoing.end(body);
  }
}

interface Exchange {
  readonly req: http.IncomingMessage;
  readonly res: http.ServerResponse;
  readonly body: Buffer;
  readonly entry: Entry;
}

function keep(answer: http.IncomingMessage, entry: Entry): void {
  const chunks: Buffer[] = [];
  answer.on("data", (chunk: Buffer) => chunks.push(chunk));
  answer.on("end", () => {
    entry.answer = { status: answer.statusCode ?? 0, body: readJson(Buffer.concat(chunks)) };
  });
}

async function passTorn(answer: http.IncomingMessage, res: http.ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  const at = body.findIndex((byte) => byte > 0x7f) + 1;
  res.write(body.subarray(0, at));
  await sleep(TORN_PAUSE_MS);
  res.end(body.subarray(at));
}

function readJson(body: Buffer): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(body.toString("utf8")) as Readonly<Record<string, unknown>>;
  } catch {
    return {};
  }
}

/** Starts a proxy before `upstream`, a base URL without a slash at the end. */
export async function startFaultProxy(
  upstream: string,
  nameOf: NameOf = lastPart,
): Promise<FaultProxy> {
  const proxy = new RunningProxy(upstream, nameOf);
  await proxy.listen();
  return proxy;
}
