// What a client of the contract looks like to tests, whichever dialect it speaks: one form of the
// answers and one of the errors. How a dialect is spoken is in grpc-client.ts, connect-client.ts
// and rest-client.ts.

import { keepAnswer, keepEvidence } from "./leaks.ts";

/** The dialects of the contract. */
export type DialectName = "gRPC" | "gRPC-Web" | "Connect JSON" | "Connect binary" | "REST";

/** What one call may say besides its request. */
export interface CallOptions {
  /** Credentials instead of the client's; null = none. */
  readonly bearer?: string | null;
  /** Extra request headers. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** Told the response headers of a call that is answered. */
  readonly onHeaders?: (headers: Headers) => void;
}

/** What CreateSession takes. */
export interface SessionInput {
  readonly state?: string;
  readonly redirectUri?: string;
  readonly codeChallenge?: string;
  readonly matchCode?: boolean;
  readonly client?: { readonly ip?: string; readonly userAgent?: string };
}

/** Static links; null where the project has no bot. */
export interface Links {
  readonly telegramLink: string | null;
  readonly maxLink: string | null;
  readonly configured: boolean;
}

/** A created session. `matchCode` is absent when none was asked for. */
export interface CreatedSession {
  readonly sessionId: string;
  readonly telegramLink: string | null;
  readonly maxLink: string | null;
  readonly expiresIn: number;
  readonly interval: number;
  readonly watchToken: string;
  readonly matchCode?: string;
}

/** A session's status; `code` is absent unless this reader is told it. */
export interface StatusAnswer {
  readonly status: string;
  readonly code?: string;
}

/** One message of a watch. */
export interface WatchMessage extends StatusAnswer {
  readonly opened: boolean;
  readonly sequence: number;
}

/** Who signed in. */
export interface Profile {
  readonly channel: string;
  readonly firstName: string;
  readonly username: string | null;
  readonly avatarUrl: string | null;
  readonly subscriberId: string;
  readonly lang: string;
  readonly tags: readonly string[];
  readonly state: string | null;
}

/** A client of AuthService. Every method rejects with CallError when the service refuses. */
export interface ContractClient {
  readonly dialect: DialectName;
  getLink(options?: CallOptions): Promise<Links>;
  createSession(input?: SessionInput, options?: CallOptions): Promise<CreatedSession>;
  getSessionStatus(sessionId: string, options?: CallOptions): Promise<StatusAnswer>;
  /** `afterSequence` resumes: the last sequence seen. */
  watchSession(
    sessionId: string,
    options?: CallOptions & { readonly afterSequence?: number },
  ): AsyncIterable<WatchMessage>;
  cancelSession(sessionId: string, options?: CallOptions): Promise<StatusAnswer>;
  verifyCode(
    input: { readonly code: string; readonly codeVerifier?: string },
    options?: CallOptions,
  ): Promise<Profile>;
  /** Lets go of connections. */
  close(): void;
}

/** Makes a client. `bearer` is sent with every call that names no other. */
export type ConnectClient = (url: string, bearer: string | null) => ContractClient;

/** A refusal, as every dialect tells it. */
export class CallError extends Error {
  /** Lower-case reason, such as `code_invalid`; empty when the answer carries none. */
  readonly reason: string;
  /** HTTP status of REST, name of the code (`not_found`) of RPC. */
  readonly code: number | string;
  readonly violations: readonly { readonly field: string; readonly message: string }[];
  /** Response headers and trailers. */
  readonly headers: Headers;
  /** Id the error's body names. */
  readonly requestId: string;

  constructor(message: string, parts: Omit<CallError, "message" | "name" | "stack" | "cause">) {
    super(message);
    this.name = "CallError";
    this.reason = parts.reason;
    this.code = parts.code;
    this.violations = parts.violations;
    this.headers = parts.headers;
    this.requestId = parts.requestId;
    const told = JSON.stringify([message, parts.violations, [...parts.headers]]);
    keepEvidence({ where: "a refusal", text: told });
  }
}

/** The refusal a call ends with. Rejects when it is answered, or fails in another way. */
export async function refusalOf(
  call: Promise<unknown> | AsyncIterable<unknown>,
): Promise<CallError> {
  try {
    if (Symbol.asyncIterator in call) await firstOf(call);
    else await call;
  } catch (error) {
    if (error instanceof CallError) return error;
    throw error;
  }
  throw new Error("the call was answered, but a refusal was expected");
}

/** The first message of a stream, which is then left. Rejects when it ends without one. */
export async function firstOf<T>(stream: AsyncIterable<T>): Promise<T> {
  for await (const message of stream) return message;
  throw new Error("the stream ended without a message");
}

/** Fields of a response by their ProtoJSON names, with wrapper messages as their values. */
export type Fields = Readonly<Record<string, unknown>>;

const orNull = (value: unknown) => (value as string | undefined) ?? null;
const present = (name: string, value: unknown) =>
  value === undefined || value === null ? {} : { [name]: value };
const shortName = (value: unknown) =>
  String(value)
    .replace(/^(SESSION_STATUS|CHANNEL)_/, "")
    .toLowerCase();

/** Reads GetLinkResponse. */
export function linksFrom(fields: Fields): Links {
  keepAnswer("GetLink", fields);
  const { telegramLink, maxLink, configured = false } = fields;
  return {
    telegramLink: orNull(telegramLink),
    maxLink: orNull(maxLink),
    configured: configured as boolean,
  };
}

/** Reads CreateSessionResponse. */
export function createdSessionFrom(fields: Fields): CreatedSession {
  keepAnswer("CreateSession", fields, { watchToken: "a watch token" });
  return {
    sessionId: fields.sessionId as string,
    telegramLink: orNull(fields.telegramLink),
    maxLink: orNull(fields.maxLink),
    expiresIn: fields.expiresIn as number,
    interval: fields.interval as number,
    watchToken: fields.watchToken as string,
    ...present("matchCode", fields.matchCode),
  };
}

/** Reads GetSessionStatusResponse and CancelSessionResponse. */
export function statusFrom(fields: Fields): StatusAnswer {
  keepAnswer("GetSessionStatus, WatchSession or CancelSession", fields, { code: "a code" });
  return { status: shortName(fields.status), ...present("code", fields.code) };
}

/** Reads WatchSessionResponse. */
export function watchMessageFrom(fields: Fields): WatchMessage {
  const { opened = false, sequence = 0 } = fields;
  return { ...statusFrom(fields), opened: opened as boolean, sequence: sequence as number };
}

/** Reads VerifyCodeResponse. */
export function profileFrom(fields: Fields): Profile {
  keepAnswer("VerifyCode", fields);
  return {
    channel: shortName(fields.channel),
    firstName: fields.firstName as string,
    username: orNull(fields.username),
    avatarUrl: orNull(fields.avatarUrl),
    subscriberId: fields.subscriberId as string,
    lang: fields.lang as string,
    tags: (fields.tags ?? []) as readonly string[],
    state: orNull(fields.state),
  };
}
