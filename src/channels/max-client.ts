// A thin client of the MAX Bot API over `fetch`: only the calls a login needs, each with its shape.
// What to say and when is decided elsewhere; retries and pauses of a dialog too.
// https://dev.max.ru/docs-api

import type { OnCall } from "./call-report.ts";
import { parseExactly } from "./exact-json.ts";
import { MaxRefusal, MaxUnreached } from "./max-errors.ts";
import { createRateLimiter } from "./rate-limiter.ts";
import { type Fetch, fetchTrusting, withTrace } from "./runtime-fetch.ts";

/**
 * The real API. Its chain needs the certificate of the Russian Ministry of Digital Development
 * (TAPIN_MAX_CA_FILE).
 */
export const MAX_API_URL = "https://platform-api2.max.ru";

/** Longest wait for an answer, in milliseconds. */
const CALL_MS = 15_000;

/** How much longer than its own waiting time a request for updates may take, in milliseconds. */
const POLL_MARGIN_MS = 10_000;

/**
 * Calls about messages in any stretch of time: 25 a second, evenly. MAX takes 30 requests a second
 * from a bot, and those for updates must neither stand in line behind a crowd's prompts nor be
 * refused because of them.
 */
const MESSAGING = { limit: 5, windowMs: 210 };

/** A user, as updates and GET /me have it. Only what is read here; ids beyond 2^53 come as text. */
export interface MaxUser {
  readonly user_id: number | string;
  readonly first_name?: string | null;
  readonly last_name?: string | null;
  readonly username?: string | null;
  readonly is_bot?: boolean;
  readonly avatar_url?: string | null;
  readonly full_avatar_url?: string | null;
}

/** A button: `callback` comes back to the bot with its payload, `link` opens a website. */
export type MaxButton =
  | { readonly type: "callback"; readonly text: string; readonly payload: string }
  | { readonly type: "link"; readonly text: string; readonly url: string };

/**
 * A message to send. An edit without `attachments` keeps the keyboard, an empty list removes it.
 */
export interface MaxMessageBody {
  readonly text: string;
  readonly attachments: readonly {
    readonly type: "inline_keyboard";
    readonly payload: { readonly buttons: readonly (readonly MaxButton[])[] };
  }[];
}

/** A page of updates. */
export interface MaxUpdates {
  readonly updates: readonly unknown[];
  /** What to ask from next time; null when MAX tells none. */
  readonly marker: number | string | null;
}

/** A webhook as MAX lists it: never with its secret. */
export interface MaxSubscription {
  readonly url: string;
  readonly update_types?: readonly string[] | null;
}

/** The calls. All reject with {@link MaxRefusal}, {@link MaxUnreached} or, once, a CaFileError. */
export interface MaxClient {
  getMe(signal: AbortSignal): Promise<MaxUser>;
  /** Sends to a person, without link previews; answers with the message's id. */
  sendMessage(userId: string, body: MaxMessageBody): Promise<string>;
  editMessage(messageId: string, body: MaxMessageBody): Promise<void>;
  /** Answers a tap, by changing its message or with a notice. */
  answer(
    callbackId: string,
    answer: { readonly message: MaxMessageBody } | { readonly notification: string },
  ): Promise<void>;
  /** The other side of a dialog; null when MAX does not tell. */
  getDialogPartner(dialogId: string): Promise<MaxUser | null>;
  getUpdates(
    query: {
      /** What comes before it is confirmed; null = from wherever MAX likes. */
      readonly marker: number | string | null;
      readonly timeoutSeconds: number;
      readonly types: readonly string[];
    },
    signal: AbortSignal,
  ): Promise<MaxUpdates>;
  listSubscriptions(signal: AbortSignal): Promise<readonly MaxSubscription[]>;
  subscribe(
    webhook: {
      readonly url: string;
      readonly secret: string;
      readonly update_types: readonly string[];
    },
    signal: AbortSignal,
  ): Promise<void>;
  unsubscribe(url: string, signal: AbortSignal): Promise<void>;
  setCommands(
    commands: readonly { readonly name: string; readonly description: string }[],
    signal: AbortSignal,
  ): Promise<void>;
}

/** How to reach the API. */
export interface MaxClientOptions {
  readonly token: string;
  /** Root of the API; null = {@link MAX_API_URL}. */
  readonly apiUrl: string | null;
  /** PEM file of a certificate authority to trust besides the runtime's own; null = none. */
  readonly caFile: string | null;
  /** Hears how each call went. Default: nobody. */
  readonly onCall?: OnCall;
}

interface Call {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
  /** How the call is named in an error, where the path has an id in it. */
  readonly name?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: object;
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
  /** In which line it stands with the other calls about messages; the rest go at once. */
  readonly line?: "short" | "long";
}

type Request = (call: Call) => Promise<Readonly<Record<string, unknown>>>;

/** Makes a client. The CA file is read with the first call. */
export function createMaxClient(options: MaxClientOptions): MaxClient {
  const request = createRequest(options);
  return {
    getMe: async (signal) =>
      (await request({ method: "GET", path: "/me", signal })) as unknown as MaxUser,
    async getDialogPartner(dialogId) {
      const path = `/chats/${encodeURIComponent(dialogId)}`;
      const chat = await request({ method: "GET", path, name: "GET /chats/{id}" });
      return (chat.dialog_with_user as MaxUser | null | undefined) ?? null;
    },
    ...messageCalls(request),
    ...updateCalls(request),
  };
}

const NO_PREVIEW = { disable_link_preview: "true" };
const IN_LINE = { line: "long" } as const;
// Whoever has tapped waits for the answer; a crowd's prompts must not stand in front of it.
const FIRST_IN_LINE = { line: "short" } as const;

function messageCalls(
  request: Request,
): Pick<MaxClient, "sendMessage" | "editMessage" | "answer" | "setCommands"> {
  return {
    async sendMessage(userId, body) {
      const query = { user_id: userId, ...NO_PREVIEW };
      const sent = await request({ method: "POST", path: "/messages", query, body, ...IN_LINE });
      const { mid } = Object(Object(sent.message).body) as { mid?: unknown };
      // No retry could help: the message is there already.
      if (typeof mid !== "string") throw unreadable("POST /messages");
      return mid;
    },
    async editMessage(messageId, body) {
      const query = { message_id: messageId };
      await request({ method: "PUT", path: "/messages", query, body, ...IN_LINE });
    },
    async answer(callbackId, body) {
      const query = { callback_id: callbackId, ...NO_PREVIEW };
      await request({ method: "POST", path: "/answers", query, body, ...FIRST_IN_LINE });
    },
    async setCommands(commands, signal) {
      await request({ method: "PATCH", path: "/me/commands", body: { commands }, signal });
    },
  };
}

function updateCalls(
  request: Request,
): Pick<MaxClient, "getUpdates" | "listSubscriptions" | "subscribe" | "unsubscribe"> {
  const path = "/subscriptions";
  return {
    async getUpdates({ marker, timeoutSeconds, types }, signal) {
      const query = {
        limit: "100",
        timeout: String(timeoutSeconds),
        types: types.join(","),
        ...(marker === null ? {} : { marker: String(marker) }),
      };
      const timeoutMs = timeoutSeconds * 1000 + POLL_MARGIN_MS;
      const page = await request({ method: "GET", path: "/updates", query, signal, timeoutMs });
      if (!Array.isArray(page.updates)) throw unreadable("GET /updates");
      const next = page.marker;
      const isMarker = typeof next === "number" || typeof next === "string";
      return { updates: page.updates, marker: isMarker ? next : null };
    },
    async listSubscriptions(signal) {
      const { subscriptions } = await request({ method: "GET", path, signal });
      if (!Array.isArray(subscriptions)) throw unreadable("GET /subscriptions");
      return subscriptions as readonly MaxSubscription[];
    },
    async subscribe(body, signal) {
      await request({ method: "POST", path, body, signal });
    },
    async unsubscribe(url, signal) {
      await request({ method: "DELETE", path, query: { url }, signal });
    },
  };
}

function unreadable(call: string): MaxRefusal {
  return new MaxRefusal({ call, status: 200, code: "", text: "the answer cannot be understood" });
}

function createRequest({ token, apiUrl, caFile, onCall }: MaxClientOptions): Request {
  const root = (apiUrl ?? MAX_API_URL).replace(/\/+$/, "");
  const messaging = createRateLimiter(MESSAGING);
  let fetching: Promise<Fetch> | null = null;
  return async (call) => {
    fetching ??= fetchTrusting(caFile).then((plain) =>
      root === MAX_API_URL ? plain : withTrace(plain),
    );
    const fetchUrl = await fetching;
    if (call.line !== undefined) await messaging.turn(call.line);
    const name = call.name ?? `${call.method} ${call.path}`;
    const startedAt = performance.now();
    const tell = (outcome: Parameters<OnCall>[1]) =>
      onCall?.(name, outcome, performance.now() - startedAt);
    try {
      const parameters = new URLSearchParams(call.query).toString();
      const url = `${root}${call.path}${parameters === "" ? "" : `?${parameters}`}`;
      const answer = await readAnswer(name, await fetchUrl(url, requestOf(call, token)));
      tell("ok");
      return answer;
    } catch (error) {
      tell(error instanceof MaxRefusal ? "refused" : "unreached");
      if (error instanceof MaxRefusal || error instanceof MaxUnreached) throw error;
      throw new MaxUnreached(name, error);
    }
  };
}

function requestOf(
  { method, body, signal, timeoutMs = CALL_MS }: Call,
  token: string,
): RequestInit {
  const timeout = AbortSignal.timeout(timeoutMs);
  return {
    method,
    // No `Bearer`; and in no URL: https://dev.max.ru/docs-api refuses a token there.
    headers: {
      authorization: token,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    // The token must not follow a redirect to another host.
    redirect: "error",
    signal: signal === undefined ? timeout : AbortSignal.any([timeout, signal]),
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  };
}

async function readAnswer(
  call: string,
  response: Response,
): Promise<Readonly<Record<string, unknown>>> {
  const { status, ok } = response;
  const content = parseExactly(await response.text());
  if (content === null && (ok || status >= 500)) {
    throw new MaxUnreached(call, new Error(`${status} with a body that is no JSON object`));
  }
  const { code, message, success } = content ?? {};
  // 200 may carry a refusal: `success: false`, or the body of an error.
  const isRefused = !ok || success === false || (typeof code === "string" && success !== true);
  if (content !== null && !isRefused) return content;
  throw new MaxRefusal({
    call,
    status,
    code: typeof code === "string" ? code : "",
    text: typeof message === "string" ? message : "",
    retryAfterSeconds: readSeconds(response.headers.get("retry-after")),
  });
}

function readSeconds(header: string | null): number | null {
  const seconds = Number(header ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds : null;
}
