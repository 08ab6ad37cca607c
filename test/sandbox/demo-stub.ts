// A stand-in for Tapin's API with the demo site beside it, on one real socket: the REST calls the
// site's server side makes, and the RPCs its page makes through connect-web. It keeps the
// contract's rules the demo depends on, and nothing else. Also a browser without a screen, for the
// tests of the server side.

import { createHash } from "node:crypto";
import { EventEmitter, once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Code, ConnectError, type ConnectRouter, type HandlerContext } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { AuthService, SessionStatus } from "#gen/tapin/auth/v1/auth_pb.ts";
import { createDemo } from "../../src/sandbox/demo/demo.ts";

const apiKey = `tapin_live_${"k".repeat(32)}`;

/** A session as the stub keeps it. */
export interface StubSession {
  readonly id: string;
  readonly state: string;
  readonly code: string;
  readonly watchToken: string;
  readonly request: Readonly<Record<string, unknown>>;
  status: SessionStatus;
  opened: boolean;
  sequence: number;
  used: boolean;
}

/** The stub, its switches, and what it saw. */
export interface Stub {
  readonly url: string;
  readonly apiKey: string;
  readonly sessions: StubSession[];
  /** Paths of the RPCs that came, in order. */
  readonly rpcs: string[];
  /** Bodies of the verify calls that came, in order. */
  readonly verifies: Readonly<Record<string, unknown>>[];
  /** Failures the demo reported. */
  readonly failures: unknown[];
  /** What to change in the answers. */
  readonly settings: {
    links: { telegram: boolean; max: boolean };
    isStreamBroken: boolean;
    /** REST answers this error instead. */
    restError: { status: number; code: string } | undefined;
    /** REST never answers. */
    isHanging: boolean;
    expiresIn: number;
    profile: Readonly<Record<string, unknown>>;
  };
  /** Resolves with the session the demo starts next. */
  nextSession(): Promise<StubSession>;
  /** Changes a session and wakes its watchers. */
  change(session: StubSession, change: Partial<StubSession>): void;
  /** Cuts every connection there is; new ones are accepted. */
  dropConnections(): void;
  stop(): Promise<void>;
}

/**
 * Starts the stub and the demo site on a free port of 127.0.0.1. The site believes that browsers
 * reach it at `publicUrl`, by default where it is.
 */
export async function startStub(publicUrl?: string): Promise<Stub> {
  const events = new EventEmitter();
  const stub = {
    url: "",
    apiKey,
    sessions: [] as StubSession[],
    rpcs: [] as string[],
    verifies: [] as Readonly<Record<string, unknown>>[],
    failures: [] as unknown[],
    settings: {
      links: { telegram: true, max: false },
      isStreamBroken: false,
      restError: undefined as { status: number; code: string } | undefined,
      isHanging: false,
      expiresIn: 300,
      profile: {} as Readonly<Record<string, unknown>>,
    },
    async nextSession() {
      const [session] = await once(events, "created");
      return session as StubSession;
    },
    change(session: StubSession, change: Partial<StubSession>) {
      Object.assign(session, change, { sequence: session.sequence + 1 });
      events.emit(session.id);
    },
  };
  const demo = createDemo({
    apiUrl: () => stub.url,
    publicUrl: () => publicUrl ?? stub.url,
    apiKey,
    onError: (error) => stub.failures.push(error),
  });
  const rpc = connectNodeAdapter({ routes: (router) => addRoutes(router, stub, events) });
  const server = createServer((request, response) => {
    const path = request.url ?? "";
    if (/^\/demo(?:[/?]|$)/.test(path)) return void demo.handle(request, response);
    if (path.startsWith("/v1/")) return void answerRest(stub, events, { request, response });
    stub.rpcs.push(path);
    return rpc(request, response);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  stub.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    ...stub,
    url: stub.url,
    dropConnections: () => server.closeAllConnections(),
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

type StubCore = Omit<Stub, "stop" | "dropConnections">;

function addRoutes(router: ConnectRouter, stub: StubCore, events: EventEmitter): void {
  function find(id: string, context: HandlerContext): StubSession {
    const session = stub.sessions.find((candidate) => candidate.id === id);
    const credential = context.requestHeader.get("authorization");
    if (!session || credential !== `Bearer ${session.watchToken}`) {
      throw new ConnectError("not found", Code.NotFound);
    }
    return session;
  }
  function codeOf(session: StubSession): { code?: string } {
    return session.status === SessionStatus.COMPLETED ? { code: session.code } : {};
  }
  router.service(AuthService, {
    async *watchSession(request, context) {
      if (stub.settings.isStreamBroken) throw new ConnectError("broken", Code.Unavailable);
      const session = find(request.sessionId, context);
      for (;;) {
        const { status, opened, sequence } = session;
        const changed = once(events, session.id, { signal: context.signal });
        changed.catch(() => undefined);
        if (sequence > request.afterSequence || request.afterSequence === 0) {
          yield { status, opened, sequence, ...codeOf(session) };
        }
        if (status !== SessionStatus.PENDING) return;
        await changed;
      }
    },
    getSessionStatus(request, context) {
      const session = find(request.sessionId, context);
      return { status: session.status, ...codeOf(session) };
    },
    cancelSession(request, context) {
      const session = find(request.sessionId, context);
      if (session.status === SessionStatus.PENDING) {
        stub.change(session, { status: SessionStatus.CANCELLED });
      }
      return { status: session.status };
    },
  });
}

async function answerRest(
  stub: StubCore,
  events: EventEmitter,
  { request, response }: { readonly request: IncomingMessage; readonly response: ServerResponse },
): Promise<void> {
  if (stub.settings.isHanging) return;
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = JSON.parse(Buffer.concat(chunks).toString() || "{}");
  const [status, answer] = restAnswer(stub, request, body);
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(answer));
  const created = stub.sessions.at(-1);
  if (request.url === "/v1/auth/session" && status === 200) events.emit("created", created);
}

function restAnswer(
  stub: StubCore,
  request: IncomingMessage,
  body: Readonly<Record<string, unknown>>,
): [number, unknown] {
  const { restError } = stub.settings;
  if (restError) return [restError.status, { error: "No.", code: restError.code }];
  if (request.headers.authorization !== `Bearer ${apiKey}`) return [401, { code: "unauthorized" }];
  switch (`${request.method} ${request.url}`) {
    case "GET /v1/auth/link":
      return [200, { ...linksFor(stub, "auth_demo"), configured: true }];
    case "POST /v1/auth/session":
      return [200, createSession(stub, body)];
    case "POST /v1/auth/verify":
      return verify(stub, body);
    default:
      return [404, { code: "not_found" }];
  }
}

function linksFor(stub: StubCore, payload: string): Readonly<Record<string, string | null>> {
  const { telegram, max } = stub.settings.links;
  return {
    telegram_link: telegram ? `https://t.me/DemoBot?start=${payload}` : null,
    max_link: max ? `https://max.ru/DemoBot?start=${payload}` : null,
  };
}

function createSession(stub: StubCore, body: Readonly<Record<string, unknown>>): unknown {
  const id = `S${String(stub.sessions.length + 1).padStart(15, "0")}`;
  const watchToken = `tapin_watch_${id.padEnd(32, "w")}`;
  const initial = { status: SessionStatus.PENDING, opened: false, sequence: 1, used: false };
  const session = { id, watchToken, state: String(body.state), code: `code-${id}`, request: body };
  stub.sessions.push({ ...session, ...initial });
  return {
    session_id: id,
    ...linksFor(stub, `auths_${id}`),
    expires_in: stub.settings.expiresIn,
    interval: 1,
    watch_token: watchToken,
    ...(body.match_code ? { match_code: "42" } : {}),
  };
}

function verify(stub: StubCore, body: Readonly<Record<string, unknown>>): [number, unknown] {
  stub.verifies.push(body);
  const session = stub.sessions.find((candidate) => candidate.code === body.code);
  const challenge = createHash("sha256").update(String(body.code_verifier)).digest("base64url");
  if (!session || session.used || challenge !== session.request.code_challenge) {
    return [400, { error: "The code is not valid.", code: "code_invalid" }];
  }
  session.used = true;
  const profile = {
    channel: "telegram",
    first_name: "Anna",
    username: "anna_k",
    avatar_url: null,
    subscriber_id: "0199f3c2-7d1e-7c3a-9a42-5d0f6f0e8b11",
    lang: "en",
    tags: [],
    state: session.state,
  };
  return [200, { ...profile, ...stub.settings.profile }];
}

type HeaderMap = Readonly<Record<string, string>>;

/**
 * A browser as far as the site's server can tell: it keeps one cookie and says where its requests
 * come from.
 */
export function createBrowser(stub: Stub) {
  let cookie = "";
  async function send(path: string, init: RequestInit, headers: HeaderMap): Promise<Response> {
    const all = cookie ? { cookie, ...headers } : headers;
    const response = await fetch(stub.url + path, { ...init, headers: all, redirect: "manual" });
    const set = response.headers.get("set-cookie");
    if (set) cookie = set.split(";")[0] ?? "";
    return response;
  }
  return {
    cookie: () => cookie,
    get: (path: string, headers: HeaderMap = {}) => send(path, {}, headers),
    post: (path: string, body: unknown, headers: HeaderMap = {}) =>
      send(
        path,
        { method: "POST", body: typeof body === "string" ? body : JSON.stringify(body) },
        { "content-type": "application/json", origin: stub.url, ...headers },
      ),
  };
}

/** What `createBrowser` makes. */
export type StubBrowser = ReturnType<typeof createBrowser>;

/** Presses Log in; resolves with the session the site created. */
export async function startLogin(stub: Stub, browser: StubBrowser): Promise<StubSession> {
  const response = await browser.post("/demo/login", {});
  const session = stub.sessions.at(-1);
  if (!response.ok || !session) throw new Error("no session was created");
  return session;
}

/** What the watching tab posts to `/demo/finish`. */
export function finishBody(session: StubSession): unknown {
  return { session_id: session.id, code: session.code };
}

/** Where the bot's button leads. */
export function callbackPath(session: StubSession): string {
  return `/demo/callback?code=${session.code}&state=${session.state}`;
}
